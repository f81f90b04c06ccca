// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/cpu_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace graft {
namespace {

// Copies and fills below this are not worth waking threads for.
constexpr uint64_t kParallelBytes = uint64_t{1} << 18;

// Fills bytes [begin, end) with the 4 bytes of `pattern` over and over.
void FillBytes(uint8_t* data, uint32_t pattern, int64_t begin, int64_t end) {
  uint8_t bytes[4];
  std::memcpy(bytes, &pattern, sizeof(bytes));
  if (std::all_of(bytes, bytes + 4, [&](uint8_t b) { return b == bytes[0]; })) {
    std::memset(data + begin, bytes[0], end - begin);
    return;
  }
  for (; begin < end && begin % 4 != 0; ++begin) data[begin] = bytes[begin % 4];
  for (; begin + 4 <= end; begin += 4) std::memcpy(data + begin, bytes, 4);
  for (; begin < end; ++begin) data[begin] = bytes[begin % 4];
}

void CopyBytes(ThreadPool& pool, void* to, const void* from, uint64_t bytes) {
  if (bytes == 0) return;
  if (bytes < kParallelBytes) {
    std::memcpy(to, from, bytes);
    return;
  }
  pool.ParallelFor(
      static_cast<int64_t>(bytes), [&](int64_t begin, int64_t end) {
        std::memcpy(static_cast<uint8_t*>(to) + begin,
                    static_cast<const uint8_t*>(from) + begin, end - begin);
      });
}

}  // namespace

CpuQueue::CpuQueue(std::unique_ptr<ThreadPool> pool) : pool_(std::move(pool)) {}

absl::Status CpuQueue::Launch(const KernelLaunch& launch) {
  const auto kernel =
      reinterpret_cast<GraftKernel>(const_cast<void*>(launch.kernel.value));
  auto* const buffers = reinterpret_cast<void* const*>(launch.buffers.data());
  const int64_t* const sizes = launch.sizes.data();
  const GraftRandomState* const random = launch.random;
  if (launch.items == 0) return absl::OkStatus();
  // Small launches take less than a microsecond: the pool's call costs.
  if (launch.items == 1 || pool_->size() == 1) {
    kernel(buffers, sizes, random, 0, launch.items);
  } else {
    pool_->ParallelFor(launch.items, [=](int64_t begin, int64_t end) {
      kernel(buffers, sizes, random, begin, end);
    });
  }
  return absl::OkStatus();
}

absl::Status CpuQueue::CopyToDevice(DevicePointer to, const void* from,
                                    uint64_t bytes) {
  CopyBytes(*pool_, to.value, from, bytes);
  return absl::OkStatus();
}

absl::Status CpuQueue::CopyToHost(void* to, DevicePointer from,
                                  uint64_t bytes) {
  CopyBytes(*pool_, to, from.value, bytes);
  return absl::OkStatus();
}

absl::Status CpuQueue::Copy(DevicePointer to, DevicePointer from,
                            uint64_t bytes) {
  CopyBytes(*pool_, to.value, from.value, bytes);
  return absl::OkStatus();
}

absl::Status CpuQueue::Fill(DevicePointer to, uint32_t pattern,
                            uint64_t bytes) {
  if (bytes == 0) return absl::OkStatus();
  auto* const data = static_cast<uint8_t*>(to.value);
  if (bytes < kParallelBytes) {
    FillBytes(data, pattern, 0, static_cast<int64_t>(bytes));
  } else {
    pool_->ParallelFor(static_cast<int64_t>(bytes),
                       [=](int64_t begin, int64_t end) {
                         FillBytes(data, pattern, begin, end);
                       });
  }
  return absl::OkStatus();
}

}  // namespace graft
