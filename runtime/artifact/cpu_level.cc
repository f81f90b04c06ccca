// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/cpu_level.h"

namespace graft {
namespace {

constexpr absl::string_view kLevels[] = {"avx512_bf16", "avx512", "avx2",
                                         "aarch64"};

#if defined(__x86_64__)
// The levels are x86-64-v3 and -v4 of the psABI, which are what LLVM's
// "haswell" and "skylake-avx512" add that generated code makes use of.
bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") &&
         __builtin_cpu_supports("movbe") && __builtin_cpu_supports("popcnt");
}

bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

// LLVM's "cooperlake".
bool HasAvx512Bf16() {
  return HasAvx512() && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512bf16");
}
#endif

}  // namespace

absl::Span<const absl::string_view> CpuLevels() { return kLevels; }

bool CpuHasLevel(absl::string_view level) {
#if defined(__x86_64__)
  if (level == "avx512_bf16") return HasAvx512Bf16();
  if (level == "avx512") return HasAvx512();
  if (level == "avx2") return HasAvx2();
#elif defined(__aarch64__)
  if (level == "aarch64") return true;
#endif
  return false;
}

}  // namespace graft
