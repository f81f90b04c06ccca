// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/links.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
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

// Where the kernel lists the open file that `path`, or a link on the way from
// it, is: "/proc/12/fd/1"; empty if it is none.
std::string PlaceOfOpenFile(std::string path) {
  for (int i = 0; i < kMostLinks; ++i) {
    // /dev/fd is a link itself.
    char folder[PATH_MAX];
    if (::realpath(DirectoryName(path).c_str(), folder) != nullptr &&
        absl::StartsWith(folder, "/proc/"))
      return JoinPath(folder, path.substr(path.rfind('/') + 1));
    std::optional<std::string> next = ReadLink(path);
    if (!next) break;
    path = *std::move(next);
  }
  return "";
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
  return !PlaceOfOpenFile(std::move(path)).empty();
}

std::optional<int> OwnDescriptor(std::string path) {
  const std::string place = PlaceOfOpenFile(std::move(path));
  char self[PATH_MAX];
  if (place.empty() || ::realpath("/proc/self", self) == nullptr)
    return std::nullopt;
  absl::string_view rest = place;
  if (!absl::ConsumePrefix(&rest, self)) return std::nullopt;
  // Of one of its threads.
  if (absl::ConsumePrefix(&rest, "/task/"))
    rest.remove_prefix(std::min(rest.find('/'), rest.size()));
  int descriptor;
  if (!absl::ConsumePrefix(&rest, "/fd/") ||
      !absl::SimpleAtoi(rest, &descriptor))
    return std::nullopt;
  return descriptor;
}

}  // namespace graft
