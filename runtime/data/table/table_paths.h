// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DATA_TABLE_TABLE_PATHS_H_
#define GRAFT_RUNTIME_DATA_TABLE_TABLE_PATHS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file.h"

namespace graft {

// The files that `paths` name, in their order: each path, or if it has *, ? or
// [ and no file is called so, what matches it, sorted by bytes.
// INVALID_ARGUMENT: nothing matches, or standard input is named twice;
// NOT_FOUND: no such file.
absl::StatusOr<std::vector<std::string>> ExpandPaths(
    FileSystem& files, const std::vector<std::string>& paths);

// "a.tsv", or "a.tsv and 3 more".
std::string DescribePaths(const std::vector<std::string>& paths);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_TABLE_PATHS_H_
