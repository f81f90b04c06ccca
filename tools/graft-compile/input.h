// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What goes into the compiler: models and the strategy that adapts them.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_INPUT_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_INPUT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dialects/transfer/transfer_dialect.h"
#include "frontend/huggingface_import.h"
#include "llvm/Support/SourceMgr.h"
#include "mlir/IR/Diagnostics.h"
#include "runtime/tokenize/tokenizer.h"
#include "tools/graft-compile/compile.h"
#include "tools/graft-compile/strategy.h"

namespace graft {

// A model of the program.
struct InputModel {
  ModelRole role;
  std::string directory;  // of its checkpoint; empty for a complete one
  AdapterSource adapters;
  std::optional<AdapterFacts> adapter_facts;  // none without them
  std::optional<AdapterSet> adapter_set;      // none without several
  // As read, with labels and layers as the program has them; null for a
  // complete one.
  std::unique_ptr<ModelDescription> description;
  // Parameters the checkpoint lacks; of a complete one all, as MODEL.NAME.
  std::vector<std::string> initialised;
  std::vector<std::string> skipped;  // its tensors without a use
};

// A prediction of the strategy.
struct InputPrediction {
  std::string entry;              // that returns it
  std::string output = "logits";  // under this name
  bool sets = false;              // each label by itself, any number of them
  size_t model = 0;  // that reads its texts, or that it is of, by index
  // The option that names its labels, or null.
  const StreamLabels* labels = nullptr;
};

struct CompilerInput {
  // Shows the lines of the strategy's text that messages are about.
  std::unique_ptr<StrategyText> text;
  mlir::OwningOpRef<mlir::ModuleOp> module;  // verified
  transfer::StrategyOp strategy;             // null with Emit::kModel
  std::vector<InputModel> models;            // in the order of the calls
  std::vector<InputPrediction> predictions;  // none with Emit::kModel
  size_t predicted = 0;  // the model that reads the texts of the first
  // Of the predicted model; null with Emit::kModel, and where the strategy has
  // no texts. All models get the same ids, which their word embeddings have.
  std::unique_ptr<Tokenizer> tokenizer;

  const InputModel& Predicted() const { return models[predicted]; }
};

// Imports the directories, reads the strategy or chooses the page for the
// options, and sets what the options ask for; `families` read config.json. The
// context must have all dialects and outlive the result. Errors name the file
// or option, what was expected and what was found. The result borrows
// `options`.
absl::StatusOr<CompilerInput> ReadInput(mlir::MLIRContext& context,
                                        const FamilyRegistry& families,
                                        const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_INPUT_H_
