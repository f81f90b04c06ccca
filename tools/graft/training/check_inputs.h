// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_CHECK_INPUTS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_CHECK_INPUTS_H_

#include "absl/status/status.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

// Checks that --model is a directory, and files that a run needs only after its
// program is compiled: that the device's plug-in loads, that --initial is a
// file of tensors, and that --dump-stages can be a directory. The error names
// the file. Writes nothing.
absl::Status CheckInputs(const FinetuneOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_CHECK_INPUTS_H_
