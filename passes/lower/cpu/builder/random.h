// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Counter-based randomness in kernels, bit for bit that of
// runtime/formats/philox.h.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_RANDOM_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_RANDOM_H_

#include <array>

#include "passes/lower/cpu/builder/vector_builder.h"

namespace graft {

// Philox4x32-10 (runtime/formats/philox.h) with the key of one random op.
// Construct it at the start of a kernel, where it computes the key.
class PhiloxBuilder {
 public:
  PhiloxBuilder(VectorBuilder& v, const KernelArguments& arguments);

  using Words = std::array<mlir::Value, 4>;
  // One call in each lane: words of counters and results are vectors of i32.
  Words call(const Words& counter);
  // The same in lanes of 64 bits, words in their lower halves. What is in the
  // upper ones does not matter, and is anything in the results: so a product
  // of words is one instruction (vpmuludq).
  Words rounds(Words counter);

 private:
  VectorBuilder& v;
  // Key words of each round, in the low halves of vectors of i64.
  llvm::SmallVector<std::array<mlir::Value, 2>> keys;
};

// The dropout masks of one random op. Construct it at the start of a kernel,
// where it computes the op's key.
class DropoutBuilder {
 public:
  // `rate` lies in (0, 1).
  DropoutBuilder(VectorBuilder& v, const KernelArguments& arguments,
                 double rate);

  // The words that the 16 calls of one block of 128 elements draw, for the
  // `lanes()` calls from `group * lanes()` on: `row` are the three counter
  // words after the call number (i32), `block` an index.
  using Words = PhiloxBuilder::Words;
  Words words(mlir::Value block, int64_t group,
              llvm::ArrayRef<mlir::Value> row);

  // `value` times the scale where its element is kept, else zero. Chunk
  // r in [0, 8) belongs to the elements from block * 128 + r * 16 + group *
  // lanes() on.
  mlir::Value apply(mlir::Value value, const Words& words, int64_t r);

 private:
  VectorBuilder& v;
  PhiloxBuilder philox;
  mlir::Value threshold;  // in the upper half of each word
  mlir::Value scale;
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_RANDOM_H_
