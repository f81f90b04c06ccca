// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/base/count_allocations.h"

#include <atomic>
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRAFT_ASAN 1
#endif
#endif

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

#ifdef GRAFT_ASAN

// The sanitizer has its own malloc, which tells whom it is asked to.
#include <sanitizer/allocator_interface.h>

static const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { ++allocations; },
    [](const volatile void*) {});

#else

// A program's own definitions come before those of the C library, for all
// shared libraries, too; glibc keeps its own under these names.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
}  // extern "C"

#endif

namespace graft {

int64_t CountAllocations() {
  return allocations.load(std::memory_order_relaxed);
}

}  // namespace graft
