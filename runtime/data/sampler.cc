// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/sampler.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/philox.h"

namespace graft {
namespace {

// Fisher-Yates by a counter-based generator: the order that comes of `items`
// depends on (seed, time) only, beside how many they are.
void Shuffle(absl::Span<uint32_t> items, uint64_t seed, int64_t time) {
  uint64_t state = SplitMix64(seed ^ SplitMix64(static_cast<uint64_t>(time)));
  for (size_t i = items.size(); i > 1; --i) {
    state = SplitMix64(state);
    std::swap(items[i - 1], items[state % i]);
  }
}

// A seed of its own for number `index` of what has the seed `seed`.
uint64_t SeedOf(uint64_t seed, uint64_t index) {
  return SplitMix64(seed ^ SplitMix64(index));
}

// The numbers of the examples of each epoch, 0 .. size - 1, in a new order.
class ShuffledOrder {
 public:
  ShuffledOrder(uint64_t seed, int64_t size) : seed_(seed), size_(size) {}

  void SetEpoch(int64_t epoch) {
    if (epoch == epoch_) return;
    epoch_ = epoch;
    order_.resize(size_);
    std::iota(order_.begin(), order_.end(), 0);
    Shuffle(absl::MakeSpan(order_), seed_, epoch);
  }
  int64_t operator[](int64_t place) const { return order_[place]; }

 private:
  const uint64_t seed_;
  const int64_t size_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> order_;
};

// The rows of a task in the order of each time that visits go through them.
class ShuffledRows {
 public:
  ShuffledRows(absl::Span<const uint32_t> rows, uint64_t seed)
      : rows_(rows), seed_(seed), order_(rows.begin(), rows.end()) {}

  absl::Span<const uint32_t> At(int64_t time) {
    if (time == time_) return order_;
    time_ = time;
    order_.assign(rows_.begin(), rows_.end());
    Shuffle(absl::MakeSpan(order_), seed_, time);
    return order_;
  }

 private:
  absl::Span<const uint32_t> rows_;
  uint64_t seed_;
  int64_t time_ = -1;
  std::vector<uint32_t> order_;
};

// The rows of episodes.
class EpisodeRows {
 public:
  EpisodeRows(const StreamTasks& tasks, const EpisodeOrder& order)
      : tasks_(tasks),
        order_(order),
        drawn_(SeedOf(order.seed, kTasks), tasks.rows.size()) {
    if (!order.shuffle) return;
    const uint64_t seed = SeedOf(SeedOf(order.seed, kRows), tasks.table);
    for (int64_t task = 0; task < tasks.rows.size(); ++task)
      shuffled_.emplace_back(tasks.rows.rows(task), SeedOf(seed, task));
  }

  // Replaces `rows` by those of episode `number`.
  void Take(int64_t number, std::vector<int64_t>& rows) {
    rows.clear();
    const int64_t visit = number / tasks_.rows.size();
    int64_t task = number % tasks_.rows.size();
    if (order_.shuffle) {
      drawn_.SetEpoch(visit);
      task = drawn_[task];
    }
    const auto all = static_cast<int64_t>(tasks_.rows.rows(task).size());
    const int64_t own = std::min(order_.batch_size, all / tasks_.parts);
    const int64_t dealt = own * tasks_.parts;
    const int64_t visits = (all + dealt - 1) / dealt;  // of a time
    const absl::Span<const uint32_t> ordered =
        order_.shuffle ? shuffled_[task].At(visit / visits)
                       : tasks_.rows.rows(task);
    const int64_t begin = visit % visits * dealt + tasks_.part * own;
    for (int64_t i = begin; i < begin + own; ++i)
      rows.push_back(ordered[i % all]);
  }

 private:
  // What the seeds are of.
  static constexpr uint64_t kTasks = 0x7461736b73, kRows = 0x726f7773;

  const StreamTasks& tasks_;
  const EpisodeOrder order_;
  ShuffledOrder drawn_;                 // of the tasks
  std::vector<ShuffledRows> shuffled_;  // of each task
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

absl::Status CheckParts(const StreamTasks& tasks) {
  for (int64_t task = 0; task < tasks.rows.size(); ++task) {
    const size_t rows = tasks.rows.rows(task).size();
    if (static_cast<int64_t>(rows) < tasks.parts)
      return absl::InvalidArgumentError(
          absl::StrCat("expects at least ", tasks.parts, " rows of the task '",
                       tasks.rows.name(task),
                       "', one for each stream that reads them, got ", rows));
  }
  return absl::OkStatus();
}

int64_t FewestTaskRows(const StreamTasks& tasks) {
  size_t fewest = std::numeric_limits<size_t>::max();
  for (int64_t task = 0; task < tasks.rows.size(); ++task)
    fewest = std::min(fewest, tasks.rows.rows(task).size());
  return static_cast<int64_t>(fewest) / tasks.parts;
}

BatchMaker EpisodeBatches(ExampleSource& source, const StreamTasks& tasks,
                          const EpisodeOrder& order,
                          const BatchCapacity& capacity) {
  return [&source, capacity, episodes = EpisodeRows(tasks, order),
          number = order.first, rows = std::vector<int64_t>()](
             Batch& batch) mutable -> absl::StatusOr<bool> {
    episodes.Take(number++, rows);
    for (const int64_t row : rows)
      GRAFT_RETURN_IF_ERROR(source.Append(row, batch.examples));
    GRAFT_RETURN_IF_ERROR(
        SplitBatch(batch.examples, capacity, batch.micro_batches));
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
  // One example that did not fit the batch before, and how the feed ended,
  // after which it is not asked again.
  return [next = std::move(feed.next), capacity, left = Examples(feed.schema),
          ended = std::optional<absl::Status>()](
             Batch& batch) mutable -> absl::StatusOr<bool> {
    Examples& examples = batch.examples;
    if (left.size() > 0) examples.Add(left, 0);
    left.Clear();
    while (!ended && examples.size() <= capacity.sequences &&
           examples.tokens() <= capacity.tokens) {
      const absl::StatusOr<bool> more = next(examples);
      if (!more.ok() || !*more) ended = more.status();
    }
    if (examples.size() == 0) GRAFT_RETURN_IF_ERROR(*ended);
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
