// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs an entry over all examples of a feed, a few of them in memory.

#ifndef GRAFT_RUNTIME_BINDING_RUN_BATCHES_H_
#define GRAFT_RUNTIME_BINDING_RUN_BATCHES_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "runtime/binding/entry.h"
#include "runtime/data/examples.h"

namespace graft {

// Calls `entry` on the examples of `next` in their order, in the largest
// batches that fit `capacity`; `consume` gets the examples of each batch after
// its call, while entry.Output has their results. `next` runs in another
// thread. Errors of `next` come after the batches before them.
absl::Status RunBatches(
    EntryCaller& entry, const BatchCapacity& capacity, ExampleFeed next,
    absl::FunctionRef<absl::Status(const Examples&)> consume);

}  // namespace graft

#endif  // GRAFT_RUNTIME_BINDING_RUN_BATCHES_H_
