// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/compiler_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "tools/graft/usage_error.h"

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

// Exit codes of graft-compile, before which it prints a message.
constexpr int kFailureCode = 1;
constexpr int kUsageCode = 2;
constexpr char kSaidWhy[] = "graft/compiler_said_why";

// The process that runs; 0: none. Set where a signal handler may look.
std::atomic<pid_t> running{0};
std::atomic<bool> stopped{false};

absl::Status Stopped() {
  return absl::CancelledError(
      "stopped by a signal before training began; nothing has changed");
}

// In the child, between fork and exec: async-signal-safe calls only. Reports
// errno through `report` if the program does not start.
[[noreturn]] void Execute(char* const* argv, pid_t parent,
                          CompilerOutput output, int report) {
  // The compiler ends with this process, whatever ends that, and removes its
  // temporary files.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() == parent) {
    const int null =
        output == CompilerOutput::kNone ? open("/dev/null", O_WRONLY) : -1;
    if (null >= 0) dup2(null, STDOUT_FILENO);
    execv(argv[0], argv);
  }
  const int error = errno;
  if (write(report, &error, sizeof(error)) < 0) _exit(126);
  _exit(127);
}

// Starts the program; its process.
absl::StatusOr<pid_t> Start(std::vector<std::string>& words,
                            CompilerOutput output) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return FileError(errno, words[0], "start");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) Execute(argv.data(), parent, output, report[1]);
  int error = child < 0 ? errno : 0;
  close(report[1]);
  // Returns when the program runs, which closes the other end.
  if (child > 0 && read(report[0], &error, sizeof(error)) > 0)
    waitpid(child, nullptr, 0);
  close(report[0]);
  if (error != 0) return FileError(error, words[0], "start");
  return child;
}

}  // namespace

void StopCompiler(bool wait) {
  stopped = true;
  const pid_t child = running;
  if (child <= 0) return;
  kill(child, SIGTERM);
  if (wait) waitpid(child, nullptr, 0);
}

bool CompilerSaidWhy(const absl::Status& status) {
  return status.GetPayload(kSaidWhy).has_value();
}

absl::Status RunCompiler(const std::vector<std::string>& arguments,
                         CompilerOutput output) {
  GRAFT_ASSIGN_OR_RETURN(std::string compiler, CompilerPath());
  std::vector<std::string> words = {compiler};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (stopped) return Stopped();
  GRAFT_ASSIGN_OR_RETURN(const pid_t child, Start(words, output));
  running = child;
  // A signal that came before the line above has not reached the child.
  if (stopped) kill(child, SIGTERM);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return FileError(errno, compiler, "wait for");
  }
  running = 0;
  if (stopped) return Stopped();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  // A reader that had enough of standard output ends this process as well.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  absl::Status failure = absl::AbortedError(
      absl::StrCat(compiler, ": ended ",
                   WIFSIGNALED(status) ? "by signal " : "with exit code ",
                   WIFSIGNALED(status) ? WTERMSIG(status) : code));
  if (code == kFailureCode || code == kUsageCode)
    failure.SetPayload(kSaidWhy, absl::Cord());
  if (code == kUsageCode) MarkUsageError(failure);
  return failure;
}

}  // namespace graft
