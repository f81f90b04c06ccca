// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Which examples make up each batch, and in which order.

#ifndef GRAFT_RUNTIME_DATA_SAMPLER_H_
#define GRAFT_RUNTIME_DATA_SAMPLER_H_

#include <cstdint>

#include "runtime/data/batch_stream.h"
#include "runtime/data/examples.h"

namespace graft {

// The optimiser steps [first_step, steps) of a training. Each takes
// `batch_size` examples of an epoch; the last step of an epoch takes the
// remainder.
struct TrainingOrder {
  int64_t batch_size = 1;
  int64_t first_step = 0;
  int64_t steps = 0;
  bool shuffle = false;  // else in the order of the source
  uint64_t seed = 0;     // with the epoch, the key of a shuffled order
};

// Makes the batches of a training, cut into micro-batches that fit `capacity`.
// Shuffling takes 4 bytes per example. `source` is borrowed.
BatchMaker TrainingBatches(ExampleSource& source, const TrainingOrder& order,
                           const BatchCapacity& capacity);

// All of `source` in its order. It is borrowed.
ExampleFeed InOrder(ExampleSource& source);

// Makes the largest batches of consecutive examples that fit `capacity`, one
// micro-batch each. INVALID_ARGUMENT: an example alone does not fit.
BatchMaker LargestBatches(ExampleFeed feed, const BatchCapacity& capacity);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_SAMPLER_H_
