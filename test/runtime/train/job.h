// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A small job with everything that a training has: two entries a step, random
// draws, moments, a cache, evaluation. A step takes microseconds.

#ifndef GRAFT_TEST_RUNTIME_TRAIN_JOB_H_
#define GRAFT_TEST_RUNTIME_TRAIN_JOB_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/artifact/artifact.h"
#include "runtime/base/file.h"
#include "runtime/device/device.h"
#include "runtime/executor/instance.h"
#include "runtime/train/trainer.h"
#include "test/runtime/data/examples_in_memory.h"

namespace graft {

// What a run leaves, all of it to the bit.
struct JobResult {
  std::vector<std::vector<uint8_t>> slots;  // parameters and states
  // Of the newest checkpoint: registers by name, and the text of its state.
  std::string state;
  std::vector<std::vector<uint8_t>> saved;  // tensors of that checkpoint
  TrainSummary summary;
};

// Thread-compatible.
class Job {
 public:
  // The job, with loss scaling or with a teacher and evaluations. The files of
  // runs go into folders of `directory`, which must exist.
  static absl::StatusOr<std::unique_ptr<Job>> Create(
      const std::string& directory, bool scales_loss);

  // Runs it in a new instance with files in `folder` of the directory, from the
  // beginning or from what is there.
  absl::StatusOr<JobResult> Run(const std::string& folder, bool resume,
                                std::function<bool(size_t)> stop_at = {});

  const HostProgramSpec& program() const {
    return artifact_->spec().host_programs.front();
  }
  const ArtifactSpec& spec() const { return artifact_->spec(); }

 private:
  Job() = default;

  absl::StatusOr<JobResult> Collect(Instance& instance,
                                    const std::string& folder) const;

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
  std::unique_ptr<Device> device_;
  std::string code_;  // the artifact borrows nothing of it once it is written
  std::shared_ptr<const Artifact> artifact_;
  ExamplesInMemory train_, dev_;
  TrainOptions options_;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_TRAIN_JOB_H_
