// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/line_reader.h"

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
// After a jump: a row is mostly shorter, and the next jump may be far.
constexpr size_t kFirstStep = 1 << 12;
constexpr size_t kMaxStep = 1 << 20;

}  // namespace

LineReader::LineReader(std::unique_ptr<SequentialFile> file,
                       size_t max_line_bytes)
    : file_(std::move(file)),
      max_line_bytes_(max_line_bytes),
      buffer_(kFirstBuffer),
      step_(kFirstBuffer) {}

std::string LineReader::Where() const {
  return absl::StrCat(path(), ":", number_);
}

// Reads more bytes behind the unread ones, or sets at_end_.
absl::Status LineReader::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    base_ += begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  const size_t room = std::min(buffer_.size() - end_, step_);
  GRAFT_ASSIGN_OR_RETURN(const size_t got, file_->Read(absl::MakeSpan(
                                               buffer_.data() + end_, room)));
  if (step_ < kMaxStep) step_ *= 2;
  end_ += got;
  at_end_ = got == 0;
  return absl::OkStatus();
}

absl::Status LineReader::Seek(uint64_t offset) {
  number_ = 0;
  next_number_ = 1;
  in_long_line_ = false;
  line_ = {};
  if (offset >= base_ && offset - base_ <= end_) {
    begin_ = static_cast<size_t>(offset - base_);
    return absl::OkStatus();
  }
  GRAFT_RETURN_IF_ERROR(file_->Seek(offset));
  begin_ = end_ = 0;
  base_ = offset;
  step_ = kFirstStep;
  at_end_ = false;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> LineReader::CountLines(uint64_t offset) {
  // What lies in the buffer may no longer be what the file holds.
  begin_ = end_ = 0;
  base_ = UINT64_MAX;
  GRAFT_RETURN_IF_ERROR(file_->Seek(0));
  int64_t lines = 0;
  while (offset > 0) {
    const size_t wanted = std::min<uint64_t>(offset, buffer_.size());
    GRAFT_ASSIGN_OR_RETURN(const size_t got,
                           file_->Read(absl::MakeSpan(buffer_.data(), wanted)));
    if (got == 0) break;
    lines += std::count(buffer_.data(), buffer_.data() + got, '\n');
    offset -= got;
  }
  return lines;
}

absl::StatusOr<bool> LineReader::Next() {
  return Next([](absl::string_view unread, size_t searched) {
    return unread.find('\n', searched);
  });
}

// Of the beginning of the file only.
absl::Status LineReader::SkipByteOrderMark() {
  while (end_ - begin_ < kByteOrderMark.size() && !at_end_)
    GRAFT_RETURN_IF_ERROR(Fill());
  if (absl::StartsWith({buffer_.data() + begin_, end_ - begin_},
                       kByteOrderMark))
    begin_ += kByteOrderMark.size();
  return absl::OkStatus();
}

absl::Status LineReader::SkipRest(FindRecordEnd find_end) {
  // All bytes before begin_ were searched. The last one stays in front of new
  // ones, so that these do not begin a record.
  in_long_line_ = false;
  while (true) {
    --begin_;
    if (end_ - begin_ == 1 && !at_end_) GRAFT_RETURN_IF_ERROR(Fill());
    const absl::string_view unread(buffer_.data() + begin_, end_ - begin_);
    const size_t newline = find_end(unread, 1);
    const size_t taken = std::min(newline, unread.size() - 1) + 1;
    next_number_ +=
        std::count(unread.begin() + 1, unread.begin() + taken, '\n');
    begin_ += taken;
    if (newline != absl::string_view::npos || at_end_) return absl::OkStatus();
  }
}

absl::StatusOr<bool> LineReader::Next(FindRecordEnd find_end) {
  bad_line_ = false;
  if (in_long_line_) GRAFT_RETURN_IF_ERROR(SkipRest(find_end));
  if (base_ + begin_ == 0) GRAFT_RETURN_IF_ERROR(SkipByteOrderMark());
  size_t searched = 0;  // bytes after begin_ known to hold no end
  size_t newline;
  while (true) {
    const absl::string_view unread(buffer_.data() + begin_, end_ - begin_);
    newline = find_end(unread, searched);
    if (newline != absl::string_view::npos || at_end_) break;
    searched = unread.size();
    // Two more than the limit may be CR LF.
    if (searched > max_line_bytes_ + 2) break;
    GRAFT_RETURN_IF_ERROR(Fill());
  }
  const absl::string_view unread(buffer_.data() + begin_, end_ - begin_);
  if (unread.empty()) return false;
  number_ = next_number_;
  offset_ = base_ + begin_;
  line_ = unread.substr(0, newline);
  in_long_line_ = newline == absl::string_view::npos && !at_end_;
  next_number_ +=
      std::count(line_.begin(), line_.end(), '\n') + (in_long_line_ ? 0 : 1);
  begin_ += newline == absl::string_view::npos ? unread.size() : newline + 1;
  if (absl::EndsWith(line_, "\r")) line_.remove_suffix(1);
  if (line_.size() > max_line_bytes_) {
    bad_line_ = true;
    return absl::InvalidArgumentError(
        absl::StrCat(Where(), ": expects a line of at most ", max_line_bytes_,
                     " bytes, got a longer one",
                     absl::StrContains(line_.substr(0, max_line_bytes_), '\r')
                         ? "; tr '\\r' '\\n' converts lines that end in CR"
                         : ""));
  }
  absl::Status status = Check();
  bad_line_ = !status.ok();
  if (!status.ok()) return status;
  return true;
}

absl::Status LineReader::Check() const {
  if (const size_t bad = FindInvalidUtf8(line_); bad != absl::string_view::npos)
    return BadByte(bad);
  if (const size_t nul = line_.find('\0'); nul != absl::string_view::npos)
    return BadByte(nul);
  return absl::OkStatus();
}

absl::Status LineReader::BadByte(size_t at) const {
  const absl::string_view before = line_.substr(0, at);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line = before.rfind('\n');  // npos + 1 is 0
  const std::string where = absl::StrCat(path(), ":", number_ + lines);
  const size_t column = at - (line + 1) + 1;
  const auto byte = static_cast<uint8_t>(line_[at]);
  if (byte == 0)
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expects text, got a NUL at byte ", column));
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": expects UTF-8, got 0x", absl::Hex(byte), " at byte ", column,
      "; if the file is Latin-1, iconv -f LATIN1 -t UTF-8 converts it"));
}

}  // namespace graft
