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

// Fills the trainable parameters that the model's checkpoint lacks, and the
// states, with the initial values that their slots name (see
// FillInitialValues). Returns the names of the parameters.
absl::StatusOr<std::vector<std::string>> InitialiseSlots(Instance& instance,
                                                         uint64_t seed);

// The same of all states named `state`.
absl::Status ResetStates(Instance& instance, absl::string_view state,
                         uint64_t seed);

// Overwrites parameters with the tensors of a safetensors file that have their
// names, in the model that is trained. INVALID_ARGUMENT names a tensor that no
// trainable parameter matches, or that has an infinite or NaN element.
absl::Status LoadInitialParameters(FileSystem& files, const std::string& path,
                                   Instance& instance);

// The trainable parameters, and with `with_states` all states, as tensors named
// "model.slot" over Instance::MutableSlot: valid until the next call of an
// entry. Errors of the device.
absl::StatusOr<std::vector<StateTensor>> TrainableTensors(Instance& instance,
                                                          bool with_states);

// Name of the first trained parameter with an infinite or NaN element; empty if
// there is none. Errors of the device.
absl::StatusOr<std::string> FirstNonFiniteParameter(Instance& instance);

// Name of the first tensor with an infinite or NaN element among the trained
// parameters and the states named `state` (all states where it is empty); empty
// if there is none. Errors of the device.
absl::StatusOr<std::string> FirstNonFinite(Instance& instance,
                                           absl::string_view state);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_PARAMETERS_H_
