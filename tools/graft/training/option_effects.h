// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Options that would have no effect beside others, or here: a user who gives
// one expects something that does not happen.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_OPTION_EFFECTS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_OPTION_EFFECTS_H_

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

// A usage error for the first option of finetune, distill, train or plan that
// has no effect or contradicts another. `has_dev`: there is a table to evaluate
// on. Reads no file.
absl::Status CheckEffects(const FinetuneOptions& options, bool has_dev);

// A usage error for --targets of which this processor runs none, where a run
// computes on it. Names that are no ISA level are the compiler's to judge.
absl::Status CheckTargets(const FinetuneOptions& options);

// A usage error for the first option given to `command` that is among
// `useless`. `instead`: what makes them useless.
absl::Status CheckWithout(const CLI::App& command,
                          const std::vector<std::string>& useless,
                          const std::string& instead);

// The same for the first that is not among `used`.
absl::Status CheckOnly(const CLI::App& command,
                       const std::vector<std::string>& used,
                       const std::string& instead);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_OPTION_EFFECTS_H_
