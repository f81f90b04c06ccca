// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/target.h"

#include "gtest/gtest.h"
#include "passes/lower/cpu/builder/isa_level.h"
#include "passes/lower/cpu/cpu_target.h"
#include "runtime/device/cpu/cpu_level.h"

namespace graft {
namespace {

class NamedTarget : public Target {
 public:
  using Target::Target;
  llvm::StringRef getLevel() const override { return "avx2"; }
  llvm::StringRef getTriple() const override { return ""; }
  mlir::LogicalResult lower(mlir::Operation* op, mlir::OpBuilder& builder,
                            KernelContext& context) const override {
    return mlir::failure();
  }
  mlir::FailureOr<KernelCode> compile(
      exec::KernelsOp kernels, llvm::StringRef cacheDirectory) const override {
    return mlir::failure();
  }
};

TEST(TargetTest, EachIsaLevelIsATarget) {
  registerCpuTargets();
  registerCpuTargets();
  ASSERT_GE(getTargets().size(), getIsaLevels().size());
  for (const IsaLevel& level : getIsaLevels()) {
    const Target* target = lookupTarget(level.name);
    ASSERT_NE(target, nullptr) << level.name;
    EXPECT_EQ(target->getLevel(), level.name);
    EXPECT_EQ(target->getTriple(), level.machine.triple);
    EXPECT_EQ(target->getCodeKind(), "elf");
  }
  EXPECT_EQ(lookupTarget("avx512")->getLevel(), "avx512");
  EXPECT_EQ(lookupTarget("z80"), nullptr);
}

TEST(TargetTest, HostIsWhatTheMachineRuns) {
  registerCpuTargets();
  const Target& host = getHostTarget();
  for (absl::string_view level : CpuLevels()) {
    if (!CpuHasLevel(level)) continue;
    EXPECT_EQ(host.getName(), std::string(level));
    break;
  }
}

TEST(TargetTest, NamesAreUnique) {
  registerCpuTargets();
  EXPECT_FALSE(static_cast<bool>(
      registerTarget(std::make_unique<NamedTarget>("test_target"))));
  EXPECT_EQ(lookupTarget("test_target")->getName(), "test_target");
  EXPECT_EQ(llvm::toString(
                registerTarget(std::make_unique<NamedTarget>("test_target"))),
            "expects a new target, got another 'test_target'");
  // What needs avx2 but is not named so is not chosen for this machine.
  EXPECT_NE(getHostTarget().getName(), "test_target");
}

}  // namespace
}  // namespace graft
