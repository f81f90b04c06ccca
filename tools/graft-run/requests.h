// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Serves requests for timed runs, for benchmarks.

#ifndef GRAFT_TOOLS_GRAFT_RUN_REQUESTS_H_
#define GRAFT_TOOLS_GRAFT_RUN_REQUESTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/executor/instance.h"

namespace graft {

// Serves each line of standard input with one line on standard output, until
// the input ends:
//
//   {"inputs": ["a.safetensors", "b.safetensors"], "runs": 2,
//    "outputs": "last.safetensors"}
//   {"seconds": [0.0123, 0.0121]}
//
// A run calls the entries one after the other on each file; its seconds are
// those of the calls alone. The results of the last call go to `outputs`, if
// given. Files stay open, so they must not change. Random keys are `seed` and
// the number of the run. INVALID_ARGUMENT names an invalid line; the lines
// after it are not read.
absl::Status AnswerRequests(Instance& instance,
                            absl::Span<const size_t> entries, uint64_t seed);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_RUN_REQUESTS_H_
