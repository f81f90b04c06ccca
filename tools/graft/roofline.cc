// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/roofline.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

namespace graft {
namespace {

// Times of a kernel, or of several together, in seconds.
struct Times {
  double taken = 0;
  // Limits by FLOPs, by bytes, and the longer of the two.
  double arithmetic = 0, memory = 0, least = 0;

  void Add(const Times& other) {
    taken += other.taken;
    arithmetic += other.arithmetic;
    memory += other.memory;
    least += other.least;
  }
};

Times TimesOf(const KernelProfile::Sum& sum, const MachineLimits& limits) {
  Times times;
  times.taken = static_cast<double>(sum.ns) * 1e-9;
  times.arithmetic = sum.flops / limits.flops;
  // A unit whose peak was not measured has no other limit.
  if (const double peak = limits.PeakOf(sum.unit); peak > 0)
    times.arithmetic = sum.flops * sum.unit_count / peak;
  const double bytes = sum.bytes / static_cast<double>(sum.calls);
  times.memory = sum.bytes / limits.BandwidthOf(bytes);
  times.least = std::max(times.arithmetic, times.memory);
  return times;
}

nlohmann::ordered_json Row(const KernelProfile::Sum& sum, const Times& times,
                           double all_taken) {
  const double seconds = std::max(times.taken, 1e-9);
  return {{"kernel", sum.kernel},
          {"calls", sum.calls},
          {"ms", 1e3 * times.taken},
          {"share", times.taken / std::max(all_taken, 1e-9)},
          {"gflops", sum.flops / seconds / 1e9},
          {"gbytes_per_second", sum.bytes / seconds / 1e9},
          {"limit", times.arithmetic > times.memory ? "arithmetic" : "memory"},
          {"of_limit", times.least / seconds}};
}

}  // namespace

nlohmann::ordered_json RooflineJson(const KernelProfile& profile,
                                    const MachineLimits& limits) {
  const std::vector<KernelProfile::Sum> sums = profile.Sums();
  KernelProfile::Sum all{"all"};
  Times all_times;
  for (const KernelProfile::Sum& sum : sums) {
    all.Add(sum);
    all_times.Add(TimesOf(sum, limits));
  }
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array();
  for (const KernelProfile::Sum& sum : sums)
    kernels.push_back(Row(sum, TimesOf(sum, limits), all_times.taken));
  kernels.push_back(Row(all, all_times, all_times.taken));
  nlohmann::ordered_json bandwidth = nlohmann::ordered_json::array();
  for (const MachineLimits::Bandwidth& at : limits.bandwidth)
    bandwidth.push_back(
        {{"bytes", at.bytes}, {"gbytes_per_second", at.per_second / 1e9}});
  return {{"gflops", limits.flops / 1e9},
          {"bf16_gflops", limits.bf16_flops / 1e9},
          {"bandwidth", std::move(bandwidth)},
          {"kernels", std::move(kernels)}};
}

std::string RooflineText(const KernelProfile& profile,
                         const MachineLimits& limits) {
  std::string text =
      absl::StrFormat("limits: %.0f GFLOP/s", limits.flops / 1e9);
  if (limits.bf16_flops > 0)
    absl::StrAppendFormat(&text, ", %.0f of bf16", limits.bf16_flops / 1e9);
  text += ';';
  for (const MachineLimits::Bandwidth& at : limits.bandwidth) {
    absl::StrAppendFormat(&text, " %.0f GB/s of %.6g KiB%s",
                          at.per_second / 1e9, at.bytes / 1024,
                          &at == &limits.bandwidth.back() ? "\n" : ",");
  }
  absl::StrAppendFormat(&text, "%-40s %6s %10s %6s %8s %7s  %-10s %8s\n",
                        "kernel", "calls", "ms", "share", "GFLOP/s", "GB/s",
                        "limit", "of limit");
  const nlohmann::ordered_json json = RooflineJson(profile, limits);
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
