// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/device/cpu/cpu_quota.h"

namespace graft {
namespace {

// Around 20 us: more than the gap between two kernels of a step, much less than
// a scheduler's time slice.
constexpr int kSpins = 4000;

// Pieces of a worker's range: enough that the last one is short.
constexpr int64_t kPieces = 16;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns once `value` differs from `old`: first by spinning, then asleep.
template <typename T>
void WaitWhileEqual(const std::atomic<T>& value, T old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  value.wait(old, std::memory_order_acquire);
}

// The processors that the process may run on, ascending.
std::vector<int> AllowedProcessors() {
  std::vector<int> processors;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return processors;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) processors.push_back(cpu);
  }
  return processors;
}

// Keeps the calling thread on one processor. That may have gone offline since;
// then the thread stays free, which costs time only.
void StayOn(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ThreadPool>> ThreadPool::Create(
    int threads, ThreadPinning pinning) {
  if (threads < 1 || threads > 1024) {
    return absl::InvalidArgumentError(absl::StrCat(
        "thread pool expects between 1 and 1024 threads, got ", threads));
  }
  const bool pins = pinning == ThreadPinning::kEach;
  const std::vector<int> processors =
      pins ? AllowedProcessors() : std::vector<int>();
  if (pins && processors.size() < static_cast<size_t>(threads)) {
    return absl::InvalidArgumentError(
        absl::StrCat("pinned threads expect a processor each, got ", threads,
                     " threads and ", processors.size(), " processors"));
  }
  std::unique_ptr<ThreadPool> pool(new ThreadPool(threads));
  pool->threads_.reserve(static_cast<size_t>(threads) - 1);
  // std::thread reports failure by an exception only.
  try {
    for (int w = 1; w < threads; ++w) {
      const int processor = pins ? processors[static_cast<size_t>(w)] : -1;
      pool->threads_.emplace_back([raw = pool.get(), w, processor] {
        if (processor >= 0) StayOn(processor);
        raw->WorkerLoop(w);
      });
    }
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start thread ", pool->threads_.size() + 2, " of ",
                     threads, ": ", error.what()));
  }
  return pool;
}

ThreadPool::ThreadPool(int threads)
    : size_(threads),
      spins_(threads <= DefaultThreadCount() ? kSpins : 0),
      shares_(std::make_unique<Share[]>(static_cast<size_t>(threads))) {}

ThreadPool::~ThreadPool() {
  stop_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Run(absl::FunctionRef<void(int worker)> fn) {
  if (size_ == 1) {
    fn(0);
    return;
  }
  body_ = &fn;
  running_.store(size_ - 1, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  fn(0);
  for (int left; (left = running_.load(std::memory_order_acquire)) != 0;) {
    WaitWhileEqual(running_, left, spins_);
  }
}

void ThreadPool::ParallelFor(
    int64_t n, absl::FunctionRef<void(int64_t begin, int64_t end)> fn) {
  if (n <= 0) return;
  if (size_ == 1 || n == 1) {
    fn(0, n);
    return;
  }
  // n * w / W without overflow for any n.
  const int64_t quotient = n / size_;
  const int64_t remainder = n % size_;
  const auto border = [&](int64_t w) {
    return quotient * w + remainder * w / size_;
  };
  for (int w = 0; w < size_; ++w) {
    shares_[w].next.store(static_cast<uint64_t>(border(w)),
                          std::memory_order_relaxed);
    shares_[w].end = static_cast<uint64_t>(border(w + 1));
  }
  const auto piece =
      static_cast<uint64_t>(std::max<int64_t>(quotient / kPieces, 1));
  Run([&](int worker) {
    for (int turn = 0; turn < size_; ++turn) {
      Share& share = shares_[(worker + turn) % size_];
      // `next` passes `end` by a piece a worker at most, which 64 bits hold.
      for (uint64_t begin; (begin = share.next.fetch_add(
                                piece, std::memory_order_relaxed)) < share.end;)
        fn(static_cast<int64_t>(begin),
           static_cast<int64_t>(std::min(begin + piece, share.end)));
    }
  });
}

void ThreadPool::WorkerLoop(int worker) {
  uint32_t seen = 0;
  while (true) {
    WaitWhileEqual(generation_, seen, spins_);
    // Exactly one step: the next generation starts only when this worker has
    // reported.
    ++seen;
    if (stop_) return;
    (*body_)(worker);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      running_.notify_one();
    }
  }
}

int DefaultThreadCount() {
  cpu_set_t set;
  const int cores = sched_getaffinity(0, sizeof(set), &set) == 0
                        ? CPU_COUNT(&set)
                        : static_cast<int>(std::thread::hardware_concurrency());
  std::ifstream file("/proc/self/cgroup");
  const std::string membership((std::istreambuf_iterator<char>(file)), {});
  return std::min(std::max(1, cores), CpuQuota(membership, "/sys/fs/cgroup"));
}

}  // namespace graft
