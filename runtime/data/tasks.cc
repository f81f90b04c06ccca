// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/tasks.h"

#include <limits>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace graft {

std::optional<std::string> TaskRows::FirstWithout(const TaskRows& other) const {
  const absl::flat_hash_set<std::string> theirs(other.names_.begin(),
                                                other.names_.end());
  for (const std::string& name : names_)
    if (!theirs.contains(name)) return name;
  return std::nullopt;
}

void TaskRows::OrderAs(const TaskRows& first) {
  absl::flat_hash_map<std::string, int64_t> numbers;
  for (int64_t task = 0; task < size(); ++task) numbers[names_[task]] = task;
  std::vector<uint32_t> ordered;
  ordered.reserve(rows_.size());
  std::vector<size_t> begins = {0};
  for (const std::string& name : first.names_) {
    const absl::Span<const uint32_t> own = rows(numbers.at(name));
    ordered.insert(ordered.end(), own.begin(), own.end());
    begins.push_back(ordered.size());
  }
  names_ = first.names_;
  rows_ = std::move(ordered);
  begins_ = std::move(begins);
}

void TaskCollector::Add(absl::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) {
    tasks_.push_back(found->second);
    return;
  }
  const auto number = static_cast<uint32_t>(names_.size());
  numbers_.emplace(name, number);
  names_.emplace_back(name);
  tasks_.push_back(number);
}

absl::StatusOr<TaskRows> TaskCollector::Finish() {
  constexpr size_t kMost = std::numeric_limits<uint32_t>::max();
  if (tasks_.size() > kMost)
    return absl::InvalidArgumentError(absl::StrCat(
        "expects at most ", kMost, " rows of tasks, got ", tasks_.size()));
  TaskRows all;
  all.names_ = std::move(names_);
  all.begins_.assign(all.names_.size() + 1, 0);
  for (const uint32_t task : tasks_) ++all.begins_[task + 1];
  std::partial_sum(all.begins_.begin(), all.begins_.end(), all.begins_.begin());
  std::vector<size_t> next(all.begins_.begin(), all.begins_.end() - 1);
  all.rows_.resize(tasks_.size());
  for (size_t row = 0; row < tasks_.size(); ++row)
    all.rows_[next[tasks_[row]]++] = static_cast<uint32_t>(row);
  return all;
}

}  // namespace graft
