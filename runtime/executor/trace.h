// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_EXECUTOR_TRACE_H_
#define GRAFT_RUNTIME_EXECUTOR_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/executor/instance.h"

namespace graft {

// Collects the commands of one or more calls, as a profiler of an instance.
// Thread-compatible.
class CommandTrace {
 public:
  void Add(const CommandTiming& timing);

  // Time by kernel, the longest first: calls, milliseconds, share.
  std::string Summary() const;
  // The trace event format that Perfetto and Chrome read: one complete event
  // a command, times in microseconds from the first command.
  std::string Json() const;

 private:
  struct Event {
    std::string kernel, label;
    int64_t items, begin_ns, end_ns;
    size_t command;
  };
  std::vector<Event> events_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_TRACE_H_
