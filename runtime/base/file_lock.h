// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A lock that processes of one machine hold on a file.

#ifndef GRAFT_RUNTIME_BASE_FILE_LOCK_H_
#define GRAFT_RUNTIME_BASE_FILE_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace graft {

// Held while the object lives, and at most as long as the process: the system
// releases the lock of one that is killed. The file stays behind. Immutable,
// hence thread-safe.
class FileLock {
 public:
  // Creates the file `path` if need be and locks it. FAILED_PRECONDITION:
  // another process, or another object of this one, holds the lock; the message
  // begins with `path` and names the process. Errors as
  // FileSystem::OpenAppend. A file system without locks locks nothing, and this
  // succeeds.
  static absl::StatusOr<std::unique_ptr<FileLock>> Acquire(
      const std::string& path);

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_FILE_LOCK_H_
