// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Directories that appear whole or not at all.

#ifndef GRAFT_RUNTIME_FORMATS_NEW_DIRECTORY_H_
#define GRAFT_RUNTIME_FORMATS_NEW_DIRECTORY_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

namespace graft {

// Creates `directory` with the files that `write` makes in the one it gets,
// which is empty and takes the name `directory` afterwards. One that is there
// and empty stays what it is, be it the working directory or a mount point: the
// files are written into a directory within and moved up, `last` behind the
// others: without it no reader takes the directory for what it is.
// ALREADY_EXISTS when it is there and not empty.
absl::Status WriteNewDirectory(
    FileSystem& files, const std::string& directory, absl::string_view last,
    absl::FunctionRef<absl::Status(const std::string&)> write);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_NEW_DIRECTORY_H_
