// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tokenised examples, where they come from, and how they become packed batches.

#ifndef GRAFT_RUNTIME_DATA_EXAMPLES_H_
#define GRAFT_RUNTIME_DATA_EXAMPLES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// Class of an example without a label. Programs leave such examples out of the
// loss of labels.
inline constexpr int32_t kNoLabel = -100;

// Examples end to end, such as those of a batch. Clear keeps the memory for the
// next ones. Thread-compatible.
class Examples {
 public:
  // Reserves memory, so that adding so many examples allocates for texts only.
  void Reserve(int64_t examples, int64_t tokens);
  // Bytes that Reserve takes.
  static uint64_t Bytes(int64_t examples, int64_t tokens);
  void Clear();

  // Appends one example. `ids` is not empty; `types` has as many values.
  // `label` is the class or kNoLabel, `score` the regression target; a task
  // reads one of them. `row` is the example's number in its source, `text` the
  // text it was made of, where a caller shows it.
  void Add(absl::Span<const int32_t> ids, absl::Span<const int32_t> types,
           int32_t label, float score, int64_t row,
           absl::string_view text = "");
  // Appends example `i` of `other`.
  void Add(const Examples& other, int64_t i);
  // There must be one.
  void RemoveLast();

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  int64_t tokens() const { return static_cast<int64_t>(ids_.size()); }
  int64_t length(int64_t example) const {
    return offsets_[example + 1] - offsets_[example];
  }
  absl::Span<const int32_t> ids(int64_t example) const;
  absl::Span<const int32_t> types(int64_t example) const;
  int32_t label(int64_t example) const { return labels_[example]; }
  float score(int64_t example) const { return scores_[example]; }
  int64_t row(int64_t example) const { return rows_[example]; }
  absl::string_view text(int64_t example) const;

 private:
  std::vector<int32_t> ids_;
  std::vector<int32_t> types_;
  std::vector<int64_t> offsets_ = {0};
  std::vector<int32_t> labels_;
  std::vector<float> scores_;
  std::vector<int64_t> rows_;
  std::string text_;
  std::vector<size_t> text_ends_;
};

// Examples by number, in memory or in a file. Thread-compatible.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  virtual int64_t size() const = 0;
  // The most tokens of one example.
  virtual int64_t longest() const = 0;
  // Appends example `row`, in [0, size()).
  virtual absl::Status Append(int64_t row, Examples& examples) = 0;
};

// Appends the next example; false at the end.
using ExampleFeed = std::function<absl::StatusOr<bool>(Examples&)>;

// A row of numbers for each example of a source, such as a teacher's logits;
// programs take them under the name `cached.<name>`.
struct CachedRows {
  std::string name;
  int64_t width = 0;
  std::vector<float> values;  // [examples, width]
};

// The most tokens and sequences that one call of a program takes.
struct BatchCapacity {
  int64_t tokens = 0;
  int64_t sequences = 0;
};

// Measures the smallest capacity that holds each batch of `batch_size`
// consecutive examples whole, tokens rounded up to a multiple of 64.
// Thread-compatible.
class CapacityMeter {
 public:
  explicit CapacityMeter(int64_t batch_size) : batch_size_(batch_size) {}
  // The next example has `tokens`.
  void Add(int64_t tokens);
  BatchCapacity capacity() const;

 private:
  const int64_t batch_size_;
  int64_t sequences_ = 0;  // of the batch so far
  int64_t tokens_ = 0;
  BatchCapacity most_;
};

// The examples of one call, as programs take them.
struct PackedBatch {
  std::vector<int32_t> ids;        // [T]
  std::vector<int32_t> types;      // [T]
  std::vector<int32_t> offsets;    // [S + 1]
  std::vector<int32_t> ordinals;   // [S], ordinal in the optimiser batch
  std::vector<int32_t> labels;     // [S]
  std::vector<float> scores;       // [S]
  std::vector<CachedRows> cached;  // as the source has them, [S, width]

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  int64_t sequences() const { return static_cast<int64_t>(ordinals.size()); }
  // Reserves memory for the largest batch, so that packing allocates nothing.
  void Reserve(absl::Span<const CachedRows> caches,
               const BatchCapacity& capacity);
};

// A contiguous range [begin, end) of a batch's examples.
struct BatchRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// Cuts an optimiser batch into micro-batches that fit `capacity`, greedily and
// in order, into `micro_batches` (cleared first). INVALID_ARGUMENT: one example
// alone has too many tokens.
absl::Status SplitBatch(const Examples& batch, const BatchCapacity& capacity,
                        std::vector<BatchRange>& micro_batches);

// Packs a micro-batch of an optimiser batch into `packed` (overwritten), with
// its rows of `caches`.
void PackBatch(const Examples& batch, BatchRange micro_batch,
               absl::Span<const CachedRows> caches, PackedBatch& packed);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_EXAMPLES_H_
