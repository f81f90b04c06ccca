// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"

namespace graft {

absl::StatusOr<ScheduleKind> ParseScheduleKind(absl::string_view name) {
  if (name == "constant") return ScheduleKind::kConstant;
  if (name == "linear") return ScheduleKind::kLinear;
  if (name == "cosine") return ScheduleKind::kCosine;
  return absl::InvalidArgumentError(absl::StrCat(
      "expects a schedule constant, linear or cosine, got \"", name, "\""));
}

double Schedule::Rate(int64_t step) const {
  if (step < warmup_steps)
    return peak * static_cast<double>(step) / static_cast<double>(warmup_steps);
  if (kind == ScheduleKind::kConstant) return peak;
  double span =
      static_cast<double>(std::max<int64_t>(1, total_steps - warmup_steps));
  double left = std::max(0.0, static_cast<double>(total_steps - step) / span);
  if (kind == ScheduleKind::kLinear) return peak * left;
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * (1 - left)));
}

}  // namespace graft
