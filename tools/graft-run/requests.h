// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Timed runs on request, for programs that compare speeds.

#ifndef GRAFT_TOOLS_GRAFT_RUN_REQUESTS_H_
#define GRAFT_TOOLS_GRAFT_RUN_REQUESTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/executor/instance.h"

namespace graft {

// Answers each line of standard input with one on standard output until the
// input ends:
//
//   {"inputs": ["a.safetensors", "b.safetensors"], "runs": 2,
//    "outputs": "last.safetensors"}
//   {"seconds": [0.0123, 0.0121]}
//
// A run calls the entries in turn on each file, and its seconds are those of
// the calls alone. `outputs`, which may be left out, gets the results of the
// last call. Files stay open, so they must not change. Random draws have
// `seed` and the number of the run. INVALID_ARGUMENT names the line that is no
// such request; the lines after it are not read.
absl::Status AnswerRequests(Instance& instance,
                            absl::Span<const size_t> entries, uint64_t seed);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_RUN_REQUESTS_H_
