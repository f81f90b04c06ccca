// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/native.h"

#include "gtest/gtest.h"
#include "llvm/Object/ELFObjectFile.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "passes/lower/targets.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

// A kernel @k with this body on x: memref<?xf32>.
std::string kernel(const std::string& body) {
  return R"(
graft.size @T bound 64
exec.kernels @kernels {
  func.func @k.0(%x: memref<?xf32> {exec.dims = ["T"]}, %T: index, %seed: i64,
      %step: i32, %phase: i32, %begin: index, %end: index)
      attributes {exec.sizes = ["T"]} {
)" + body +
         R"(
    return
  }
}
)";
}

struct Compiled {
  mlir::FailureOr<NativeCode> code = mlir::failure();
  std::string diagnostics;
};

Compiled compile(const std::string& body, const CpuTarget& target) {
  Compiled result;
  mlir::ScopedDiagnosticHandler handler(
      &getTestContext(), [&](mlir::Diagnostic& diagnostic) {
        result.diagnostics += diagnostic.str();
        return mlir::success();
      });
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(kernel(body), &getTestContext());
  if (!module) return result;
  result.code =
      compileKernels(module->lookupSymbol<exec::KernelsOp>("kernels"), target);
  return result;
}

constexpr char kDouble[] = R"(
    %c1 = arith.constant 1 : index
    scf.for %i = %begin to %end step %c1 {
      %v = memref.load %x[%i] : memref<?xf32>
      %e = math.exp %v : f32
      memref.store %e, %x[%i] : memref<?xf32>
    })";

TEST(NativeTest, EveryLevelGivesASharedObject) {
  for (const CpuTarget& target : getCpuTargets()) {
    SCOPED_TRACE(target.level);
    Compiled compiled = compile(kDouble, target);
    ASSERT_TRUE(mlir::succeeded(compiled.code)) << compiled.diagnostics;
    EXPECT_EQ(compiled.code->symbols, (llvm::SmallVector<std::string>{"k.0"}));
    auto object = llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(compiled.code->library, "library"));
    ASSERT_TRUE(static_cast<bool>(object));
    EXPECT_EQ((*object)->getArch(), llvm::Triple(target.triple).getArch());
    bool found = false;
    auto* elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
    for (auto symbol : elf->getDynamicSymbolIterators()) {
      auto name = symbol.getName();
      ASSERT_TRUE(static_cast<bool>(name));
      found |= *name == "k.0";
    }
    EXPECT_TRUE(found);
  }
}

TEST(NativeTest, SameKernelGivesSameBytes) {
  Compiled first = compile(kDouble, getHostTarget());
  Compiled second = compile(kDouble, getHostTarget());
  ASSERT_TRUE(mlir::succeeded(first.code));
  ASSERT_TRUE(mlir::succeeded(second.code));
  EXPECT_EQ(first.code->library, second.code->library);
}

TEST(NativeTest, RefusesAllocation) {
  Compiled compiled =
      compile("    %m = memref.alloc() : memref<4xf32>\n", getHostTarget());
  EXPECT_TRUE(mlir::failed(compiled.code));
  EXPECT_EQ(compiled.diagnostics, "kernel 'k.0' allocates memory");
}

TEST(NativeTest, RefusesCallsOfOtherFunctions) {
  Compiled compiled = compile(R"(
    %v = memref.load %x[%begin] : memref<?xf32>
    %e = math.sin %v : f32
    memref.store %e, %x[%begin] : memref<?xf32>)",
                              getHostTarget());
  EXPECT_TRUE(mlir::failed(compiled.code));
  EXPECT_EQ(compiled.diagnostics,
            "kernel 'k.0' calls 'sinf'; expects calls of memcpy and memset "
            "only");
}

TEST(TargetsTest, NamesAreKnown) {
  EXPECT_EQ(lookupCpuTarget("avx2")->floatLanes(), 8u);
  EXPECT_EQ(lookupCpuTarget("avx512")->floatLanes(), 16u);
  EXPECT_EQ(lookupCpuTarget("aarch64")->floatLanes(), 4u);
  EXPECT_EQ(lookupCpuTarget("z80"), nullptr);
}

}  // namespace
}  // namespace graft
