// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/isa_level.h"

namespace graft {

llvm::ArrayRef<IsaLevel> getIsaLevels() {
  // CPU names fix both the instructions and the schedule. Levels of x86-64
  // name the features only and are tuned for a generic core, so that code is
  // good on AMD and Intel alike.
  constexpr char kX86[] = "x86_64-pc-linux-gnu";
  constexpr int64_t kKiB = 1024;
  static const IsaLevel levels[] = {
      {"avx2", {kX86, "x86-64-v3", "", 256}, 16, 512 * kKiB},
      {"avx512", {kX86, "x86-64-v4", "", 512}, 32, 1024 * kKiB},
      {"avx512_bf16",
       {kX86, "x86-64-v4", "+avx512bf16,+avx512vnni", 512,
        /*roundsBf16=*/true},
       32,
       1024 * kKiB,
       /*hasBf16=*/true},
      {"amx_bf16",
       {kX86, "x86-64-v4", "+avx512bf16,+avx512vnni,+amx-tile,+amx-bf16", 512,
        /*roundsBf16=*/true},
       32,
       2048 * kKiB,
       /*hasBf16=*/true,
       /*hasAmx=*/true},
      {"aarch64",
       {"aarch64-unknown-linux-gnu", "neoverse-n1", "", 128},
       32,
       512 * kKiB},
  };
  return levels;
}

}  // namespace graft
