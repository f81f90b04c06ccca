// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/cpu_level.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace graft {
namespace {

constexpr absl::string_view kLevels[] = {"amx_bf16", "avx512_bf16", "avx512",
                                         "avx2", "aarch64"};

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

#if defined(__linux__)
// LLVM's "sapphirerapids", as far as generated code makes use of it. Linux
// gives a process the registers when it asks for them; threads that it has are
// given them, too.
bool HasAmxBf16() {
  static const bool has = [] {
    constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!HasAvx512Bf16() || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ||
        (edx & kBf16) == 0 || (edx & kTile) == 0)
      return false;
    constexpr int kRequest = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr int kTileData = 18;     // XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
  }();
  return has;
}
#else
bool HasAmxBf16() { return false; }
#endif
#endif

}  // namespace

absl::Span<const absl::string_view> CpuLevels() { return kLevels; }

bool CpuHasLevel(absl::string_view level) {
#if defined(__x86_64__)
  if (level == "amx_bf16") return HasAmxBf16();
  if (level == "avx512_bf16") return HasAvx512Bf16();
  if (level == "avx512") return HasAvx512();
  if (level == "avx2") return HasAvx2();
#elif defined(__aarch64__)
  if (level == "aarch64") return true;
#endif
  return false;
}

std::vector<absl::string_view> CpuLevelsHere() {
  std::vector<absl::string_view> here;
  for (const absl::string_view level : kLevels)
    if (CpuHasLevel(level)) here.push_back(level);
  return here;
}

}  // namespace graft
