// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_FAULTY_FILE_SYSTEM_H_
#define GRAFT_RUNTIME_BASE_FAULTY_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/file.h"

namespace graft {

// A file system for tests that passes everything on to another one until it is
// told to fail. Counts are shared by all files opened through it. Thread-safe;
// must outlive its files.
class FaultyFileSystem final : public FileSystem {
 public:
  enum class Operation {
    kOpenRead,   // Map, OpenSequential
    kRead,       // SequentialFile::Read
    kOpenWrite,  // CreateAtomic, OpenAppend, CreateScratch
    kAppend,     // WritableFile::Append, ScratchFile::Append
    kCommit,     // WritableFile::Flush, Commit
    kMetadata,   // Size, List, CreateDirectories, Rename, Remove, SyncDirectory
  };

  // `base` is borrowed.
  explicit FaultyFileSystem(FileSystem& base) : base_(base) {}

  // The nth call (from 1) of `operation` from now on, and with `sticky` every
  // later one, fails with `error_number` (ENOSPC, EIO, ...). Replaces an
  // earlier FailCall.
  void FailCall(Operation operation, int64_t nth, int error_number,
                bool sticky = true);
  // Writes fail once `bytes` more have been appended: the call that crosses the
  // border passes on its first part, as a full disk does. Replaces an earlier
  // FailWritesAfter.
  void FailWritesAfter(uint64_t bytes, int error_number);
  // Reads fail once `bytes` more have been read. Mapped files are not affected.
  void FailReadsAfter(uint64_t bytes, int error_number);
  // Each Read returns at most `bytes`, as pipes and network file systems do.
  void LimitReads(uint64_t bytes);
  // Forgets all of the above.
  void Heal();

  // Calls of `operation` so far, the failed ones included.
  int64_t calls(Operation operation) const;

  absl::StatusOr<std::unique_ptr<MappedFile>> Map(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<SequentialFile>> OpenSequential(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> CreateAtomic(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenAppend(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ScratchFile>> CreateScratch() override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  bool Exists(const std::string& path) override;
  bool IsDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(
      const std::string& directory) override;
  absl::Status CreateDirectories(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;

 private:
  friend class FaultySequentialFile;
  friend class FaultyScratchFile;
  friend class FaultyWritableFile;

  struct CallFault {
    Operation operation;
    int64_t calls_left;  // calls that still succeed
    int error_number;
    bool sticky;
  };
  struct ByteFault {
    uint64_t bytes_left;
    int error_number;
  };

  // Counts one call; the error it must fail with, or 0.
  int Enter(Operation operation);
  absl::Status Check(Operation operation, const std::string& path);
  // How many of `wanted` bytes may pass; sets `error` when fewer.
  uint64_t TakeBytes(std::optional<ByteFault>& fault, uint64_t wanted,
                     int& error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem& base_;
  mutable absl::Mutex mutex_;
  std::vector<int64_t> counts_ ABSL_GUARDED_BY(mutex_) =
      std::vector<int64_t>(static_cast<size_t>(Operation::kMetadata) + 1);
  std::optional<CallFault> call_fault_ ABSL_GUARDED_BY(mutex_);
  std::optional<ByteFault> write_fault_ ABSL_GUARDED_BY(mutex_);
  std::optional<ByteFault> read_fault_ ABSL_GUARDED_BY(mutex_);
  uint64_t read_limit_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_FAULTY_FILE_SYSTEM_H_
