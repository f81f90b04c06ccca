// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Which examples make up each batch, and in which order.

#ifndef GRAFT_RUNTIME_DATA_SAMPLER_H_
#define GRAFT_RUNTIME_DATA_SAMPLER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "runtime/data/batch_stream.h"
#include "runtime/data/examples.h"
#include "runtime/data/tasks.h"

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

// The tasks of a stream whose batches have rows of one task each.
struct StreamTasks {
  TaskRows rows;
  // Streams that read one table have one number of it, and take other rows of
  // a task: those of `part`, if each episode is dealt out in `parts`.
  int64_t table = 0;
  int64_t part = 0;
  int64_t parts = 1;
};

// Batches of one task each, the episodes, from `first` on without end. Number n
// is the same task for all streams of as many tasks. Tasks come in rounds, each
// once per round, in an order that depends on (seed, round) only. Round r takes
// the rows of visit r to a task. Visits go through all its rows, and again,
// each time in an order that depends on (seed, table, task, time) only. They
// take `batch_size` rows for each part, or an equal share of those that there
// are; the last visit of a time is filled up from its beginning.
struct EpisodeOrder {
  int64_t batch_size = 1;
  int64_t first = 0;
  bool shuffle = false;  // else tasks and rows in the order of the table
  uint64_t seed = 0;
};

// INVALID_ARGUMENT, naming the task: it has fewer rows than there are parts.
absl::Status CheckParts(const StreamTasks& tasks);

// The fewest rows that a batch can have of one task, however large it may be.
int64_t FewestTaskRows(const StreamTasks& tasks);

// Makes the batches of these episodes, which CheckParts holds for, cut into
// micro-batches that fit `capacity`. Shuffling takes 4 bytes per example.
// `source` and `tasks` are borrowed.
BatchMaker EpisodeBatches(ExampleSource& source, const StreamTasks& tasks,
                          const EpisodeOrder& order,
                          const BatchCapacity& capacity);

// All of `source` in its order. It is borrowed.
ExampleFeed InOrder(ExampleSource& source);

// Makes the largest batches of consecutive examples that fit `capacity`, one
// micro-batch each. Where the feed fails, those before are a batch, and the
// next one is the error. INVALID_ARGUMENT: an example alone does not fit.
BatchMaker LargestBatches(ExampleFeed feed, const BatchCapacity& capacity);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_SAMPLER_H_
