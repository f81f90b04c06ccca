// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The ISA levels of processors that kernels are generated for.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_ISA_LEVEL_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_ISA_LEVEL_H_

#include <cstdint>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "passes/lower/native/native.h"

namespace graft {

// Code for a level is correct on every CPU that has it; the width and the
// number of vector registers set tile sizes, the cache sets those of blocks.
struct IsaLevel {
  std::string name;  // "avx2", ..., as in runtime/device/cpu/cpu_level.h
  NativeMachine machine;
  unsigned vectorRegisters;
  // Bytes that a core's second-level cache is taken to have: as few as are
  // common among processors of the level.
  int64_t secondCache;
  // Rounding to bf16, and dot products of pairs, by instructions that treat
  // subnormals as zero.
  bool hasBf16 = false;
  bool hasAmx = false;  // tile registers, and bf16 GEMMs in them

  unsigned floatLanes() const { return machine.vectorBits / 32; }
};

// What costs call a multiply-add of bf16, in tile registers or by dot products
// of pairs.
inline constexpr llvm::StringLiteral kBf16Unit = "bf16";

// Every level, best last within one architecture. Constant; thread-safe.
llvm::ArrayRef<IsaLevel> getIsaLevels();

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_ISA_LEVEL_H_
