// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/trace.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace graft {

void CommandTrace::Add(const CommandTiming& timing) {
  events_.push_back({std::string(timing.kernel), std::string(timing.label),
                     timing.items, timing.begin_ns, timing.end_ns,
                     timing.command});
}

std::string CommandTrace::Summary() const {
  struct Sum {
    std::string kernel;
    int64_t calls = 0, ns = 0;
  };
  std::map<std::string, Sum> by_kernel;
  int64_t total = 0;
  for (const Event& event : events_) {
    Sum& sum = by_kernel[event.kernel];
    sum.kernel = event.kernel;
    ++sum.calls;
    sum.ns += event.end_ns - event.begin_ns;
    total += event.end_ns - event.begin_ns;
  }
  std::vector<Sum> sums;
  for (auto& [name, sum] : by_kernel) sums.push_back(sum);
  std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) {
    return a.ns != b.ns ? a.ns > b.ns : a.kernel < b.kernel;
  });
  std::string text =
      absl::StrFormat("%-40s %6s %10s %6s\n", "kernel", "calls", "ms", "share");
  for (const Sum& sum : sums) {
    absl::StrAppendFormat(&text, "%-40s %6d %10.3f %5.1f%%\n", sum.kernel,
                          sum.calls, sum.ns * 1e-6,
                          total == 0 ? 0.0 : 100.0 * sum.ns / total);
  }
  absl::StrAppendFormat(&text, "%-40s %6d %10.3f\n", "all", events_.size(),
                        total * 1e-6);
  return text;
}

std::string CommandTrace::Json() const {
  nlohmann::ordered_json events = nlohmann::ordered_json::array();
  const int64_t start = events_.empty() ? 0 : events_.front().begin_ns;
  for (const Event& event : events_) {
    events.push_back({{"name", event.kernel},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", 1},
                      {"ts", (event.begin_ns - start) * 1e-3},
                      {"dur", (event.end_ns - event.begin_ns) * 1e-3},
                      {"args",
                       {{"label", event.label},
                        {"command", event.command},
                        {"items", event.items}}}});
  }
  const nlohmann::ordered_json root = {{"traceEvents", std::move(events)},
                                       {"displayTimeUnit", "ms"}};
  return root.dump(-1, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace graft
