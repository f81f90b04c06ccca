// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Options of the command line that are parameters of strategies under names of
// their own. Defaults and ranges are the strategy's, which the compiler reads;
// an option that is not given is not passed on.

#ifndef GRAFT_TOOLS_STRATEGY_FLAGS_H_
#define GRAFT_TOOLS_STRATEGY_FLAGS_H_

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace graft {

// Names a page of the compiler where a strategy's file is expected: page:dann.
inline constexpr absl::string_view kPagePrefix = "page:";
inline bool IsPage(absl::string_view strategy) {
  return absl::StartsWith(strategy, kPagePrefix);
}

struct StrategyFlag {
  const char* option;
  const char* parameter;  // of the strategy
  const char* help;
};

inline constexpr StrategyFlag kStrategyFlags[] = {
    {"--learning-rate", "rate", "peak of the learning rate"},
    {"--schedule", "schedule",
     "the rate after the warm-up: constant, linear or cosine"},
    {"--warmup-ratio", "warmup", "fraction of the steps for warm-up"},
    {"--epochs", "epochs", "passes over the training table"},
    {"--weight-decay", "weight_decay", "decoupled weight decay"},
    {"--layer-decay", "layer_decay",
     "factor of the learning rate from each layer to the layer below"},
    {"--clip", "clip", "maximum norm of the gradient; 0: no clipping"},
    {"--label-smoothing", "label_smoothing",
     "probability mass spread from the label over all classes"},
    {"--temperature", "temperature",
     "temperature of the softmax of teacher and student"},
    {"--soft-share", "soft_share",
     "weight of the teacher in the loss; the labels get the rest"},
};

// Of --set, which sets any parameter.
inline constexpr char kSetHelp[] =
    "NAME=VALUE: value of a parameter that the strategy declares; may be "
    "repeated";

}  // namespace graft

#endif  // GRAFT_TOOLS_STRATEGY_FLAGS_H_
