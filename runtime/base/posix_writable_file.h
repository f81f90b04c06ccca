// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_POSIX_WRITABLE_FILE_H_
#define GRAFT_RUNTIME_BASE_POSIX_WRITABLE_FILE_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "runtime/base/file.h"
#include "runtime/base/posix_descriptor.h"

namespace graft::internal_posix {

// A file aside, and the one that it is to replace.
struct Replacement {
  std::string temporary;  // empty: written directly
  std::string target;
  std::optional<mode_t> mode;  // of the target
};

// The file `path`, open as `fd`, which is written into.
std::unique_ptr<WritableFile> OpenedForWriting(std::string path, Descriptor fd);

// Opens `path`, which is there, to write into it, with `flags` of open(). An
// open file of this process is written through its descriptor, at its place.
absl::StatusOr<std::unique_ptr<WritableFile>> OpenInPlace(
    const std::string& path, int flags);

// Creates the temporary file, which Commit renames to the target. Errors name
// `path`. RemoveTemporaryFiles knows of it as soon as it is there. A target
// with a mode, which is there, is emptied and written into if its folder takes
// no new file.
absl::StatusOr<std::unique_ptr<WritableFile>> CreateAside(
    std::string path, Replacement replacement);

}  // namespace graft::internal_posix

#endif  // GRAFT_RUNTIME_BASE_POSIX_WRITABLE_FILE_H_
