// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/cpu_quota.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace graft {
namespace {

// The words of a file's first line; none if it cannot be read.
std::vector<std::string> FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

int Processors(const std::vector<std::string>& words) {
  int64_t quota = 0, period = 0;
  // Without a limit, "max" or -1 stands in place of the quota.
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &quota) ||
      !absl::SimpleAtoi(words[1], &period) || quota <= 0 || period <= 0)
    return INT_MAX;
  return static_cast<int>(std::clamp<int64_t>(quota / period, 1, INT_MAX));
}

// Of one group in `folder`.
int GroupQuota(const std::string& folder, bool version2) {
  if (version2) return Processors(FirstLine(absl::StrCat(folder, "/cpu.max")));
  std::vector<std::string> words =
      FirstLine(absl::StrCat(folder, "/cpu.cfs_quota_us"));
  for (std::string& word :
       FirstLine(absl::StrCat(folder, "/cpu.cfs_period_us")))
    words.push_back(std::move(word));
  return Processors(words);
}

}  // namespace

int CpuQuota(absl::string_view membership, const std::string& root) {
  int least = INT_MAX;
  for (absl::string_view line : absl::StrSplit(membership, '\n')) {
    // hierarchy:controllers:path, with no controllers in version 2.
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const bool version2 = parts[1].empty();
    const std::vector<absl::string_view> controllers =
        absl::StrSplit(parts[1], ',');
    if (!version2 && std::find(controllers.begin(), controllers.end(), "cpu") ==
                         controllers.end())
      continue;
    std::string folder = version2 ? root : absl::StrCat(root, "/cpu");
    least = std::min(least, GroupQuota(folder, version2));
    for (absl::string_view name :
         absl::StrSplit(parts[2], '/', absl::SkipEmpty())) {
      absl::StrAppend(&folder, "/", name);
      least = std::min(least, GroupQuota(folder, version2));
    }
  }
  return least;
}

}  // namespace graft
