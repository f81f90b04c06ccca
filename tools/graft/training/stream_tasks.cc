// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/stream_tasks.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/table_paths.h"
#include "tools/graft/usage_error.h"
#include "tools/option_values.h"

namespace graft {
namespace {

// The stream and the column of a --task-column: STREAM=COLUMN, or COLUMN alone
// where there is one stream.
absl::StatusOr<std::pair<StreamInput*, std::string>> SplitTaskColumn(
    const std::string& text, std::vector<StreamInput>& streams) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos && streams.size() == 1 && !text.empty())
    return std::pair(&streams.front(), text);
  std::vector<std::string> names;
  for (const StreamInput& stream : streams) names.push_back(stream.name);
  const auto found = absl::c_find(names, text.substr(0, equals));
  if (equals == std::string::npos || equals + 1 == text.size() ||
      found == names.end())
    return UsageError(absl::StrCat("--task-column ", text,
                                   ": expects STREAM=COLUMN for ",
                                   ListChoices(names), ", got ", text));
  return std::pair(&streams[found - names.begin()], text.substr(equals + 1));
}

// The column of tasks of a stream, in words.
std::string DescribeColumn(const StreamInput& stream) {
  return absl::StrCat(stream.name, ", ", DescribePaths(stream.paths),
                      ", column '", stream.task_column, "'");
}

absl::Status CheckTasksOf(const StreamInput& stream, const TaskRows& tasks,
                          const StreamInput& other, const TaskRows& others) {
  const std::optional<std::string> missing = others.FirstWithout(tasks);
  if (!missing) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(DescribeColumn(stream), ": expects rows of the task '",
                   *missing, "', which ", other.name, " has, got none"));
}

// Whether two streams read the same rows. INVALID_ARGUMENT: some only, or by
// other columns.
absl::StatusOr<bool> ReadTheSame(FileSystem& files,
                                 const FinetuneOptions& options, size_t a,
                                 size_t b, const PreparedRun& run) {
  const StreamInput& first = options.streams[a];
  const StreamInput& second = options.streams[b];
  const bool same = run.tables[a]->HasRowsOf(*run.tables[b]);
  if (same && first.task_column == second.task_column) return true;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> left,
                         ExpandPaths(files, first.paths));
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> right,
                         ExpandPaths(files, second.paths));
  const auto shared = absl::c_find_if(left, [&](const std::string& path) {
    return absl::c_linear_search(right, path);
  });
  if (!same && shared == left.end()) return false;
  return absl::InvalidArgumentError(absl::StrCat(
      DescribeColumn(second), ": expects the rows and the tasks of ",
      first.name,
      ", for an episode to deal them out, or none of its files, got ",
      same ? absl::StrCat("its rows by another column than '",
                          first.task_column, "'")
           : absl::StrCat("a part of them, in ", *shared)));
}

}  // namespace

absl::Status TakeTaskColumns(FinetuneOptions& options) {
  for (const std::string& text : options.task_columns) {
    GRAFT_ASSIGN_OR_RETURN((const auto [stream, column]),
                           SplitTaskColumn(text, options.streams));
    if (!stream->task_column.empty())
      return UsageError(absl::StrCat("--task-column ", text,
                                     ": expects each stream once, got ",
                                     stream->name, " twice"));
    if (stream->adds_up)
      return UsageError(absl::StrCat(
          "--task-column ", text,
          ": expects a stream that gives a task again and again, got ",
          stream->name, ", whose rows a transfer.total adds up, each once"));
    stream->task_column = column;
    TableOptions names = options.table;
    names.task_column = column;
    absl::Status columns =
        CheckColumnNames(names, stream->labelled, stream->texts);
    if (!columns.ok()) {
      MarkUsageError(columns);
      return columns;
    }
  }
  return absl::OkStatus();
}

std::string DescribeTaskColumns(const FinetuneOptions& options) {
  std::vector<std::string> all;
  for (const StreamInput& stream : options.streams)
    if (!stream.task_column.empty())
      all.push_back(absl::StrCat(stream.name, "=", stream.task_column));
  return absl::StrJoin(all, ",");
}

absl::Status SettleTasks(FileSystem& files, const FinetuneOptions& options,
                         PreparedRun& run) {
  run.tasks.resize(options.streams.size());
  std::vector<size_t> with_tasks;
  for (size_t i = 0; i < options.streams.size(); ++i) {
    const StreamInput& stream = options.streams[i];
    if (stream.task_column.empty()) continue;
    run.tasks[i] = std::make_unique<StreamTasks>();
    StreamTasks& tasks = *run.tasks[i];
    tasks.rows = run.tables[i]->tasks();
    tasks.table = static_cast<int64_t>(i);
    std::vector<size_t> shared;
    for (const size_t other : with_tasks) {
      const StreamInput& another = options.streams[other];
      const TaskRows& others = run.tasks[other]->rows;
      GRAFT_RETURN_IF_ERROR(CheckTasksOf(stream, tasks.rows, another, others));
      GRAFT_RETURN_IF_ERROR(CheckTasksOf(another, others, stream, tasks.rows));
      GRAFT_ASSIGN_OR_RETURN(const bool same,
                             ReadTheSame(files, options, other, i, run));
      if (same) shared.push_back(other);
    }
    if (!with_tasks.empty())
      tasks.rows.OrderAs(run.tasks[with_tasks.front()]->rows);
    with_tasks.push_back(i);
    if (shared.empty()) continue;
    tasks.table = run.tasks[shared.front()]->table;
    tasks.part = static_cast<int64_t>(shared.size());
    shared.push_back(i);
    for (const size_t each : shared)
      run.tasks[each]->parts = static_cast<int64_t>(shared.size());
  }
  for (const size_t i : with_tasks) {
    const absl::Status status = CheckParts(*run.tasks[i]);
    if (!status.ok())
      return absl::InvalidArgumentError(absl::StrCat(
          DescribeColumn(options.streams[i]), ": ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace graft
