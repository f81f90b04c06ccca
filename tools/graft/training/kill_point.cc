// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/kill_point.h"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "absl/strings/numbers.h"

namespace graft {
namespace {

// The number in the environment; 0: none.
int64_t NumberOf(const char* name) {
  const char* text = std::getenv(name);
  int64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : 0;
}

}  // namespace

std::function<bool(size_t at)> KillPoint() {
  const char* trace = std::getenv("GRAFT_TRACE_HOST");
  const int64_t kill = NumberOf("GRAFT_KILL_AT");
  const int64_t stop = NumberOf("GRAFT_STOP_AT");
  if (trace == nullptr && kill == 0 && stop == 0) return {};
  auto file = trace ? std::make_shared<std::ofstream>(trace) : nullptr;
  return [file, kill, stop, executed = int64_t{0}](size_t at) mutable {
    if (file) *file << at << '\n';
    ++executed;
    if (executed == kill) std::raise(SIGKILL);
    if (executed == stop) std::raise(SIGINT);
    return false;
  };
}

}  // namespace graft
