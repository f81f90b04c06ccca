// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(ThreadPoolTest, RejectsAbsurdSizes) {
  EXPECT_EQ(ThreadPool::Create(0).status().message(),
            "thread pool expects between 1 and 1024 threads, got 0");
  EXPECT_TRUE(absl::IsInvalidArgument(ThreadPool::Create(-1).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ThreadPool::Create(1025).status()));
}

TEST(ThreadPoolTest, PinsTheThreadsThatItStarts) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  const int processors = CPU_COUNT(&allowed);
  const int threads = std::min(processors, 1024);
  auto pool = ThreadPool::Create(threads, ThreadPinning::kEach).value();
  std::vector<cpu_set_t> sets(static_cast<size_t>(threads));
  pool->Run([&](int worker) {
    sched_getaffinity(0, sizeof(cpu_set_t), &sets[static_cast<size_t>(worker)]);
  });
  EXPECT_TRUE(CPU_EQUAL(&sets[0], &allowed));
  std::set<int> used;
  for (int worker = 1; worker < threads; ++worker) {
    const cpu_set_t& set = sets[static_cast<size_t>(worker)];
    ASSERT_EQ(CPU_COUNT(&set), 1) << worker;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) used.insert(cpu);
    }
  }
  EXPECT_EQ(used.size(), static_cast<size_t>(threads - 1));
  if (processors >= 1024) return;
  EXPECT_EQ(
      ThreadPool::Create(processors + 1, ThreadPinning::kEach)
          .status()
          .message(),
      absl::StrCat("pinned threads expect a processor each, got ",
                   processors + 1, " threads and ", processors, " processors"));
}

TEST(ThreadPoolTest, OneThreadRunsInline) {
  auto pool = ThreadPool::Create(1).value();
  const std::thread::id self = std::this_thread::get_id();
  int calls = 0;
  pool->ParallelFor(10, [&](int64_t begin, int64_t end) {
    ++calls;
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 10);
    EXPECT_EQ(std::this_thread::get_id(), self);
  });
  pool->Run([&](int worker) { calls += worker == 0; });
  EXPECT_EQ(calls, 2);
}

TEST(ThreadPoolTest, CoversTheRangeOnce) {
  for (int threads : {1, 2, 3, 7}) {
    auto pool = ThreadPool::Create(threads).value();
    for (int64_t n : {0, 1, 2, 3, 6, 7, 8, 100, 1001}) {
      std::vector<int> hits(static_cast<size_t>(n));
      pool->ParallelFor(n, [&](int64_t begin, int64_t end) {
        EXPECT_LT(begin, end);
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), int64_t{0}), n);
      for (int hit : hits) EXPECT_EQ(hit, 1);
    }
  }
}

TEST(ThreadPoolTest, PartitionDependsOnSizesOnly) {
  auto pool = ThreadPool::Create(3).value();
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::mutex mutex;
    std::map<int64_t, int64_t> ranges;
    // Shares of 33, 33 and 34 in pieces of 2.
    pool->ParallelFor(100, [&](int64_t begin, int64_t end) {
      const std::lock_guard<std::mutex> lock(mutex);
      ranges[begin] = end;
    });
    std::map<int64_t, int64_t> expected;
    for (int64_t border : {0, 33, 66})
      for (int64_t at = border; at < (border == 66 ? 100 : border + 33);
           at += 2)
        expected[at] =
            std::min<int64_t>(at + 2, border == 66 ? 100 : border + 33);
    EXPECT_EQ(ranges, expected);
  }
}

// The first piece waits for all others, of which worker 0 can do none.
TEST(ThreadPoolTest, IdleWorkersTakeOver) {
  auto pool = ThreadPool::Create(2).value();
  constexpr int64_t kItems = 64;
  std::atomic<int64_t> done{0};
  pool->ParallelFor(kItems, [&](int64_t begin, int64_t end) {
    if (begin == 0) {
      const auto deadline =
          std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (done < kItems - end && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
      EXPECT_EQ(done, kItems - end);
    }
    done += end - begin;
  });
  EXPECT_EQ(done, kItems);
}

TEST(ThreadPoolTest, HugeRangesDoNotOverflow) {
  auto pool = ThreadPool::Create(4).value();
  std::mutex mutex;
  std::map<int64_t, int64_t> ranges;
  pool->ParallelFor(INT64_MAX, [&](int64_t begin, int64_t end) {
    const std::lock_guard<std::mutex> lock(mutex);
    ranges[begin] = end;
  });
  int64_t expected = 0;
  for (const auto& [begin, end] : ranges) {
    EXPECT_EQ(begin, expected);
    expected = end;
  }
  EXPECT_EQ(expected, INT64_MAX);
}

TEST(ThreadPoolTest, EveryWorkerHasItsOwnThread) {
  auto pool = ThreadPool::Create(4).value();
  std::vector<std::thread::id> first(4), second(4);
  pool->Run([&](int w) {
    first[static_cast<size_t>(w)] = std::this_thread::get_id();
  });
  pool->Run([&](int w) {
    second[static_cast<size_t>(w)] = std::this_thread::get_id();
  });
  EXPECT_EQ(first, second);
  EXPECT_EQ(std::set<std::thread::id>(first.begin(), first.end()).size(), 4u);
}

// Short loops back to back, and after a pause in which the workers fall asleep;
// the value written by a worker is seen after the call without any fence.
TEST(ThreadPoolTest, ManyShortLoops) {
  auto pool = ThreadPool::Create(3).value();
  std::vector<int64_t> sums(3);
  for (int i = 0; i < 20000; ++i) {
    if (i % 5000 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool->Run([&](int w) { sums[static_cast<size_t>(w)] += i; });
  }
  for (int64_t sum : sums) EXPECT_EQ(sum, 20000ll * 19999 / 2);
}

TEST(ThreadPoolTest, DefaultThreadCountIsPositive) {
  EXPECT_GE(DefaultThreadCount(), 1);
}

}  // namespace
}  // namespace graft
