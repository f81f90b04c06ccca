// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/batch_stream.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/philox.h"

namespace graft {

absl::StatusOr<std::unique_ptr<BatchStream>> BatchStream::Start(
    BatchMaker make, int64_t examples, int64_t tokens) {
  std::unique_ptr<BatchStream> stream(new BatchStream(std::move(make)));
  for (Batch& batch : stream->batches_) {
    batch.examples.Reserve(examples, tokens);
    batch.pieces.reserve(examples);
  }
  // std::thread reports failure by an exception only.
  try {
    stream->thread_ = std::thread([raw = stream.get()] { raw->MakeAll(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start a thread that reads: ", error.what()));
  }
  return stream;
}

BatchStream::~BatchStream() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BatchStream::MakeAll() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || made_ - released_ < kBatches; });
    if (stop_) return;
    Batch& batch = batches_[made_ % kBatches];
    lock.unlock();
    batch.examples.Clear();
    batch.pieces.clear();
    absl::StatusOr<bool> more = make_(batch);
    lock.lock();
    if (more.ok() && *more) {
      ++made_;
      changed_.notify_all();
      continue;
    }
    status_ = more.status();
    ended_ = true;
    changed_.notify_all();
    return;
  }
}

absl::StatusOr<const Batch*> BatchStream::Next() {
  std::unique_lock<std::mutex> lock(mutex_);
  released_ = taken_;
  changed_.notify_all();
  const auto ready = [&] { return made_ > taken_ || ended_; };
  if (!ready()) {
    const auto start = std::chrono::steady_clock::now();
    changed_.wait(lock, ready);
    seconds_waited_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
  }
  if (made_ > taken_) return &batches_[taken_++ % kBatches];
  GRAFT_RETURN_IF_ERROR(status_);
  return nullptr;
}

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
                           const BatchBounds& bounds) {
  constexpr int64_t kMostShuffled = std::numeric_limits<uint32_t>::max();
  return [&source, order, bounds, step = order.first_step,
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
    GRAFT_RETURN_IF_ERROR(SplitBatch(batch.examples, bounds, batch.pieces));
    ++step;
    return true;
  };
}

ExampleFeed InOrder(ExampleSource& source) {
  return [&source, row = int64_t{0}](
             Examples& examples) mutable -> absl::StatusOr<bool> {
    if (row == source.size()) return false;
    GRAFT_RETURN_IF_ERROR(source.Append(row++, examples));
    return true;
  };
}

BatchMaker LargestPieces(ExampleFeed next, const BatchBounds& bounds) {
  // One example that did not fit the batch before.
  return [next = std::move(next), bounds,
          left = Examples()](Batch& batch) mutable -> absl::StatusOr<bool> {
    Examples& examples = batch.examples;
    if (left.size() > 0) examples.Add(left, 0);
    left.Clear();
    while (examples.size() <= bounds.sequences &&
           examples.tokens() <= bounds.tokens) {
      GRAFT_ASSIGN_OR_RETURN(const bool more, next(examples));
      if (!more) break;
    }
    if (examples.size() > 1 && (examples.size() > bounds.sequences ||
                                examples.tokens() > bounds.tokens)) {
      left.Add(examples, examples.size() - 1);
      examples.RemoveLast();
    }
    GRAFT_RETURN_IF_ERROR(SplitBatch(examples, bounds, batch.pieces));
    return examples.size() > 0;
  };
}

}  // namespace graft
