// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tokenised examples in memory, and how they become packed batches.

#ifndef GRAFT_RUNTIME_TRAIN_DATASET_H_
#define GRAFT_RUNTIME_TRAIN_DATASET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace graft {

// Class of an example without a label, which programs leave out of the loss of
// labels.
inline constexpr int32_t kNoLabel = -100;

// A row of numbers for each example, such as what a teacher says about it.
struct CachedRows {
  std::string name;
  int64_t width = 0;
  std::vector<float> values;  // [examples, width]
};

// Examples end to end. Thread-compatible.
class Dataset {
 public:
  // Appends one example. `ids` is not empty; `types` has as many values.
  // `label` is the class or kNoLabel, `score` the regression target; the one
  // that the task does not have is ignored.
  void Add(absl::Span<const int32_t> ids, absl::Span<const int32_t> types,
           int32_t label, float score);

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  int64_t tokens() const { return static_cast<int64_t>(ids_.size()); }
  int64_t length(int64_t example) const {
    return offsets_[example + 1] - offsets_[example];
  }
  absl::Span<const int32_t> ids(int64_t example) const;
  absl::Span<const int32_t> types(int64_t example) const;
  int32_t label(int64_t example) const { return labels_[example]; }
  float score(int64_t example) const { return scores_[example]; }

  // Rows for all examples, which programs take under the name `cached.<name>`.
  void AddCache(CachedRows rows) { caches_.push_back(std::move(rows)); }
  const std::vector<CachedRows>& caches() const { return caches_; }

 private:
  std::vector<int32_t> ids_;
  std::vector<int32_t> types_;
  std::vector<int64_t> offsets_ = {0};
  std::vector<int32_t> labels_;
  std::vector<float> scores_;
  std::vector<CachedRows> caches_;
};

// The bounds of a program: the most tokens and sequences of one launch.
struct BatchBounds {
  int64_t tokens = 0;
  int64_t sequences = 0;
};

// The smallest bounds that hold each batch of `batch_size` consecutive examples
// in one piece, tokens rounded up to a multiple of 64.
BatchBounds MeasureBounds(const Dataset& dataset, int64_t batch_size);

// One program call's worth of examples, as the program takes them.
struct PackedBatch {
  std::vector<int32_t> ids;        // [T]
  std::vector<int32_t> types;      // [T]
  std::vector<int32_t> offsets;    // [S + 1]
  std::vector<int32_t> ordinals;   // [S], ordinal in the optimiser batch
  std::vector<int32_t> labels;     // [S]
  std::vector<float> scores;       // [S]
  std::vector<CachedRows> cached;  // as the data set has them, [S, width]

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  int64_t sequences() const { return static_cast<int64_t>(ordinals.size()); }
  // Room for a batch of the bounds, so that packing allocates nothing later.
  void Reserve(const Dataset& dataset, const BatchBounds& bounds);
};

// A contiguous range of positions [begin, end) of an order of examples.
struct BatchRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// Cuts the optimiser batch `order[begin, end)` into micro-batches inside of
// `bounds`, greedily and in order, appending to `pieces` (cleared first).
// INVALID_ARGUMENT: one example alone has more tokens than the bound.
absl::Status SplitBatch(const Dataset& dataset, absl::Span<const int64_t> order,
                        BatchRange batch, const BatchBounds& bounds,
                        std::vector<BatchRange>& pieces);

// Packs `order[piece)` into `packed` (overwritten); ordinals count from the
// beginning `batch_begin` of the optimiser batch.
void PackBatch(const Dataset& dataset, absl::Span<const int64_t> order,
               BatchRange piece, int64_t batch_begin, PackedBatch& packed);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_DATASET_H_
