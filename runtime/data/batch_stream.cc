// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/batch_stream.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {

absl::StatusOr<std::unique_ptr<BatchStream>> BatchStream::Start(
    BatchMaker make, const Schema& schema, int64_t examples, int64_t tokens) {
  std::unique_ptr<BatchStream> stream(new BatchStream(std::move(make)));
  for (Batch& batch : stream->batches_) {
    batch.examples = Examples(schema);
    batch.examples.Reserve(examples, tokens);
    batch.micro_batches.reserve(examples);
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
    batch.micro_batches.clear();
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

}  // namespace graft
