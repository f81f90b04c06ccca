// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Files behind one small interface, so that a full disk, a read error or a
// crash between two writes is a test (faulty_file_system.h), not an accident.
// Every error names the path and what the system said.

#ifndef GRAFT_RUNTIME_BASE_FILE_H_
#define GRAFT_RUNTIME_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// A whole file in memory, read-only and shared with the page cache. Immutable,
// hence thread-safe. The file must not be truncated while it is mapped (the
// system answers reads past the new end with SIGBUS); Graft itself only ever
// replaces files by rename, which leaves a mapping whole.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  // Valid as long as this object. Page-aligned unless empty.
  absl::Span<const uint8_t> bytes() const { return bytes_; }

  // bytes()[offset, offset + size) or OUT_OF_RANGE, which names `what`.
  absl::StatusOr<absl::Span<const uint8_t>> Range(uint64_t offset,
                                                  uint64_t size,
                                                  absl::string_view what) const;

  // Says that bytes()[offset, offset + size) will hardly be read again: its
  // pages need no longer count as memory of this process. Reading them is still
  // allowed, and brings them back. Thread-safe.
  virtual void Release(uint64_t offset, uint64_t size) const {}

 protected:
  MappedFile(std::string path, absl::Span<const uint8_t> bytes)
      : path_(std::move(path)), bytes_(bytes) {}

 private:
  const std::string path_;
  const absl::Span<const uint8_t> bytes_;
};

// A file read forward, from its beginning or from where Seek went.
// Thread-compatible.
class SequentialFile {
 public:
  virtual ~SequentialFile() = default;
  SequentialFile(const SequentialFile&) = delete;
  SequentialFile& operator=(const SequentialFile&) = delete;

  const std::string& path() const { return path_; }
  // Reads up to `buffer.size()` bytes and returns how many; 0 only at the end
  // of the file (or for an empty buffer). Fewer than asked for is no sign of
  // the end.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
  // The next Read begins `offset` bytes from the beginning, which may be behind
  // the end. FAILED_PRECONDITION: a pipe or the like, which is read once.
  virtual absl::Status Seek(uint64_t offset) = 0;

 protected:
  explicit SequentialFile(std::string path) : path_(std::move(path)) {}

 private:
  const std::string path_;
};

// A file without a name, which is gone when it is closed: first written, then
// read. Seek and Read see all that was appended. Thread-compatible.
class ScratchFile : public SequentialFile {
 public:
  // Writes at the end. RESOURCE_EXHAUSTED: the disk is full.
  virtual absl::Status Append(absl::Span<const char> bytes) = 0;

 protected:
  using SequentialFile::SequentialFile;
};

// A file being written. Thread-compatible. What is appended may stay in a
// buffer until Flush, Commit or destruction. After a failed call the only way
// on is to destroy the object.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  WritableFile(const WritableFile&) = delete;
  WritableFile& operator=(const WritableFile&) = delete;

  const std::string& path() const { return path_; }
  virtual absl::Status Append(absl::Span<const uint8_t> bytes) = 0;
  absl::Status Append(absl::string_view text) {
    return Append(absl::MakeConstSpan(
        reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
  // Hands everything appended so far to the system: other processes see it, a
  // power cut may still lose it. Does nothing for atomic files.
  virtual absl::Status Flush() = 0;
  // Ends the writing and makes it durable (fsync of file and directory). An
  // atomic file appears under its path only now, whole; without Commit it never
  // does, and its temporary file is removed. Call at most once; nothing may be
  // appended afterwards.
  virtual absl::Status Commit() = 0;

 protected:
  explicit WritableFile(std::string path) : path_(std::move(path)) {}

 private:
  const std::string path_;
};

// The operations on files that Graft needs. Implementations are thread-safe;
// the files they return are not. Errors: NOT_FOUND, PERMISSION_DENIED,
// RESOURCE_EXHAUSTED (disk or quota full), FAILED_PRECONDITION (a directory
// where a file is expected and the like), DATA_LOSS (input/output error).
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<MappedFile>> Map(
      const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<SequentialFile>> OpenSequential(
      const std::string& path) = 0;
  // Creates a file that replaces `path` in one step on Commit, and keeps its
  // mode. Until then the bytes lie beside it under a name that no reader looks
  // for (`path`.tmp-PID-N). A symbolic link stays: the file that it leads to is
  // replaced. A pipe, a device or an open file (/dev/stdout) is written into,
  // step by step.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> CreateAtomic(
      const std::string& path) = 0;
  // Opens `path` to write at its end, creating it if need be.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> OpenAppend(
      const std::string& path) = 0;

  // Creates a file without a name in the folder for temporary files, the
  // environment's TMPDIR or else /tmp. path() is that folder.
  virtual absl::StatusOr<std::unique_ptr<ScratchFile>> CreateScratch() = 0;

  // Size in bytes of the regular file `path`.
  virtual absl::StatusOr<uint64_t> Size(const std::string& path) = 0;
  // Whether there is something of that name, be it a link that leads nowhere:
  // opening that fails, whereas a file that is only looked for would be passed
  // over without a word.
  virtual bool Exists(const std::string& path) = 0;
  // Follows symbolic links.
  virtual bool IsDirectory(const std::string& path) = 0;
  // Names (not paths) in a directory, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(
      const std::string& directory) = 0;
  // Creates `directory` and its missing parents; OK when it is there already.
  virtual absl::Status CreateDirectories(const std::string& directory) = 0;
  // Replaces `to`, if it is there, in one step. Durable after SyncDirectory.
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;
  // Removes a file or an empty directory.
  virtual absl::Status Remove(const std::string& path) = 0;
  // Makes created, renamed and removed entries of `directory` durable.
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;

  // The operating system's files. Never destroyed.
  static FileSystem& Posix();
};

// The standard input of this process, from where it is, under the path
// "standard input". It cannot be sought. Closing it leaves the process's own
// descriptor open.
absl::StatusOr<std::unique_ptr<SequentialFile>> OpenStandardInput();

// The whole of `path`. RESOURCE_EXHAUSTED when it has more than `limit` bytes.
absl::StatusOr<std::string> ReadFile(FileSystem& files, const std::string& path,
                                     uint64_t limit = uint64_t{1} << 30);

// Replaces `path` by `contents` in one step, durably.
absl::Status WriteFile(FileSystem& files, const std::string& path,
                       absl::string_view contents);

// Removes `path` and, when it is a directory, everything below it. OK when
// there is nothing. Does not follow symbolic links out of the tree.
absl::Status RemoveTree(FileSystem& files, const std::string& path);

// "a" + "b" -> "a/b"; an absolute `name` wins, an empty `directory` is ".".
std::string JoinPath(absl::string_view directory, absl::string_view name);
// "a/b" -> "a", "b" -> ".", "/b" -> "/".
std::string DirectoryName(absl::string_view path);

// The error of a failed system call: "<path>: cannot <what>: <strerror>", with
// the code of the table above.
absl::Status FileError(int error_number, absl::string_view path,
                       absl::string_view what);

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_FILE_H_
