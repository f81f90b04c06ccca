// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Counts allocations of the whole process, in tests that link this.

#ifndef GRAFT_TEST_RUNTIME_BASE_COUNT_ALLOCATIONS_H_
#define GRAFT_TEST_RUNTIME_BASE_COUNT_ALLOCATIONS_H_

#include <cstdint>

namespace graft {

// Calls of malloc, calloc, realloc and aligned_alloc so far, by any thread and
// any library; operator new calls malloc. Thread-safe.
int64_t CountAllocations();

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_BASE_COUNT_ALLOCATIONS_H_
