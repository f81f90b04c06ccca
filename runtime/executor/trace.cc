// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/trace.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace graft {

void KernelProfile::Sum::Add(const Sum& other) {
  calls += other.calls;
  ns += other.ns;
  flops += other.flops;
  bytes += other.bytes;
}

void KernelProfile::Add(const CommandTiming& timing) {
  const std::string_view kernel(timing.kernel.data(), timing.kernel.size());
  auto it = by_kernel_.find(kernel);
  if (it == by_kernel_.end()) {
    it = by_kernel_.emplace(kernel, Sum{std::string(kernel)}).first;
    it->second.unit = std::string(timing.unit);
  }
  ++it->second.calls;
  it->second.ns += timing.end_ns - timing.begin_ns;
  it->second.flops += timing.flops;
  it->second.bytes += timing.bytes;
  it->second.unit_count = timing.unit_count;
}

std::vector<KernelProfile::Sum> KernelProfile::Sums() const {
  std::vector<Sum> sums;
  for (const auto& [name, sum] : by_kernel_) sums.push_back(sum);
  std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) {
    return a.ns != b.ns ? a.ns > b.ns : a.kernel < b.kernel;
  });
  return sums;
}

std::string KernelProfile::Summary(size_t limit) const {
  std::vector<Sum> sums = Sums();
  Sum all{"all"};
  for (const Sum& sum : sums) all.Add(sum);
  if (limit > 0 && sums.size() > limit) {
    Sum rest{absl::StrFormat("%d others", sums.size() - limit)};
    for (size_t i = limit; i < sums.size(); ++i) rest.Add(sums[i]);
    sums.resize(limit);
    sums.push_back(rest);
  }
  std::string text = absl::StrFormat("%-40s %6s %10s %6s %8s %7s\n", "kernel",
                                     "calls", "ms", "share", "GFLOP/s", "GB/s");
  sums.push_back(all);
  for (const Sum& sum : sums) {
    // Operations and bytes a nanosecond.
    const auto ns = static_cast<double>(std::max<int64_t>(sum.ns, 1));
    absl::StrAppendFormat(&text, "%-40s %6d %10.3f %5.1f%% %8.1f %7.1f\n",
                          sum.kernel, sum.calls, sum.ns * 1e-6,
                          all.ns == 0 ? 0.0 : 100.0 * sum.ns / all.ns,
                          sum.flops / ns, sum.bytes / ns);
  }
  return text;
}

void CommandTrace::Add(const CommandTiming& timing) {
  profile_.Add(timing);
  events_.push_back({std::string(timing.kernel), std::string(timing.label),
                     timing.items, timing.begin_ns, timing.end_ns,
                     timing.command});
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
