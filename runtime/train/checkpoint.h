// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: one safetensors file each, written aside and renamed, so that a
// killed run leaves whole files only. docs/formats/checkpoints.md describes it.

#ifndef GRAFT_RUNTIME_TRAIN_CHECKPOINT_H_
#define GRAFT_RUNTIME_TRAIN_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"
#include "runtime/base/file.h"
#include "runtime/formats/dtype.h"
#include "runtime/host/interpreter.h"
#include "runtime/train/run_record.h"

namespace graft {

// A tensor of a run, in the memory of its owner.
struct StateTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  absl::Span<uint8_t> bytes;
  // A state that begins as zeros. Files leave it out while it is zero.
  bool from_zero = false;
};

// A run between two instructions of its host program. With the tensors, a
// resumed run reaches the same bits.
struct RunState {
  HostState host;
  uint64_t seed = 0;    // of the random draws
  RunRecord run = {};   // identifies program, data and parameters
  uint64_t logged = 0;  // bytes of metrics.jsonl that were written before
  // Names of parameters that were kept before, in order (HostServices::Keep).
  std::vector<std::string> kept = {};
};

// The host state as text, by the names of `spec`, and back. DecodeHostState
// takes any text: INVALID_ARGUMENT, without `where`, says what was expected and
// found, also where a place in the program and those in its streams contradict
// each other.
std::string EncodeHostState(const HostState& state, const ArtifactSpec& spec);
absl::StatusOr<HostState> DecodeHostState(absl::string_view text,
                                          const ArtifactSpec& spec,
                                          const HostProgramSpec& program);

// Path of checkpoint `number` in `directory`.
std::string CheckpointPath(const std::string& directory, int64_t number);

// Writes a checkpoint. On any error the checkpoints that were there before are
// untouched.
absl::Status SaveCheckpoint(FileSystem& files, const std::string& path,
                            const RunState& state, const ArtifactSpec& spec,
                            absl::Span<const StateTensor> tensors);

// Reads `path` into `tensors`, all of which it must have with their shapes, the
// zeros of states apart. INVALID_ARGUMENT, DATA_LOSS where a tensor, the state,
// the seed or the run does not match its checksum, or another status, names the
// file and what is wrong; `tensors` are then untouched.
absl::StatusOr<RunState> LoadCheckpoint(FileSystem& files,
                                        const std::string& path,
                                        const ArtifactSpec& spec,
                                        const HostProgramSpec& program,
                                        absl::Span<const StateTensor> tensors);

// The record of the run that wrote the checkpoint; its tensors are not read.
// Errors as LoadCheckpoint.
absl::StatusOr<RunRecord> ReadRunOf(FileSystem& files, const std::string& path);

// The same of tensors alone, for parameters that are kept. CheckTensors does as
// LoadTensors without a change of `tensors`.
absl::Status SaveTensors(FileSystem& files, const std::string& path,
                         absl::Span<const StateTensor> tensors);
absl::Status LoadTensors(FileSystem& files, const std::string& path,
                         absl::Span<const StateTensor> tensors);

absl::Status CheckTensors(FileSystem& files, const std::string& path,
                          absl::Span<const StateTensor> tensors);

// Paths of the checkpoints in `directory`, newest first: those of names that
// CheckpointPath makes. A directory that does not exist has none.
absl::StatusOr<std::vector<std::string>> ListCheckpoints(
    FileSystem& files, const std::string& directory);

// Removes the checkpoints before the `keep` newest of those up to `number`:
// later ones are not of this run's making, such as damaged ones that it did not
// continue from, and do not count.
absl::Status PruneCheckpoints(FileSystem& files, const std::string& directory,
                              int64_t number, int keep);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_CHECKPOINT_H_
