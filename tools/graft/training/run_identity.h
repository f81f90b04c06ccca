// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tells runs apart, so that one is not resumed with the options of another.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_RUN_IDENTITY_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_RUN_IDENTITY_H_

#include "absl/status/statusor.h"
#include "runtime/train/run_record.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

// Everything that must be equal to resume a run with the same bits: parameters
// of the strategy, options, the files of models, the strategy, tables and
// labels, and the compiled program. Neither the places of files nor the
// spelling of options and numbers count, nor comments of a strategy. Errors of
// the files.
absl::StatusOr<RunRecord> DescribeRun(const FinetuneOptions& options,
                                      const PreparedRun& run);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_RUN_IDENTITY_H_
