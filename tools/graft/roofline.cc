// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/roofline.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_format.h"

namespace graft {

void Roofline::Add(const CommandTiming& timing) {
  const std::string_view kernel(timing.kernel.data(), timing.kernel.size());
  auto it = by_kernel_.find(kernel);
  if (it == by_kernel_.end()) {
    it = by_kernel_.emplace(kernel, Sum{std::string(kernel)}).first;
  }
  Sum& sum = it->second;
  const double arithmetic = timing.flops / limits_.flops;
  const double memory = timing.bytes / limits_.BandwidthOf(timing.bytes);
  ++sum.calls;
  sum.seconds += static_cast<double>(timing.end_ns - timing.begin_ns) * 1e-9;
  sum.flops += timing.flops;
  sum.bytes += timing.bytes;
  sum.arithmetic += arithmetic;
  sum.memory += memory;
  sum.least += std::max(arithmetic, memory);
}

std::vector<Roofline::Sum> Roofline::Sums() const {
  std::vector<Sum> sums;
  Sum all{"all"};
  for (const auto& [name, sum] : by_kernel_) {
    sums.push_back(sum);
    all.calls += sum.calls;
    all.seconds += sum.seconds;
    all.flops += sum.flops;
    all.bytes += sum.bytes;
    all.arithmetic += sum.arithmetic;
    all.memory += sum.memory;
    all.least += sum.least;
  }
  std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.kernel < b.kernel;
  });
  sums.push_back(all);
  return sums;
}

nlohmann::ordered_json Roofline::Json() const {
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  const std::vector<Sum> sums = Sums();
  for (const Sum& sum : sums) {
    const double seconds = std::max(sum.seconds, 1e-9);
    kernels.push_back(
        {{"kernel", sum.kernel},
         {"calls", sum.calls},
         {"ms", 1e3 * sum.seconds},
         {"share", sum.seconds / std::max(sums.back().seconds, 1e-9)},
         {"gflops", sum.flops / seconds / 1e9},
         {"gbytes_per_second", sum.bytes / seconds / 1e9},
         {"limit", sum.arithmetic > sum.memory ? "arithmetic" : "memory"},
         {"of_limit", sum.least / seconds}});
  }
  nlohmann::ordered_json bandwidth = nlohmann::ordered_json::array();
  for (const MachineLimits::Bandwidth& at : limits_.bandwidth) {
    bandwidth.push_back(
        {{"bytes", at.bytes}, {"gbytes_per_second", at.per_second / 1e9}});
  }
  return {{"gflops", limits_.flops / 1e9},
          {"bandwidth", std::move(bandwidth)},
          {"kernels", std::move(kernels)}};
}

std::string Roofline::Text() const {
  std::string text =
      absl::StrFormat("limits: %.0f GFLOP/s;", limits_.flops / 1e9);
  for (const MachineLimits::Bandwidth& at : limits_.bandwidth) {
    absl::StrAppendFormat(&text, " %.0f GB/s of %.6g KiB%s",
                          at.per_second / 1e9, at.bytes / 1024,
                          &at == &limits_.bandwidth.back() ? "\n" : ",");
  }
  absl::StrAppendFormat(&text, "%-40s %6s %10s %6s %8s %7s  %-10s %8s\n",
                        "kernel", "calls", "ms", "share", "GFLOP/s", "GB/s",
                        "limit", "of limit");
  const nlohmann::ordered_json json = Json();
  for (const nlohmann::ordered_json& sum : json["kernels"]) {
    absl::StrAppendFormat(
        &text, "%-40s %6d %10.3f %5.1f%% %8.1f %7.1f  %-10s %7.0f%%\n",
        sum["kernel"].get<std::string>(), sum["calls"].get<int64_t>(),
        sum["ms"].get<double>(), 100 * sum["share"].get<double>(),
        sum["gflops"].get<double>(), sum["gbytes_per_second"].get<double>(),
        sum["limit"].get<std::string>(), 100 * sum["of_limit"].get<double>());
  }
  return text;
}

}  // namespace graft
