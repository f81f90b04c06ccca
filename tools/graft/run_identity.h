// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tells runs apart, so that one is not resumed with the options of another.

#ifndef GRAFT_TOOLS_GRAFT_RUN_IDENTITY_H_
#define GRAFT_TOOLS_GRAFT_RUN_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"
#include "tools/graft/finetune_options.h"

namespace graft {

// Hash of everything that must be equal to resume a run with the same bits:
// checkpoints, strategy, options of the compiler, parameters, seed, data and
// labels. Neither the places of files nor the spelling of options and numbers
// count, nor comments of a strategy. Errors of the files.
absl::StatusOr<std::string> RunIdentity(const FinetuneOptions& options,
                                        const PreparedRun& run);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_RUN_IDENTITY_H_
