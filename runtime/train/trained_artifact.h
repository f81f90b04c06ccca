// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a run leaves: its program with the trained parameters.

#ifndef GRAFT_RUNTIME_TRAIN_TRAINED_ARTIFACT_H_
#define GRAFT_RUNTIME_TRAIN_TRAINED_ARTIFACT_H_

#include <string>

#include "absl/status/status.h"
#include "runtime/base/file.h"
#include "runtime/executor/instance.h"

namespace graft {

// Writes the artifact of `instance` again, with the parameters as they are now.
// Models that only training reads, such as a teacher, stay behind with the
// entries that read them, and so do host programs that need those.
// `data` says how the examples were read.
absl::Status WriteTrainedArtifact(FileSystem& files, const std::string& path,
                                  Instance& instance,
                                  const DataSettingsSpec& data);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_TRAINED_ARTIFACT_H_
