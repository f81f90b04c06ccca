// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/device/toy/toy_memory.h"

#include <sys/mman.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

constexpr uint64_t kTag = uint64_t{1} << 63;
constexpr uint64_t kPage = 4096;

// Bytes that an allocation takes, so that no two share a page.
uint64_t Padded(uint64_t bytes) {
  return std::max<uint64_t>((bytes + kPage - 1) / kPage, 1) * kPage;
}

uint64_t OffsetOf(DevicePointer pointer) {
  return reinterpret_cast<uintptr_t>(pointer.value) & ~kTag;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ToyMemory>> ToyMemory::Create() {
  GRAFT_ASSIGN_OR_RETURN(MemoryRegion region,
                         MemoryRegion::Reserve(kBytes, "the toy device"));
  return std::unique_ptr<ToyMemory>(new ToyMemory(std::move(region)));
}

// First fit.
absl::StatusOr<DevicePointer> ToyMemory::Allocate(uint64_t bytes,
                                                  absl::string_view what) {
  const std::lock_guard lock(mutex_);
  uint64_t offset = 0;
  for (const auto& [begin, size] : allocated_) {
    if (bytes <= kBytes && begin - offset >= Padded(bytes)) break;
    offset = begin + Padded(size);
  }
  if (bytes > kBytes || kBytes - offset < Padded(bytes)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "toy: cannot reserve ", bytes, " bytes for ", what, " of ", kBytes));
  }
  allocated_[offset] = bytes;
  return DevicePointer{reinterpret_cast<void*>(kTag | offset)};
}

void ToyMemory::Free(DevicePointer pointer) {
  const std::lock_guard lock(mutex_);
  const auto found = allocated_.find(OffsetOf(pointer));
  // The pages read as zeros from now on.
  madvise(region_.data() + found->first, Padded(found->second), MADV_DONTNEED);
  allocated_.erase(found);
}

absl::StatusOr<uint8_t*> ToyMemory::Translate(DevicePointer pointer,
                                              uint64_t bytes) {
  const uint64_t offset = OffsetOf(pointer);
  const std::lock_guard lock(mutex_);
  auto next = allocated_.upper_bound(offset);
  if (next != allocated_.begin()) {
    const auto& [begin, size] = *std::prev(next);
    const bool tagged = reinterpret_cast<uintptr_t>(pointer.value) & kTag;
    if (tagged && offset - begin <= size && bytes <= size - (offset - begin)) {
      return region_.data() + offset;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("toy: expects device memory, got ", bytes, " bytes at ",
                   absl::Hex(reinterpret_cast<uintptr_t>(pointer.value))));
}

}  // namespace graft
