// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/thread_options.h"

#include "CLI/Validators.hpp"

namespace graft {

void AddThreadOptions(CLI::App& command, ThreadOptions& options) {
  command
      .add_option("--threads", options.threads,
                  "threads (default: all processors)")
      ->check(CLI::Range(1, 1024));
  command.add_flag("--pin-threads", options.pin,
                   "keep each thread but the first on a processor of its own");
}

absl::StatusOr<std::unique_ptr<ThreadPool>> StartThreads(
    const ThreadOptions& options) {
  return ThreadPool::Create(
      options.threads > 0 ? options.threads : DefaultThreadCount(),
      options.pin ? ThreadPinning::kEach : ThreadPinning::kNone);
}

}  // namespace graft
