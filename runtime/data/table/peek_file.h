// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DATA_TABLE_PEEK_FILE_H_
#define GRAFT_RUNTIME_DATA_TABLE_PEEK_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"

namespace graft {

// A file whose first bytes can be looked at before they are read, also those of
// a pipe. Thread-compatible.
class PeekFile final : public SequentialFile {
 public:
  explicit PeekFile(std::unique_ptr<SequentialFile> base)
      : SequentialFile(base->path()), base_(std::move(base)) {}

  // The first `count` bytes, or all of a shorter file. To be called before the
  // first Read; valid until then.
  absl::StatusOr<absl::string_view> Peek(size_t count);

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;
  absl::Status Seek(uint64_t offset) override;

 private:
  const std::unique_ptr<SequentialFile> base_;
  std::string first_;
  size_t read_ = 0;  // bytes of first_ that Read has returned
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_PEEK_FILE_H_
