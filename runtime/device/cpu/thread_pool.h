// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_CPU_THREAD_POOL_H_
#define GRAFT_RUNTIME_DEVICE_CPU_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace graft {

// Whether threads stay on one processor.
enum class ThreadPinning {
  kNone,
  // Each thread that a pool starts has a processor of its own, of those that
  // the process may run on. The caller's has none: threads that it starts later
  // would inherit it. What the others leave is one, if nobody else runs here.
  kEach,
};

// A fixed team of threads for data-parallel loops. The calling thread is worker
// 0, so a pool of one starts no thread and runs everything inline.
//
// A loop over n starts with one contiguous share per worker: worker w of W gets
// [n * w / W, n * (w + 1) / W) and takes it in pieces from the front. A worker
// that has finished its share steals pieces of others, so that a slow or shared
// core does not delay the loop. Idle workers spin for some microseconds,
// because kernels follow each other closely, and then sleep.
//
// Calls allocate nothing. Thread-hostile by design: only one thread at a time
// may be inside Run or ParallelFor, and `fn` must not call back into the pool.
class ThreadPool {
 public:
  // Starts `threads` - 1 threads. INVALID_ARGUMENT unless 1 <= threads <= 1024,
  // or if there are fewer processors to pin them to; RESOURCE_EXHAUSTED when
  // the system refuses to start them all.
  static absl::StatusOr<std::unique_ptr<ThreadPool>> Create(
      int threads, ThreadPinning pinning = ThreadPinning::kNone);

  // Joins the threads. No call may be in progress.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return size_; }

  // Calls fn(w) once for each worker w in [0, size()), each on its own thread;
  // returns when all have returned.
  void Run(absl::FunctionRef<void(int worker)> fn);

  // Calls fn(begin, end) on disjoint ranges that cover [0, n), none of them
  // empty; returns when all have returned. Where they begin depends on n and
  // the number of workers alone; which worker gets them, on timing.
  void ParallelFor(int64_t n,
                   absl::FunctionRef<void(int64_t begin, int64_t end)> fn);

 private:
  explicit ThreadPool(int threads);

  // What is left of a worker's range: [next, end), if that is not empty.
  struct alignas(64) Share {
    std::atomic<uint64_t> next{0};
    uint64_t end = 0;
  };

  void WorkerLoop(int worker);

  const int size_;
  // How long an idle worker spins; 0 when there are more workers than cores,
  // where spinning only steals the time of the others.
  int spins_ = 0;
  // The loop body of the current generation; written before the increment of
  // generation_ that publishes it.
  const absl::FunctionRef<void(int)>* body_ = nullptr;
  std::atomic<uint32_t> generation_{0};
  std::atomic<int> running_{0};
  const std::unique_ptr<Share[]> shares_;  // of the loop, one a worker
  bool stop_ = false;                      // published like body_
  std::vector<std::thread> threads_;
};

// Threads that a process should use unless told otherwise: the number of cores
// it may run on (its affinity mask), or fewer where control groups leave it
// less time than those have; at least 1.
int DefaultThreadCount();

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_THREAD_POOL_H_
