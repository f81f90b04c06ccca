// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tokenised examples, where they come from, and how they become packed batches.

#ifndef GRAFT_RUNTIME_DATA_EXAMPLES_H_
#define GRAFT_RUNTIME_DATA_EXAMPLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// Class of an example without a label, which programs leave out of the loss of
// labels.
inline constexpr int32_t kNoLabel = -100;

// A few examples end to end, such as those of a batch; its memory is used
// again after Clear. Thread-compatible.
class Examples {
 public:
  // Room for so many, so that adding them allocates nothing but for texts.
  void Reserve(int64_t examples, int64_t tokens);
  // Bytes of that room.
  static uint64_t Bytes(int64_t examples, int64_t tokens);
  void Clear();

  // Appends one example. `ids` is not empty; `types` has as many values.
  // `label` is the class or kNoLabel, `score` the regression target; the one
  // that the task does not have is ignored. `row` is its number in its source;
  // `text` what it was made of, for those who show it.
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

// Examples by number, which need not be in memory. Thread-compatible.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  virtual int64_t size() const = 0;
  // The most tokens of one example.
  virtual int64_t longest() const = 0;
  // Appends example `row`, in [0, size()).
  virtual absl::Status Append(int64_t row, Examples& examples) = 0;
};

// A row of numbers for each example of a source, such as what a teacher says
// about it; programs take them under the name `cached.<name>`.
struct CachedRows {
  std::string name;
  int64_t width = 0;
  std::vector<float> values;  // [examples, width]
};

// The bounds of a program: the most tokens and sequences of one launch.
struct BatchBounds {
  int64_t tokens = 0;
  int64_t sequences = 0;
};

// The smallest bounds that hold each batch of `batch_size` consecutive examples
// in one piece, tokens rounded up to a multiple of 64. Thread-compatible.
class BoundsMeter {
 public:
  explicit BoundsMeter(int64_t batch_size) : batch_size_(batch_size) {}
  // The next example has `tokens`.
  void Add(int64_t tokens);
  BatchBounds bounds() const;

 private:
  const int64_t batch_size_;
  int64_t sequences_ = 0;  // of the batch so far
  int64_t tokens_ = 0;
  BatchBounds most_;
};

// One program call's worth of examples, as the program takes them.
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
  // Room for a batch of the bounds, so that packing allocates nothing later.
  void Reserve(absl::Span<const CachedRows> caches, const BatchBounds& bounds);
};

// A contiguous range [begin, end) of a batch's examples.
struct BatchRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// Cuts an optimiser batch into micro-batches inside of `bounds`, greedily and
// in order, into `pieces` (cleared first). INVALID_ARGUMENT: one example alone
// has more tokens than the bound.
absl::Status SplitBatch(const Examples& batch, const BatchBounds& bounds,
                        std::vector<BatchRange>& pieces);

// Packs `piece` of an optimiser batch into `packed` (overwritten), with its
// rows of `caches`.
void PackBatch(const Examples& batch, BatchRange piece,
               absl::Span<const CachedRows> caches, PackedBatch& packed);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_EXAMPLES_H_
