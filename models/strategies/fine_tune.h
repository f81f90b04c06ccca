// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The strategies that a command line can name: fine-tuning with everything it
// may freeze, and distillation. Others are written by hand, as
// docs/strategies.md says.

#ifndef GRAFT_MODELS_STRATEGIES_FINE_TUNE_H_
#define GRAFT_MODELS_STRATEGIES_FINE_TUNE_H_

#include <cstdint>
#include <string>

#include "dialects/transfer/transfer_dialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace graft {

/// Class of an example without a label, where there is a teacher: it takes no
/// part in the loss of labels.
inline constexpr int64_t kIgnoredLabel = -100;

/// Patterns are POSIX extended regular expressions, found anywhere in the name
/// of a parameter; the model's family knows them (frontend/model_family.h).
struct FineTuneRecipe {
  std::string model = "model";      // symbol of the adapted graft.model
  std::string function = "logits";  // its function of one result [S, K]

  /// Freezes all but `head`.
  bool linear_probe = false;
  bool freeze_embeddings = false;
  /// Freezes the embeddings and so many layers, counted from the input.
  int64_t freeze_layers = 0;
  std::string head = "";        // pattern of the parameters that a probe trains
  std::string embeddings = "";  // pattern of those below the first layer

  double rate = 5e-5;
  transfer::RateSchedule schedule = transfer::RateSchedule::linear;
  double warmup = 0;           // share of all steps, in [0, 1)
  double weight_decay = 0.01;  // of what decays
  /// All parameters decay, not only those of `decayed`.
  bool decay_everything = false;
  std::string decayed = "weight$";  // pattern
  std::string not_decayed = "";     // pattern of exceptions; empty: none
  double layer_decay = 1;           // of the rate, from layer to layer; 1: none
  double clip = 1;                  // norm of all gradients; 0: none
  double label_smoothing = 0;       // for classes only
  int64_t epochs = 3;

  /// Symbol of the teacher's graft.model; empty: labels alone.
  std::string teacher = "";
  std::string teacher_function = "logits";
  double temperature = 2;
  double soft_share = 0.5;    // of the teacher in the loss, the rest is labels
  bool cache_teacher = true;  // run the teacher once per example
};

/// Adds the strategy `@fine_tune` to the end of `module`. The function's
/// arguments are fields of the stream by their `graft.name`: "ids", "types",
/// "segments"; a teacher may have other fields than the model. K = 1 is a
/// regression with `mse`, K > 1 a classification with cross-entropy.
/// Fails with a diagnostic when the module lacks what the recipe names, or
/// when the strategy breaks a rule of transfer.strategy.
mlir::FailureOr<transfer::StrategyOp> addFineTuning(
    mlir::ModuleOp module, const FineTuneRecipe& recipe);

}  // namespace graft

#endif  // GRAFT_MODELS_STRATEGIES_FINE_TUNE_H_
