// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/initial_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/formats/philox.h"

namespace graft {
namespace {

// Four normal draws of four uniform words. Half a step above zero keeps the
// logarithm finite: no draw is further than 6.7 deviations from the mean.
std::array<double, 4> BoxMuller(const PhiloxCounter& words) {
  constexpr double kStep = 1.0 / 4294967296.0;
  std::array<double, 4> draws;
  for (size_t pair = 0; pair < 4; pair += 2) {
    const double radius =
        std::sqrt(-2.0 * std::log((words[pair] + 0.5) * kStep));
    const double angle =
        2.0 * std::numbers::pi * ((words[pair + 1] + 0.5) * kStep);
    draws[pair] = radius * std::cos(angle);
    draws[pair + 1] = radius * std::sin(angle);
  }
  return draws;
}

}  // namespace

std::string InitialValuesName(absl::string_view first_model,
                              absl::string_view model, absl::string_view name) {
  return model == first_model ? std::string(name)
                              : absl::StrCat(model, ".", name);
}

absl::Status FillInitialValues(absl::string_view kind, float deviation,
                               uint64_t seed, absl::string_view name,
                               absl::Span<float> values) {
  if (kind == "zeros" || kind == "ones") {
    std::fill(values.begin(), values.end(), kind == "ones" ? 1.0f : 0.0f);
    return absl::OkStatus();
  }
  if (kind != "normal") {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": initial values expect zeros, ones or normal, got ", kind));
  }
  if (!(deviation >= 0) || !std::isfinite(deviation)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name,
        ": a normal deviation expects a finite number of at least 0, got ",
        deviation));
  }
  const uint64_t key = SplitMix64(seed ^ SplitMix64(Fnv1a64(name)));
  const PhiloxKey words = {static_cast<uint32_t>(key),
                           static_cast<uint32_t>(key >> 32)};
  for (size_t start = 0; start < values.size(); start += 4) {
    const uint64_t call = start / 4;
    const std::array<double, 4> draws = BoxMuller(Philox4x32(
        {static_cast<uint32_t>(call), static_cast<uint32_t>(call >> 32), 0, 0},
        words));
    const size_t count = std::min<size_t>(4, values.size() - start);
    for (size_t i = 0; i < count; ++i)
      values[start + i] = static_cast<float>(draws[i] * deviation);
  }
  return absl::OkStatus();
}

}  // namespace graft
