// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Dynamic loss scaling (Micikevicius et al. 2018): a loss is multiplied by a
// power of two, so that small gradients are not zero in fp16. Where that makes
// some infinite, the step is left out and the scale falls; after many steps
// without that it rises.

#ifndef GRAFT_RUNTIME_TRAIN_LOSS_SCALE_H_
#define GRAFT_RUNTIME_TRAIN_LOSS_SCALE_H_

#include <cstdint>

namespace graft {

inline constexpr double kFirstLossScale = 65536;
inline constexpr double kLargestLossScale = 16777216;
// Losses that are still not finite have another reason.
inline constexpr double kSmallestLossScale = 1.0 / 16384;
inline constexpr int64_t kLossScaleGrowth = 2000;  // steps between two rises

// A part of the training state.
struct LossScale {
  double scale = 0;     // a power of two; 0: the program scales nothing
  int64_t steps = 0;    // updates since the scale has changed
  int64_t skipped = 0;  // steps left out, of the whole run

  // After an update.
  void Succeed();
  // After a step that was left out. Returns false where the scale cannot fall
  // any more.
  bool BackOff();
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_LOSS_SCALE_H_
