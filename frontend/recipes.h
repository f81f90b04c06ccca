// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Strategies that the command line asks for by flags, as ops of the `transfer`
// dialect. `graft finetune --emit-strategy` prints what these make.

#ifndef GRAFT_FRONTEND_RECIPES_H_
#define GRAFT_FRONTEND_RECIPES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "mlir/IR/BuiltinOps.h"

namespace graft {

// What stays as the checkpoint has it. A parameter that the checkpoint does not
// have (a new head, a new pooler) always learns.
struct Freeze {
  bool embeddings = false;
  // The embeddings and this many of the first layers.
  int64_t layers = 0;
  // Everything below the classifier: a linear probe.
  bool encoder = false;
};

// Fine-tuning of a classifier, or of a regression where the model has one
// label. Defaults are those of the field's scripts for BERT.
struct FineTuneRecipe {
  std::string model = "model";  // symbol of the graft.model
  int64_t epochs = 3;
  double learning_rate = 5e-5;
  bool linear = true;   // falls to 0 after the warm-up; else stays
  double warmup = 0.1;  // fraction of all steps, in [0, 1)
  // Decoupled, of matrices and tables; not of biases and layer normalisation.
  double decay = 0.01;
  bool decay_everything = false;  // of biases and layer normalisation too
  // Rate of a layer over that of the next; 1 is the same for all.
  double layer_decay = 1.0;
  std::optional<double> clip = 1.0;  // norm of all gradients together
  double label_smoothing = 0.0;      // classifiers only
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  Freeze freeze = {};
};

// Appends `transfer.strategy @finetune` to `module`, which has the model with a
// function `@logits(ids, types, segments)`, as importHuggingFace makes it.
// Loads the transfer dialect into the module's context. INVALID_ARGUMENT names
// the setting, what it expects and what it got; the module is then unchanged.
absl::Status addFineTuneStrategy(mlir::ModuleOp module,
                                 const FineTuneRecipe& recipe);

}  // namespace graft

#endif  // GRAFT_FRONTEND_RECIPES_H_
