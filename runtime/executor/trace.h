// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_EXECUTOR_TRACE_H_
#define GRAFT_RUNTIME_EXECUTOR_TRACE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/executor/instance.h"

namespace graft {

// Sums the time of kernels over any number of calls, as a profiler of an
// instance: memory depends on the number of kernels alone. Thread-compatible.
class KernelProfile {
 public:
  struct Sum {
    std::string kernel;
    int64_t calls = 0, ns = 0;
    double flops = 0, bytes = 0;  // of CommandTiming
    std::string unit = {};        // of its FLOPs, as in CommandTiming
    int unit_count = 0;

    void Add(const Sum& other);  // keeps the name and the unit
  };

  void Add(const CommandTiming& timing);

  // By kernel, the longest first.
  std::vector<Sum> Sums() const;

  // Time by kernel, the longest first: calls, milliseconds, share, GFLOP/s and
  // GB/s of what CommandTiming counts. With a `limit` above 0, kernels beyond
  // as many are one line.
  std::string Summary(size_t limit = 0) const;

 private:
  std::map<std::string, Sum, std::less<>> by_kernel_;
};

// Collects the commands of one or more calls, as a profiler of an instance.
// Thread-compatible.
class CommandTrace {
 public:
  void Add(const CommandTiming& timing);

  // KernelProfile::Summary of the commands.
  std::string Summary() const { return profile_.Summary(); }
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
  KernelProfile profile_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_TRACE_H_
