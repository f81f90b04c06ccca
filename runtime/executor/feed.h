// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What goes into a call of an entry: values of its inputs.

#ifndef GRAFT_RUNTIME_EXECUTOR_FEED_H_
#define GRAFT_RUNTIME_EXECUTOR_FEED_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"

namespace graft {

// A value for one input of an entry; everything is borrowed for the call and
// copied by it. Use the functions below to make one.
struct Feed {
  ValueKind kind = ValueKind::tensor;
  // Tensors: row-major, any alignment.
  DType dtype = DType::kF32;
  absl::Span<const int64_t> shape;
  const void* data = nullptr;
  // Segments: offsets [S + 1] from 0 to T, strictly increasing, or all 0
  // where the entry takes nothing else of tokens; ordinals [S],
  // or empty for 0, 1, ... S - 1.
  absl::Span<const int32_t> offsets;
  absl::Span<const int32_t> ordinals;

  static Feed Tensor(DType dtype, absl::Span<const int64_t> shape,
                     const void* data);
  static Feed Segments(absl::Span<const int32_t> offsets,
                       absl::Span<const int32_t> ordinals = {});
};

// An input is up to 3 buffers: a tensor, or offsets, ordinals and rows of
// segments (kernel_abi.h).
inline constexpr int kMaxParts = 3;
int PartCount(const ValueSpec& value);

// Checks one feed for each input of the entry, in their order, and writes the
// values of the artifact's sizes to `sizes`, which has one element for each; 0
// for a size that no input determines. Allocates nothing unless it fails.
//
// INVALID_ARGUMENT names entry, input, what was expected (capacities included)
// and what was found.
absl::Status BindFeeds(const ArtifactSpec& spec, const EntrySpec& entry,
                       absl::Span<const Feed> feeds, absl::Span<int64_t> sizes);

// Copies a feed that BindFeeds accepted into the parts of its input. Returns
// the bytes written to each part; 0 for parts that the input does not have.
std::array<uint64_t, kMaxParts> CopyFeed(
    const Feed& feed, const std::array<uint8_t*, kMaxParts>& parts);

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_FEED_H_
