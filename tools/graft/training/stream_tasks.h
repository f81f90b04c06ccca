// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Streams whose batches have the rows of one task: --task-column.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_STREAM_TASKS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_STREAM_TASKS_H_

#include <string>

#include "absl/status/status.h"
#include "runtime/base/file.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

// Gives the streams that --task-column names their columns. A usage error: one
// that there is not, is named twice, or adds up its rows, or the column is read
// for something else.
absl::Status TakeTaskColumns(FinetuneOptions& options);

// What --task-column says, for all streams alike however it was written:
// "support=domain,query=domain"; empty without the option.
std::string DescribeTaskColumns(const FinetuneOptions& options);

// Settles the tasks of the streams, whose tables were scanned: puts them into
// one order, and deals out the rows of those that read one table.
// INVALID_ARGUMENT: a stream has no rows of a task that another one has, or too
// few to be dealt out, or two share some rows but not all.
absl::Status SettleTasks(FileSystem& files, const FinetuneOptions& options,
                         PreparedRun& run);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_STREAM_TASKS_H_
