// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_RUNTIME_DEVICE_TOY_TOY_MEMORY_H_
#define GRAFT_TEST_RUNTIME_DEVICE_TOY_TOY_MEMORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/device/cpu/memory.h"
#include "runtime/device/device.h"

namespace graft {

// The memory of the toy device: one range of host memory that the host is not
// told about. A device pointer is an offset with the topmost bit set, which no
// process may access: a host that follows one crashes. Thread-safe.
class ToyMemory {
 public:
  static constexpr uint64_t kBytes = uint64_t{8} << 30;

  static absl::StatusOr<std::unique_ptr<ToyMemory>> Create();

  // Zeroed, page-aligned. RESOURCE_EXHAUSTED names `what` and the bytes.
  absl::StatusOr<DevicePointer> Allocate(uint64_t bytes,
                                         absl::string_view what);
  void Free(DevicePointer pointer);

  // The host's address of a range. INVALID_ARGUMENT unless it is all inside of
  // one allocation.
  absl::StatusOr<uint8_t*> Translate(DevicePointer pointer, uint64_t bytes);

 private:
  explicit ToyMemory(MemoryRegion region) : region_(std::move(region)) {}

  const MemoryRegion region_;
  std::mutex mutex_;
  std::map<uint64_t, uint64_t> allocated_;  // offset -> bytes
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DEVICE_TOY_TOY_MEMORY_H_
