// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A program's parameters as the trainer sees them.

#ifndef GRAFT_RUNTIME_TRAIN_PARAMETERS_H_
#define GRAFT_RUNTIME_TRAIN_PARAMETERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/executor/instance.h"
#include "runtime/train/checkpoint.h"

namespace graft {

// Fills the trainable parameters that the model's checkpoint lacks with the
// initial values that their slots name (see FillInitialValues). Returns their
// names.
absl::StatusOr<std::vector<std::string>> InitialiseNewParameters(
    Instance& instance, uint64_t seed);

// Overwrites parameters with the tensors of a safetensors file that have their
// names, in the model that is trained. INVALID_ARGUMENT names a tensor that no
// trainable parameter matches.
absl::Status LoadInitialParameters(FileSystem& files, const std::string& path,
                                   Instance& instance);

// The trainable parameters, and with `with_moments` the optimiser's moments, as
// tensors named "model.slot" over Instance::MutableSlot: valid until the next
// call of an entry. Errors of the device.
absl::StatusOr<std::vector<StateTensor>> TrainableTensors(Instance& instance,
                                                          bool with_moments);

// Name of the first gradient or parameter with an infinite or NaN element;
// empty if there is none. Errors of the device.
absl::StatusOr<std::string> FirstNonFinite(Instance& instance);

// Writes the artifact of `instance` again, with the parameters as they are now.
// Models that the entry `predict` does not read, such as a teacher, stay behind
// with the entries that read them.
absl::Status WriteTrainedArtifact(FileSystem& files, const std::string& path,
                                  Instance& instance,
                                  const std::vector<std::string>& labels);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_PARAMETERS_H_
