// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/new_directory.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "runtime/base/links.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/temporary_files.h"

namespace graft {
namespace {

absl::Status ExpectsEmpty(const std::string& directory, absl::string_view got) {
  return absl::AlreadyExistsError(
      absl::StrCat(directory, ": expects a new or empty directory, got ", got));
}

absl::Status CheckTarget(FileSystem& files, const std::string& directory) {
  if (!files.Exists(directory)) return absl::OkStatus();
  if (files.IsDirectory(directory)) {
    GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           files.List(directory));
    if (names.empty()) return absl::OkStatus();
  }
  return ExpectsEmpty(
      directory, files.IsDirectory(directory) ? "one with files" : "a file");
}

// A name that begins with `target` and that nothing has: what is there is
// somebody's.
std::string NewName(FileSystem& files, const std::string& target) {
  for (int i = 0;; ++i) {
    std::string name = absl::StrCat(target, ".tmp-", ::getpid(), "-", i);
    if (!files.Exists(name)) return name;
  }
}

// Moves the files of `aside`, a directory in `target` that holds nothing else,
// into `target`, `last` behind the others. Removes them all if one cannot be
// moved.
absl::Status MoveUp(FileSystem& files, const std::string& aside,
                    const std::string& target, absl::string_view last) {
  // A signal comes before or after.
  const CreationSection section;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> others,
                         files.List(target));
  if (others.size() > 1) return ExpectsEmpty(target, "one with files");
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> names, files.List(aside));
  const auto place = std::find(names.begin(), names.end(), last);
  std::rotate(place, place + 1, names.end());
  absl::Status status;
  size_t moved = 0;
  while (moved < names.size()) {
    if (names[moved] == last) status = files.SyncDirectory(target);
    if (status.ok())
      status = files.Rename(JoinPath(aside, names[moved]),
                            JoinPath(target, names[moved]));
    if (!status.ok()) break;
    ++moved;
  }
  if (status.ok()) return files.Remove(aside);
  for (const std::string& name : absl::MakeSpan(names).first(moved))
    files.Remove(JoinPath(target, name)).IgnoreError();
  return status;
}

}  // namespace

absl::Status WriteNewDirectory(
    FileSystem& files, const std::string& directory, absl::string_view last,
    absl::FunctionRef<absl::Status(const std::string&)> write) {
  GRAFT_RETURN_IF_ERROR(CheckTarget(files, directory));
  std::string target = ResolveLinks(directory);
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  // A directory that is there may be the working directory or a mount point, or
  // stand where nothing can be made: it is filled.
  const bool fill = files.IsDirectory(target);
  const std::string aside =
      NewName(files, fill ? JoinPath(target, "graft") : target);
  AddTemporary(aside);
  absl::Status status = files.CreateDirectories(aside);
  if (status.ok()) status = write(aside);
  // Else this rename is the only step that shows anything.
  if (status.ok())
    status =
        fill ? MoveUp(files, aside, target, last) : files.Rename(aside, target);
  // The first error is the one to tell; what is left over is aside.
  if (!status.ok()) RemoveTree(files, aside).IgnoreError();
  DropTemporary(aside);
  GRAFT_RETURN_IF_ERROR(status);
  return files.SyncDirectory(fill ? target : DirectoryName(target));
}

}  // namespace graft
