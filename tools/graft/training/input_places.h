// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_INPUT_PLACES_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_INPUT_PLACES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

// Files and directories that a run reads, after the options that name them.
using RunInputs = std::vector<std::pair<std::string, std::string>>;

// Those of `graft finetune` and `distill`.
RunInputs InputsOf(const FinetuneOptions& options);

// A usage error for an input that the run would remove or replace: a file of a
// run in --output, or with --overwrite that folder itself. Links are followed;
// a pattern stands for its files. Inputs that do not exist are left to others.
absl::Status CheckInputPlaces(const FinetuneOptions& options,
                              const RunInputs& inputs);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_INPUT_PLACES_H_
