// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/loss_scale.h"

namespace graft {

void LossScale::Succeed() {
  if (++steps < kLossScaleGrowth || scale * 2 > kLargestLossScale) return;
  scale *= 2;
  steps = 0;
}

bool LossScale::BackOff() {
  ++skipped;
  steps = 0;
  if (scale / 2 < kSmallestLossScale) return false;
  scale /= 2;
  return true;
}

}  // namespace graft
