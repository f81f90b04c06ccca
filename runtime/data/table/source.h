// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a table's file: decoded, and if need be kept to be read again.

#ifndef GRAFT_RUNTIME_DATA_TABLE_SOURCE_H_
#define GRAFT_RUNTIME_DATA_TABLE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/data/table/peek_file.h"

namespace graft {

// Whether `path` names the standard input: "-" or "/dev/stdin".
bool IsStandardInput(absl::string_view path);

struct Source {
  std::unique_ptr<PeekFile> file;  // of the decoded bytes
  // Standard input, a pipe or a file of /dev: its name says nothing about what
  // it holds.
  bool nameless = false;
  bool plain = false;  // read as it is, and can be sought
};

// Opens `path` and decodes what gzip or zstd compressed, told by its first
// bytes. With `reread` the file can be sought: what cannot by itself, such as
// pipes and compressed files, is copied into an unnamed temporary file as it is
// read. INVALID_ARGUMENT: another kind of file than text, such as an archive or
// UTF-16; else errors of OpenSequential and Read.
absl::StatusOr<Source> OpenSource(FileSystem& files, const std::string& path,
                                  bool reread);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_SOURCE_H_
