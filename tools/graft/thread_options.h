// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_GRAFT_THREAD_OPTIONS_H_
#define GRAFT_TOOLS_GRAFT_THREAD_OPTIONS_H_

#include <memory>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "runtime/device/cpu/thread_pool.h"

namespace graft {

// What a command is told about its threads.
struct ThreadOptions {
  int threads = 0;  // 0: DefaultThreadCount()
  bool pin = false;
};

// Adds --threads and --pin-threads. `options` must outlive the parsing.
void AddThreadOptions(CLI::App& command, ThreadOptions& options);

absl::StatusOr<std::unique_ptr<ThreadPool>> StartThreads(
    const ThreadOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_THREAD_OPTIONS_H_
