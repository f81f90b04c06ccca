// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/temporary_directory.h"

#include <stdlib.h>

#include <cerrno>
#include <cstdlib>

#include "runtime/base/file.h"

namespace graft {

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Create() {
  const char* parent = std::getenv("TMPDIR");
  std::string path =
      JoinPath(parent && *parent ? parent : "/tmp", "graft-XXXXXX");
  if (!mkdtemp(path.data())) return FileError(errno, path, "create");
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  // What cannot be removed is the system's to clean up.
  if (!path_.empty()) RemoveTree(FileSystem::Posix(), path_).IgnoreError();
}

}  // namespace graft
