// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: one safetensors file each, written aside and renamed, so that a
// killed run leaves whole files only.

#ifndef GRAFT_RUNTIME_TRAIN_CHECKPOINT_H_
#define GRAFT_RUNTIME_TRAIN_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/train/loss_scale.h"

namespace graft {

// A tensor of the training state, in the memory of its owner.
struct StateTensor {
  std::string name;
  std::vector<int64_t> shape;
  absl::Span<float> values;
};

// The state of a run between two optimiser steps. With the tensors, a resumed
// run reaches the same bits.
struct TrainingState {
  int64_t step = 0;       // optimiser updates made
  uint64_t seed = 0;      // of the random draws
  std::string run;        // identifies program, data and options
  double best = 0;        // best evaluation so far
  int64_t best_step = 0;  // its step; 0: none yet
  // Evaluations since then without a better one; early stopping counts them.
  int64_t evaluations_since_best = 0;
  double loss_sum = 0;  // since the run's start, of the summary
  LossScale loss_scale;
};

// Path of the checkpoint of `step` in `directory`.
std::string CheckpointPath(const std::string& directory, int64_t step);

// Writes a checkpoint. On any error the checkpoints that were there before are
// untouched.
absl::Status SaveCheckpoint(FileSystem& files, const std::string& path,
                            const TrainingState& state,
                            absl::Span<const StateTensor> tensors);

// Reads `path` into `tensors`, all of which it must have with their shapes.
// INVALID_ARGUMENT or another status names the file and what is wrong;
// `tensors` may then be partly overwritten.
absl::StatusOr<TrainingState> LoadCheckpoint(
    FileSystem& files, const std::string& path,
    absl::Span<const StateTensor> tensors);

// Paths of the checkpoints in `directory`, newest first. A directory that does
// not exist has none.
absl::StatusOr<std::vector<std::string>> ListCheckpoints(
    FileSystem& files, const std::string& directory);

// Removes all but the `keep` newest checkpoints.
absl::Status PruneCheckpoints(FileSystem& files, const std::string& directory,
                              int keep);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_CHECKPOINT_H_
