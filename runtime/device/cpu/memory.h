// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_CPU_MEMORY_H_
#define GRAFT_RUNTIME_DEVICE_CPU_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace graft {

// Zeroed memory straight from the system, page-aligned, on huge pages where it
// is large and the system has them. Pages count only once touched. Movable.
class MemoryRegion {
 public:
  MemoryRegion() = default;
  // RESOURCE_EXHAUSTED names `what` and the number of bytes.
  static absl::StatusOr<MemoryRegion> Reserve(uint64_t bytes,
                                              absl::string_view what);
  ~MemoryRegion();
  MemoryRegion(MemoryRegion&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MemoryRegion& operator=(MemoryRegion&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_MEMORY_H_
