// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Values of the expressions of host programs.

#ifndef GRAFT_RUNTIME_HOST_EXPRESSION_H_
#define GRAFT_RUNTIME_HOST_EXPRESSION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"
#include "runtime/data/examples.h"

namespace graft {

// What an expression reads of a stream. Borrowed.
struct StreamFacts {
  int64_t rows = 0;                    // examples in all
  int64_t task_rows = 0;               // FewestTaskRows; 0: no tasks
  bool present = false;                // whether there is data
  const Examples* examples = nullptr;  // of the current batch, or null
  // The column of each of the host program's fields; none where its data has
  // no such field, or no one asks for it.
  std::vector<std::optional<size_t>> columns;
};

// The value of `expression`, which CheckSpec has accepted, in double precision,
// one step after the other. Allocates nothing. A step `sum` takes the batch of
// its stream, which must be there. `seed` is that of the run, for `random`.
double EvaluateExpression(const Expression& expression,
                          absl::Span<const double> registers,
                          absl::Span<const StreamFacts> streams, uint64_t seed);

}  // namespace graft

#endif  // GRAFT_RUNTIME_HOST_EXPRESSION_H_
