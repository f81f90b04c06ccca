// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"

namespace graft {
namespace {

// What the holder of the lock wrote: its process id. Empty while it has not.
std::string Holder(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof(text), /*offset=*/0);
  if (size <= 0) return "";
  return std::string(absl::StripAsciiWhitespace(
      absl::string_view(text, static_cast<size_t>(size))));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Acquire(
    const std::string& path) {
  // Children do not inherit it: a lock is this process's own.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return FileError(errno, path, "open");
  std::unique_ptr<FileLock> lock(new FileLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      const std::string holder = Holder(fd);
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": locked by ",
                       holder.empty() ? "another process"
                                      : absl::StrCat("process ", holder)));
    }
    if (errno != ENOLCK && errno != EOPNOTSUPP && errno != ENOSYS)
      return FileError(errno, path, "lock");
  }
  // Its holder may have removed the file meanwhile: the lock of a file without
  // a name keeps nobody out.
  struct stat found;
  if (::fstat(fd, &found) == 0 && found.st_nlink == 0) return Acquire(path);
  // For the message of others alone: the lock is held without it, too.
  const std::string text = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, text.data(), text.size(), /*offset=*/0) < 0)
    return FileError(errno, path, "write");
  return lock;
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace graft
