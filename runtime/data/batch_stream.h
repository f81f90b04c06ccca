// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Batches that a thread of their own makes ahead.

#ifndef GRAFT_RUNTIME_DATA_BATCH_STREAM_H_
#define GRAFT_RUNTIME_DATA_BATCH_STREAM_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/data/examples.h"

namespace graft {

// Examples of one optimiser step, or of one call, and where they are cut into
// micro-batches.
struct Batch {
  Examples examples;
  std::vector<BatchRange> micro_batches;
};

// Makes the next batch out of an empty one that has the memory of an earlier
// one; false at the end.
using BatchMaker = std::function<absl::StatusOr<bool>(Batch&)>;

// A few batches that circulate between a thread, which fills them ahead, and
// the caller. Next is for one thread; it allocates nothing.
class BatchStream {
 public:
  // One that the caller holds, and two ahead.
  static constexpr size_t kBatches = 3;

  // `make` is called in the new thread only, until it returns false or an
  // error; what it borrows must outlive this. Each batch has the columns of
  // `schema` and room for `examples` of `tokens` in all. RESOURCE_EXHAUSTED: no
  // thread.
  static absl::StatusOr<std::unique_ptr<BatchStream>> Start(
      BatchMaker make, const Schema& schema, int64_t examples, int64_t tokens);
  // Waits for a batch that is being made.
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  // The next batch, valid until the next call; null at the end. An error of
  // the maker comes after the batches before it, and again from later calls.
  absl::StatusOr<const Batch*> Next();

  // Seconds that Next has waited for batches so far.
  double seconds_waited() const { return seconds_waited_; }

 private:
  explicit BatchStream(BatchMaker make) : make_(std::move(make)) {}

  void MakeAll();

  const BatchMaker make_;
  std::array<Batch, kBatches> batches_;  // batch i lies in i % kBatches
  // Abseil's mutex would hide what it orders from ThreadSanitizer where the
  // library is not built for it.
  std::mutex mutex_;
  std::condition_variable changed_;
  // Counts of batches, guarded by mutex_: made <= released + kBatches.
  size_t made_ = 0;
  size_t taken_ = 0;
  size_t released_ = 0;
  bool stop_ = false;   // no more batches are wanted
  bool ended_ = false;  // no more will come
  absl::Status status_;
  double seconds_waited_ = 0;  // of the caller's thread
  std::thread thread_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_BATCH_STREAM_H_
