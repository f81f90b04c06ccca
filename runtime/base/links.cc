// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/links.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "runtime/base/file.h"

namespace graft {
namespace {

// As many as Linux follows.
constexpr int kMostLinks = 40;

// Where the symbolic link `path` leads; unset for what is none.
std::optional<std::string> ReadLink(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) return std::nullopt;
  target.resize(static_cast<size_t>(size));
  return JoinPath(DirectoryName(path), target);
}

}  // namespace

std::string ResolveLinks(std::string path) {
  for (int i = 0; i < kMostLinks; ++i) {
    std::optional<std::string> next = ReadLink(path);
    if (!next) break;
    path = *std::move(next);
  }
  return path;
}

bool IsOpenFile(std::string path) {
  for (int i = 0; i < kMostLinks; ++i) {
    // /dev/fd is a link itself.
    char folder[PATH_MAX];
    if (::realpath(DirectoryName(path).c_str(), folder) != nullptr &&
        absl::StartsWith(folder, "/proc/"))
      return true;
    std::optional<std::string> next = ReadLink(path);
    if (!next) break;
    path = *std::move(next);
  }
  return false;
}

}  // namespace graft
