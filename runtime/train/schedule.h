// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The learning rate of each optimiser step.

#ifndef GRAFT_RUNTIME_TRAIN_SCHEDULE_H_
#define GRAFT_RUNTIME_TRAIN_SCHEDULE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace graft {

enum class ScheduleKind { kConstant, kLinear, kCosine };

// "constant", "linear" or "cosine", else INVALID_ARGUMENT.
absl::StatusOr<ScheduleKind> ParseScheduleKind(absl::string_view name);

// Warm-up from 0 to `peak` over `warmup_steps`, then as `kind` says: constant,
// or linear or half a cosine down to 0 at `total_steps`.
struct Schedule {
  ScheduleKind kind = ScheduleKind::kLinear;
  double peak = 5e-5;
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;

  // Rate of the update after which `step` updates have been made before, from
  // 0: the first update of a linear schedule without warm-up has the peak, as
  // in Transformers' get_linear_schedule_with_warmup.
  double Rate(int64_t step) const;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_SCHEDULE_H_
