// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A small artifact with one of everything, for tests.

#ifndef GRAFT_TEST_RUNTIME_ARTIFACT_TINY_ARTIFACT_H_
#define GRAFT_TEST_RUNTIME_ARTIFACT_TINY_ARTIFACT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/artifact/writer.h"

namespace graft {

// Sizes T up to 8 and S up to 3; slots w [4] (trainable), its gradient, and
// the frozen b [4]; entries (see tiny_kernels.c):
//   predict(x [T, 4], segments) -> sums [S, 4]: sums of (x * w + b) by sequence
//   accumulate(x [T, 4]) -> draw [4] i32: gradient += sum of x; random state
//   update(rate []): w -= rate * gradient, gradient = 0
// streams "train" and "dev", the cache "sums" of predict, and a host program
// "train" with each instruction, and registers for it.
// `code` is borrowed; it belongs to level `level`.
ArtifactSpec TinySpec(absl::Span<const uint8_t> code, std::string level);

// Gives predict a prologue: w is copied into the arena, and x scaled by that.
void AddPrologue(ArtifactSpec& spec);

// Values of the parameters of TinySpec: w = 1, 2, 3, 4 and b = 0.5.
absl::Status TinyWeights(size_t slot, WeightSink sink);

// The bytes of that artifact, in a buffer aligned like a mapped file.
class AlignedBytes {
 public:
  explicit AlignedBytes(absl::Span<const uint8_t> bytes);
  absl::Span<uint8_t> bytes() { return absl::MakeSpan(data_, size_); }

 private:
  std::vector<uint8_t> storage_;
  uint8_t* data_;
  size_t size_;
};

// Makes the checksums of preamble and header right again after a change.
void Reseal(absl::Span<uint8_t> artifact);

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_ARTIFACT_TINY_ARTIFACT_H_
