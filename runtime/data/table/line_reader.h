// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DATA_TABLE_LINE_READER_H_
#define GRAFT_RUNTIME_DATA_TABLE_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

namespace graft {

// May begin a file of UTF-8, and is then no part of its text.
inline constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Where the record at the beginning of `unread` ends: the place of its LF, or
// npos if it needs more bytes. Called for the same record with more and more
// bytes, of which it has seen `searched` before; 0 begins a record.
using FindRecordEnd =
    absl::FunctionRef<size_t(absl::string_view unread, size_t searched)>;

// The lines of a UTF-8 text file, one at a time, through one buffer that is
// never much larger than the longest line. A byte order mark at the beginning
// and the CR of CR LF are left out; the last line may lack its LF. Or records,
// which may have several lines; what is said of lines holds for them, too.
// Thread-compatible.
class LineReader {
 public:
  static constexpr size_t kDefaultMaxLineBytes = size_t{1} << 20;

  explicit LineReader(std::unique_ptr<SequentialFile> file,
                      size_t max_line_bytes = kDefaultMaxLineBytes);

  // Moves to the next line; false at the end of the file. INVALID_ARGUMENT
  // "path:line: ..." for a line over the limit, of which line() has the
  // beginning, for bytes that are not UTF-8 and for NUL; else the errors of
  // SequentialFile::Read. After an error the reader must not be used further,
  // unless bad_line() says so.
  absl::StatusOr<bool> Next();
  absl::StatusOr<bool> Next(FindRecordEnd find_end);

  // Whether the error of Next was one of the line's bytes, so that Next may be
  // called for the line after it.
  bool bad_line() const { return bad_line_; }

  // The current line, valid until the next call of Next.
  absl::string_view line() const { return line_; }
  // The number of its first line, from 1; 0 before the first. After Seek lines
  // count from there.
  int64_t number() const { return number_; }
  // That of its last line; only the known ones count of a record too long.
  int64_t last_number() const { return next_number_ - (in_long_line_ ? 0 : 1); }
  // Where it begins in the file, in bytes.
  uint64_t offset() const { return offset_; }

  // Makes the line that begins at `offset` the next one. Errors are those of
  // SequentialFile::Seek.
  absl::Status Seek(uint64_t offset);
  // FAILED_PRECONDITION: Seek is not possible, the file is a pipe or the like.
  absl::Status CheckSeekable() { return file_->Seek(base_ + end_); }
  // Where the bytes end that were read as lines so far.
  uint64_t end() const { return base_ + begin_; }
  // Lines that end before `offset`, or of the whole file when it is shorter.
  // Reads the file from its beginning; only Seek may follow.
  absl::StatusOr<int64_t> CountLines(uint64_t offset);
  const std::string& path() const { return file_->path(); }
  // "path:line" of the current line.
  std::string Where() const;

 private:
  absl::Status Fill();
  absl::Status SkipByteOrderMark();
  // Moves to the line after one that was too long to be read to its end.
  absl::Status SkipRest(FindRecordEnd find_end);
  absl::Status Check() const;
  // The error of the byte line_[at].
  absl::Status BadByte(size_t at) const;

  const std::unique_ptr<SequentialFile> file_;
  const size_t max_line_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // unread bytes are buffer_[begin_, end_)
  size_t end_ = 0;
  uint64_t base_ = 0;  // of buffer_[0] in the file
  size_t step_ = 0;    // most bytes that the next Fill reads
  bool at_end_ = false;
  absl::string_view line_;
  int64_t number_ = 0;
  int64_t next_number_ = 1;
  bool bad_line_ = false;
  bool in_long_line_ = false;  // its rest is not read yet
  uint64_t offset_ = 0;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_LINE_READER_H_
