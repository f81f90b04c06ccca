// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Files that gzip or zstd compressed, read as what they hold.

#ifndef GRAFT_RUNTIME_DATA_TABLE_COMPRESSION_H_
#define GRAFT_RUNTIME_DATA_TABLE_COMPRESSION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

namespace graft {

// A way of compression. Immutable, lives as long as the process.
struct Compression {
  absl::string_view name;       // "gzip"
  absl::string_view extension;  // ".gz", which a table's name may end in
  // Whether a file that begins with these bytes is one.
  bool (*begins)(absl::string_view first);
  // Reads what `file` holds, as one stream also where several were
  // concatenated. It cannot be sought. INVALID_ARGUMENT of Read begins with the
  // path: the bytes are damaged, or end within the stream.
  std::unique_ptr<SequentialFile> (*decode)(
      std::unique_ptr<SequentialFile> file);
};

// That of a file with these first bytes, of which 4 tell; null for none.
const Compression* FindCompression(absl::string_view first);
// `name` without the extension of a compression.
absl::string_view WithoutCompression(absl::string_view name);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_COMPRESSION_H_
