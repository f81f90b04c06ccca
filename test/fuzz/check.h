// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_FUZZ_CHECK_H_
#define GRAFT_TEST_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Ends the fuzzer with the failed condition, in every build type.
#define GRAFT_FUZZ_CHECK(condition)                                   \
  do {                                                                \
    if (!(condition)) {                                               \
      std::fprintf(stderr, "%s:%d: expects %s\n", __FILE__, __LINE__, \
                   #condition);                                       \
      std::abort();                                                   \
    }                                                                 \
  } while (false)

#endif  // GRAFT_TEST_FUZZ_CHECK_H_
