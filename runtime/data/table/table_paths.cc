// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/table_paths.h"

#include <glob.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/source.h"

namespace graft {
namespace {

// The paths that match `pattern`, sorted.
std::vector<std::string> Match(const std::string& pattern) {
  std::vector<std::string> paths;
  ::glob_t found = {};
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandPaths(
    FileSystem& files, const std::vector<std::string>& paths) {
  std::vector<std::string> result;
  for (const std::string& path : paths) {
    if (path.empty())
      return absl::InvalidArgumentError(
          "expects the name of a table, got an empty one");
    if (IsStandardInput(path) || files.Exists(path)) {
      result.push_back(path);
      continue;
    }
    if (path.find_first_of("*?[") == std::string::npos) {
      // Opened later, when it is its turn; what is missing is said now.
      if (paths.size() > 1) return FileError(ENOENT, path, "open");
      result.push_back(path);
      continue;
    }
    const std::vector<std::string> matches = Match(path);
    if (matches.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects a file that matches, got none"));
    result.insert(result.end(), matches.begin(), matches.end());
  }
  if (std::count_if(result.begin(), result.end(), IsStandardInput) > 1)
    return absl::InvalidArgumentError(
        "standard input: expects to be named once, got it twice");
  return result;
}

std::string DescribePaths(const std::vector<std::string>& paths) {
  if (paths.empty()) return "";
  const std::string first =
      IsStandardInput(paths.front()) ? "standard input" : paths.front();
  return paths.size() == 1
             ? first
             : absl::StrCat(first, " and ", paths.size() - 1, " more");
}

}  // namespace graft
