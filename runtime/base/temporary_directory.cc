// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/temporary_directory.h"

#include <stdlib.h>

#include <cerrno>
#include <cstdlib>

#include "runtime/base/file.h"
#include "runtime/base/temporary_files.h"

namespace graft {

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Create() {
  const CreationSection section;
  const char* parent = std::getenv("TMPDIR");
  std::string path =
      JoinPath(parent && *parent ? parent : "/tmp", "graft-XXXXXX");
  if (!mkdtemp(path.data())) return FileError(errno, path, "create");
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::TemporaryDirectory(std::string path)
    : path_(std::make_unique<const std::string>(std::move(path))) {
  AddTemporary(*path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_ == nullptr) return;
  // What cannot be removed is the system's to clean up.
  RemoveTree(FileSystem::Posix(), *path_).IgnoreError();
  DropTemporary(*path_);
}

}  // namespace graft
