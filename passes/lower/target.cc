// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/target.h"

#include <vector>

#include "runtime/device/cpu/cpu_level.h"

namespace graft {
namespace {

std::vector<std::unique_ptr<Target>>& registry() {
  static auto* const targets = new std::vector<std::unique_ptr<Target>>;
  return *targets;
}

}  // namespace

llvm::Error registerTarget(std::unique_ptr<Target> target) {
  if (lookupTarget(target->getName()))
    return llvm::createStringError("expects a new target, got another '" +
                                   target->getName() + "'");
  registry().push_back(std::move(target));
  return llvm::Error::success();
}

llvm::SmallVector<const Target*> getTargets() {
  llvm::SmallVector<const Target*> targets;
  for (const auto& target : registry()) targets.push_back(target.get());
  return targets;
}

const Target* lookupTarget(llvm::StringRef name) {
  for (const auto& target : registry())
    if (target->getName() == name) return target.get();
  return nullptr;
}

const Target& getHostTarget() {
  for (absl::string_view level : CpuLevels()) {
    const Target* target = lookupTarget({level.data(), level.size()});
    if (target && CpuHasLevel(level)) return *target;
  }
  // A machine of no known level compiles for others.
  return *registry().front();
}

}  // namespace graft
