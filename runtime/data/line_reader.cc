// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace graft {
namespace {

constexpr size_t kFirstBuffer = 1 << 16;
constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

LineReader::LineReader(std::unique_ptr<SequentialFile> file,
                       size_t max_line_bytes)
    : file_(std::move(file)),
      max_line_bytes_(max_line_bytes),
      buffer_(kFirstBuffer) {}

std::string LineReader::Where() const {
  return absl::StrCat(path(), ":", number_);
}

// Reads more bytes behind the unread ones, or sets at_end_.
absl::Status LineReader::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  GRAFT_ASSIGN_OR_RETURN(const size_t got,
                         file_->Read(absl::MakeSpan(buffer_.data() + end_,
                                                    buffer_.size() - end_)));
  end_ += got;
  at_end_ = got == 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> LineReader::Next() {
  size_t searched = 0;  // bytes after begin_ known to hold no LF
  size_t newline;
  while (true) {
    const absl::string_view unread(buffer_.data() + begin_, end_ - begin_);
    newline = unread.find('\n', searched);
    if (newline != absl::string_view::npos || at_end_) break;
    searched = unread.size();
    // Two more than the limit may be CR LF, three a byte order mark.
    if (searched > max_line_bytes_ + 5) break;
    GRAFT_RETURN_IF_ERROR(Fill());
  }
  const absl::string_view unread(buffer_.data() + begin_, end_ - begin_);
  if (unread.empty()) return false;
  ++number_;
  line_ = unread.substr(0, newline);
  begin_ += newline == absl::string_view::npos ? unread.size() : newline + 1;
  if (number_ == 1 && absl::StartsWith(line_, kByteOrderMark)) {
    line_.remove_prefix(kByteOrderMark.size());
  }
  if (absl::EndsWith(line_, "\r")) line_.remove_suffix(1);
  GRAFT_RETURN_IF_ERROR(Check());
  return true;
}

absl::Status LineReader::Check() const {
  if (line_.size() > max_line_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(), ": expects a line of at most ", max_line_bytes_,
                     " bytes, got a longer one"));
  }
  if (const size_t bad = FindInvalidUtf8(line_);
      bad != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        Where(), ": expects UTF-8, got 0x",
        absl::Hex(static_cast<uint8_t>(line_[bad])), " at byte ", bad + 1));
  }
  if (const size_t nul = line_.find('\0'); nul != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(), ": expects text, got a NUL at byte ", nul + 1));
  }
  return absl::OkStatus();
}

}  // namespace graft
