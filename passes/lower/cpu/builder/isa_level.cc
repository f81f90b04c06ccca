// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/isa_level.h"

#include "runtime/device/cpu/cpu_level.h"

namespace graft {

llvm::ArrayRef<CpuTarget> getCpuTargets() {
  // CPU names fix both the instructions and the schedule. Levels of x86-64
  // name the features only and are tuned for a generic core, so that code is
  // good on AMD and Intel alike.
  static const CpuTarget targets[] = {
      {"avx2", "x86_64-pc-linux-gnu", "x86-64-v3", "", 256, 16},
      {"avx512", "x86_64-pc-linux-gnu", "x86-64-v4", "", 512, 32},
      {"avx512_bf16", "x86_64-pc-linux-gnu", "x86-64-v4",
       "+avx512bf16,+avx512vnni", 512, 32, /*hasBf16=*/true},
      {"amx_bf16", "x86_64-pc-linux-gnu", "x86-64-v4",
       "+avx512bf16,+avx512vnni,+amx-tile,+amx-bf16", 512, 32,
       /*hasBf16=*/true, /*hasAmx=*/true},
      {"aarch64", "aarch64-unknown-linux-gnu", "neoverse-n1", "", 128, 32},
  };
  return targets;
}

const CpuTarget* lookupCpuTarget(llvm::StringRef level) {
  for (const CpuTarget& target : getCpuTargets())
    if (target.level == level) return &target;
  return nullptr;
}

const CpuTarget& getHostTarget() {
  static const CpuTarget* const host = [] {
    for (absl::string_view level : CpuLevels())
      if (CpuHasLevel(level))
        return lookupCpuTarget(llvm::StringRef(level.data(), level.size()));
    // x86-64 machines without AVX2 compile for others.
    return lookupCpuTarget("avx2");
  }();
  return *host;
}

}  // namespace graft
