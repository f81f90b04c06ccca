// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Which rows of a table belong to each task, for batches of one task.

#ifndef GRAFT_RUNTIME_DATA_TASKS_H_
#define GRAFT_RUNTIME_DATA_TASKS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// The rows of each task, at least one. Thread-compatible.
class TaskRows {
 public:
  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  const std::string& name(int64_t task) const { return names_[task]; }
  // In the order of the table.
  absl::Span<const uint32_t> rows(int64_t task) const {
    return absl::MakeConstSpan(rows_).subspan(
        begins_[task], begins_[task + 1] - begins_[task]);
  }
  // The first task that `other` lacks.
  std::optional<std::string> FirstWithout(const TaskRows& other) const;
  // Puts the tasks into the order of `first`, which has the same ones.
  void OrderAs(const TaskRows& first);

 private:
  friend class TaskCollector;

  std::vector<std::string> names_;  // each once
  std::vector<uint32_t> rows_;      // task by task
  std::vector<size_t> begins_ = {0};
};

// Collects the tasks of a table, row by row. Thread-compatible.
class TaskCollector {
 public:
  // The task of the next row.
  void Add(absl::string_view name);
  // The rows so far, their tasks in the order of their first rows. Must be the
  // last call. INVALID_ARGUMENT: more rows than 32 bits count.
  absl::StatusOr<TaskRows> Finish();

 private:
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  std::vector<std::string> names_;
  std::vector<uint32_t> tasks_;  // of each row
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TASKS_H_
