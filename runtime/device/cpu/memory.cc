// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/memory.h"

#include <errno.h>
#include <sys/mman.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace graft {

absl::StatusOr<MemoryRegion> MemoryRegion::Reserve(uint64_t bytes,
                                                   absl::string_view what) {
  MemoryRegion region;
  if (bytes == 0) return region;
  // NORESERVE: states of a large model may never be touched.
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "cannot reserve ", bytes, " bytes for ", what, ": ", strerror(errno)));
  }
  constexpr uint64_t kHugePage = uint64_t{2} << 20;
  // Advice only: where it is not heeded, all works with small pages.
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
  region.data_ = static_cast<uint8_t*>(data);
  region.size_ = bytes;
  return region;
}

MemoryRegion::~MemoryRegion() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace graft
