// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/compiler_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "tools/graft/usage_error.h"

extern char** environ;

namespace graft {
namespace {

absl::StatusOr<std::string> CompilerPath() {
  std::string path(PATH_MAX, '\0');
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return FileError(errno, "/proc/self/exe", "read");
  path.resize(static_cast<size_t>(size));
  std::string compiler = JoinPath(DirectoryName(path), "graft-compile");
  if (access(compiler.c_str(), X_OK) == 0) return compiler;
  return absl::NotFoundError(
      absl::StrCat(compiler,
                   ": no such program; this command compiles, which needs the "
                   "compiler beside graft"));
}

// Exit code of graft-compile for wrong usage.
constexpr int kUsageCode = 2;

}  // namespace

absl::Status RunCompiler(const std::vector<std::string>& arguments,
                         CompilerOutput output) {
  GRAFT_ASSIGN_OR_RETURN(std::string compiler, CompilerPath());
  std::vector<std::string> storage = {compiler};
  storage.insert(storage.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : storage) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output == CompilerOutput::kNone)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
  pid_t child;
  int error = posix_spawn(&child, compiler.c_str(), &actions, nullptr,
                          argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FileError(error, compiler, "start");
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return FileError(errno, compiler, "wait for");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  absl::Status failure = absl::AbortedError(
      WIFSIGNALED(status)
          ? absl::StrCat(compiler, ": ended by signal ", WTERMSIG(status))
          : absl::StrCat(compiler, ": failed; see its message above"));
  if (WIFEXITED(status) && WEXITSTATUS(status) == kUsageCode)
    MarkUsageError(failure);
  return failure;
}

}  // namespace graft
