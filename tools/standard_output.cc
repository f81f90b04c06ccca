// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "runtime/base/file.h"

namespace graft {
namespace {

// The first error of standard output; 0 without one. The C library remembers
// that there was one, but not which.
int first_error = 0;

absl::Status Fail(int error) {
  if (error == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  first_error = error;
  return FileError(error, "standard output", "write");
}

}  // namespace

void PrepareStandardOutput() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Open the wrong way, so that a use
    // fails as it would have done.
    ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

absl::Status Print(absl::string_view text) {
  if (first_error != 0) return Fail(first_error);
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size())
    return absl::OkStatus();
  return Fail(errno);
}

absl::Status FlushStandardOutput() {
  if (first_error != 0) return Fail(first_error);
  if (std::fflush(stdout) != 0) return Fail(errno);
  // Of a write that went past Print.
  return std::ferror(stdout) != 0 ? Fail(EIO) : absl::OkStatus();
}

}  // namespace graft
