// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// metrics.jsonl and TensorBoard's event files of a run.

#ifndef GRAFT_RUNTIME_TRAIN_RUN_LOG_H_
#define GRAFT_RUNTIME_TRAIN_RUN_LOG_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"
#include "runtime/base/file.h"
#include "runtime/train/event_file.h"

namespace graft {

// Where the records of a run begin that is resumed.
struct LogStart {
  uint64_t bytes = 0;  // of metrics.jsonl, which were written before
  int64_t step = 0;    // updates made before
};

// Measured by the run itself, for records of training.
struct RunSpeed {
  double examples_per_second = 0;
  double share_waited = 0;  // of the time, for examples
};

// Appends what `log` instructions show. Thread-compatible.
class RunLog {
 public:
  // Into the files of `directory`, for the instructions of `program`, which is
  // borrowed. What metrics.jsonl has behind `start`, or behind its last whole
  // line, is cut away in one step; a new event file says that what earlier ones
  // have of steps after `start.step` no longer holds.
  static absl::StatusOr<std::unique_ptr<RunLog>> Open(
      FileSystem& files, const std::string& directory,
      const HostProgramSpec& program, const LogStart& start);

  // Bytes of metrics.jsonl.
  uint64_t size() const { return size_; }

  // One record of the values of an instruction of the program: a line of JSON,
  // {"step":3,"loss":0.5,...}, with "dev_loss" for "loss" of the group "dev",
  // and scalars "train/loss", or "dev/loss". Numbers that JSON lacks are null.
  // Records without a group get the speed. After the first record of each
  // instruction it allocates nothing.
  absl::Status Write(const HostInstruction& instruction,
                     absl::Span<const double> registers, const RunSpeed& speed);

 private:
  // Names of an instruction's values, "step" excepted.
  struct Names {
    const HostInstruction* instruction;
    std::vector<std::string> tags;  // of scalars
  };

  const Names& NamesOf(const HostInstruction& instruction);

  std::unique_ptr<EventFile> events_;
  std::unique_ptr<WritableFile> metrics_;
  uint64_t size_ = 0;
  std::vector<Names> names_;
  // Kept for their memory.
  std::string line_;
  std::vector<std::pair<absl::string_view, float>> scalars_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_RUN_LOG_H_
