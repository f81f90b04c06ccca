// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/sampler.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/philox.h"

namespace graft {
namespace {

// The numbers of the examples of each epoch, 0 .. size - 1, in a new order.
class ShuffledOrder {
 public:
  ShuffledOrder(uint64_t seed, int64_t size) : seed_(seed), size_(size) {}

  // Fisher-Yates by a counter-based generator: the order depends on (seed,
  // epoch, size) only.
  void SetEpoch(int64_t epoch) {
    if (epoch == epoch_) return;
    epoch_ = epoch;
    order_.resize(size_);
    std::iota(order_.begin(), order_.end(), 0);
    uint64_t state =
        SplitMix64(seed_ ^ SplitMix64(static_cast<uint64_t>(epoch)));
    for (size_t i = order_.size(); i > 1; --i) {
      state = SplitMix64(state);
      std::swap(order_[i - 1], order_[state % i]);
    }
  }
  int64_t operator[](int64_t place) const { return order_[place]; }

 private:
  const uint64_t seed_;
  const int64_t size_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> order_;
};

}  // namespace

BatchMaker TrainingBatches(ExampleSource& source, const TrainingOrder& order,
                           const BatchCapacity& capacity) {
  constexpr int64_t kMostShuffled = std::numeric_limits<uint32_t>::max();
  return [&source, order, capacity, step = order.first_step,
          shuffled = ShuffledOrder(order.seed, source.size())](
             Batch& batch) mutable -> absl::StatusOr<bool> {
    if (step >= order.steps) return false;
    const int64_t size = source.size();
    const int64_t steps_per_epoch =
        (size + order.batch_size - 1) / order.batch_size;
    if (order.shuffle) {
      if (size > kMostShuffled)
        return absl::InvalidArgumentError(
            absl::StrCat("expects at most ", kMostShuffled,
                         " examples to shuffle, got ", size));
      shuffled.SetEpoch(step / steps_per_epoch);
    }
    const int64_t begin = step % steps_per_epoch * order.batch_size;
    const int64_t end = std::min(begin + order.batch_size, size);
    for (int64_t i = begin; i < end; ++i)
      GRAFT_RETURN_IF_ERROR(
          source.Append(order.shuffle ? shuffled[i] : i, batch.examples));
    GRAFT_RETURN_IF_ERROR(
        SplitBatch(batch.examples, capacity, batch.micro_batches));
    ++step;
    return true;
  };
}

ExampleFeed InOrder(ExampleSource& source) {
  return {source.schema(),
          [&source, row = int64_t{0}](
              Examples& examples) mutable -> absl::StatusOr<bool> {
            if (row == source.size()) return false;
            GRAFT_RETURN_IF_ERROR(source.Append(row++, examples));
            return true;
          }};
}

BatchMaker LargestBatches(ExampleFeed feed, const BatchCapacity& capacity) {
  // One example that did not fit the batch before.
  return [next = std::move(feed.next), capacity, left = Examples(feed.schema)](
             Batch& batch) mutable -> absl::StatusOr<bool> {
    Examples& examples = batch.examples;
    if (left.size() > 0) examples.Add(left, 0);
    left.Clear();
    while (examples.size() <= capacity.sequences &&
           examples.tokens() <= capacity.tokens) {
      GRAFT_ASSIGN_OR_RETURN(const bool more, next(examples));
      if (!more) break;
    }
    if (examples.size() > 1 && (examples.size() > capacity.sequences ||
                                examples.tokens() > capacity.tokens)) {
      left.Add(examples, examples.size() - 1);
      examples.RemoveLast();
    }
    GRAFT_RETURN_IF_ERROR(SplitBatch(examples, capacity, batch.micro_batches));
    return examples.size() > 0;
  };
}

}  // namespace graft
