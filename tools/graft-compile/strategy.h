// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The text of a strategy, the models it is about, and its parameters.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_STRATEGY_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_STRATEGY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dialects/transfer/transfer_dialect.h"
#include "llvm/Support/SourceMgr.h"
#include "mlir/IR/Diagnostics.h"
#include "models/strategies/registry.h"
#include "tools/graft-compile/compile.h"

namespace graft {

// A strategy as it was written. While this lives, diagnostics of the context
// show lines of the text, or, where it is a page of the compiler, which its
// users have not seen, say what is wrong without them; the context must outlive
// it.
struct StrategyText {
  llvm::SourceMgr sources;
  std::unique_ptr<mlir::SourceMgrDiagnosticHandler> handler;
  std::unique_ptr<mlir::ScopedDiagnosticHandler> words_handler;
  std::unique_ptr<mlir::ScopedDiagnosticHandler> page_handler;
  mlir::OwningOpRef<mlir::ModuleOp> module;  // not verified
  transfer::StrategyOp strategy;             // in the module
  // INVALID_ARGUMENT: a parameter that no op reads. To be told after what is
  // wrong with the ops, one of which may be missing.
  absl::Status unread;
};

// The page that `input`, page:NAME, names. A usage error that lists the names
// if there is none.
absl::StatusOr<const StrategyPage*> FindPage(const std::string& input);

// Reads the *.mlir `path`, which has one strategy.
absl::StatusOr<std::unique_ptr<StrategyText>> ReadStrategy(
    mlir::MLIRContext& context, const std::string& path);

// Reads the page of models/strategies/ for a directory: that of a regression or
// a classification, with or without a teacher. Its model is called `model`.
absl::StatusOr<std::unique_ptr<StrategyText>> ReadPage(
    mlir::MLIRContext& context, bool regression, bool teacher,
    llvm::StringRef model);

// A strategy that predicts alone: for each head the logits of @classify_<head>
// of the pooled texts.
absl::StatusOr<std::unique_ptr<StrategyText>> ReadAdapterPage(
    mlir::MLIRContext& context, const std::string& model,
    const std::vector<AdapterHead>& heads);

// A model that a strategy is about.
struct ModelRole {
  std::string symbol;
  bool trained = false;   // whether one of its groups is not frozen
  bool declared = false;  // by the text itself
  // Whether the text declares it with an initial value for every parameter: it
  // has no checkpoint, and with it no tokenizer, labels or configuration.
  bool complete = false;
  // Whether the strategy computes all that it takes of the model without the
  // head that an import gives it: it calls @encode or @pooled alone.
  bool headless = false;
  bool pooled = false;  // whether the strategy calls @pooled
  bool tapped = false;  // whether it reads layers behind a call
  // The model that its groups track, whose checkpoint it has, too; empty: none.
  std::string tracked = {};
};

// The models that the strategy calls, in order, and then those that it groups
// or declares.
std::vector<ModelRole> FindModels(const StrategyText& text);

// Whether the text declares all sizes of its streams, how many tokens and
// examples a launch takes.
bool DeclaresSizes(const StrategyText& text);

// Whether a stream of the strategy has texts.
bool ReadsTexts(transfer::StrategyOp strategy);

// The symbol of the model that reads the texts for each prediction, in order:
// of models with a checkpoint, the one whose call is the last that the
// prediction depends on; where the strategy has no texts, any model may be it.
// INVALID_ARGUMENT without a prediction of such a model, or if none of its
// models is trained though the strategy trains; `input` is for the message.
absl::StatusOr<std::vector<std::string>> FindPredicted(
    const StrategyText& text, const std::string& input);

// What calls say of a size that a strategy declares.
struct SizeBinding {
  bool bound = false;  // whether the result of a callee has a number for it
  // Of that callee, if its model is there already; else -1.
  int64_t number = -1;
  mlir::SymbolRefAttr callee;  // the first that binds it
};
SizeBinding FindBinding(transfer::StrategyOp strategy, mlir::StringAttr size);

// Sets parameters of the strategy, without verifying it. A usage error names
// the option, or both if two give a parameter different values.
absl::Status ApplySettings(transfer::StrategyOp strategy,
                           absl::Span<const Setting> settings);

// Gives each stream with labels the field `weights`, and each loss without
// weights those of its stream. Does nothing where a stream has the field: then
// the page says what weights are for.
void AddWeights(transfer::StrategyOp strategy);

// Whether a loss of a phase relates the examples of the stream. Models that are
// imported relate none.
bool RelatesExamples(transfer::StrategyOp strategy, transfer::StreamOp stream);

// Whether a loss of a phase is a total over the rows of the stream, which a
// stage of one epoch reads once each.
bool AddsUp(transfer::StrategyOp strategy, transfer::StreamOp stream);

// Lets losses that relate examples take batches of `most` examples in two
// passes. A usage error: the strategy has no such loss.
absl::Status SetMaxBatch(transfer::StrategyOp strategy, int64_t most);

// The declared parameters, one per line: value, range and meaning.
std::string DescribeSettings(transfer::StrategyOp strategy);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_STRATEGY_H_
