// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// File descriptors of POSIX systems.

#ifndef GRAFT_RUNTIME_BASE_POSIX_DESCRIPTOR_H_
#define GRAFT_RUNTIME_BASE_POSIX_DESCRIPTOR_H_

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/links.h"

namespace graft::internal_posix {

// Repeats a system call that a signal interrupted.
template <typename Call>
auto Retry(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  // Some file systems report a failed write only here. Not retried after EINTR:
  // on Linux the descriptor is gone either way.
  bool Close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

// Opens `path`; it is closed in programs that this one starts. Errors as
// FileError says `what`.
inline absl::StatusOr<Descriptor> Open(const std::string& path, int flags,
                                       absl::string_view what) {
  const int fd =
      Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); });
  if (fd < 0) {
    const int error = errno;
    const std::string target = ResolveLinks(path);
    if (error == ENOENT && target != path)
      return absl::NotFoundError(absl::StrCat(path, ": cannot ", what,
                                              ": it is a link to ", target,
                                              ", which is not there"));
    return FileError(error, path, what);
  }
  return Descriptor(fd);
}

}  // namespace graft::internal_posix

#endif  // GRAFT_RUNTIME_BASE_POSIX_DESCRIPTOR_H_
