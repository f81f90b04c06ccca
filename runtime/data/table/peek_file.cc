// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/peek_file.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/status_macros.h"

namespace graft {

absl::StatusOr<absl::string_view> PeekFile::Peek(size_t count) {
  while (first_.size() < count) {
    const size_t had = first_.size();
    first_.resize(count);
    const absl::StatusOr<size_t> got =
        base_->Read(absl::MakeSpan(&first_[had], count - had));
    first_.resize(had + got.value_or(0));
    if (!got.ok()) return got.status();
    if (*got == 0) break;
  }
  return absl::string_view(first_).substr(0, count);
}

absl::StatusOr<size_t> PeekFile::Read(absl::Span<char> buffer) {
  if (read_ == first_.size()) return base_->Read(buffer);
  const size_t count = std::min(buffer.size(), first_.size() - read_);
  std::memcpy(buffer.data(), first_.data() + read_, count);
  read_ += count;
  return count;
}

absl::Status PeekFile::Seek(uint64_t offset) {
  GRAFT_RETURN_IF_ERROR(base_->Seek(offset));
  read_ = first_.size();
  return absl::OkStatus();
}

}  // namespace graft
