// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Analyses of a strategy: the group of each parameter, and the parameters that
// a loss depends on. Shared by the verifier and the passes.

#ifndef GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_
#define GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_

#include <optional>

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace graft::transfer {

// A tensor of a model. A tensor of `graft.layers` counts once per layer, under
// its name after expansion.
struct Parameter {
  // `@model::@name`.
  mlir::SymbolRefAttr symbol;
  ParameterOp declaration;
  // 0 before the first layer, l + 1 in layer l of n, n + 2 after the layers; 0
  // throughout a model without layers (ELECTRA's layer-wise decay, Clark et
  // al. 2020).
  int64_t depth;

  llvm::StringRef name() const { return symbol.getLeafReference().getValue(); }
};

// A parameter with the group it belongs to.
struct GroupedParameter {
  Parameter parameter;
  GroupOp group;
  // The group's multiplier of the learning rate, with layer-wise decay.
  double rateMultiplier;
};

// A set of `@model::@name`.
using ParameterSet = llvm::DenseSet<mlir::SymbolRefAttr>;

// Returns all parameters of `model` in order of declaration. The layer of a
// parameter follows from `graft.layers` or, after expansion, from the first
// numeric part of its name.
llvm::SmallVector<Parameter> getParameters(ModelOp model);

// Returns the parameter of `model` that has the name of `parameter`; none if
// there is none.
std::optional<Parameter> findNamesake(const Parameter& parameter,
                                      ModelOp model);

// Returns each parameter of `model` with its group. Fails with a diagnostic at
// the group if a pattern matches no parameter, if two groups of `strategy`
// share a parameter, if a group has none, or (if `complete`) if a parameter has
// no group.
mlir::FailureOr<llvm::SmallVector<GroupedParameter>> groupParameters(
    StrategyOp strategy, ModelOp model, bool complete);

// Returns the groups `names` of the strategy of `op`. Fails with a diagnostic
// at `op` if one is no group, or stands twice.
mlir::FailureOr<llvm::SmallVector<GroupOp>> findGroups(mlir::Operation* op,
                                                       mlir::ArrayAttr names);

// Returns the model `symbol` of the module, or null.
ModelOp getModel(StrategyOp strategy, mlir::FlatSymbolRefAttr symbol);

// Returns the function `name`, @model::@function, of a model of the module of
// `op`. Fails with a diagnostic at `op` that says which functions there are.
mlir::FailureOr<mlir::func::FuncOp> findFunction(mlir::Operation* op,
                                                 mlir::SymbolRefAttr name);

// Returns the parameters that gradients of `values` of a strategy reach. They
// stop at a cache, a `graft.stop_gradient`, the targets of a relation
// divergence and the values `ends`.
ParameterSet getReachedParameters(llvm::ArrayRef<mlir::Value> values,
                                  llvm::ArrayRef<mlir::Value> ends = {});

// Returns the parameters that the function of `call` reads.
ParameterSet getCalledParameters(CallOp call);

// Returns the parameters that `inner` takes steps of: those of its groups that
// its loss reaches. The strategy is verified.
llvm::SmallVector<Parameter> getInnerParameters(InnerOp inner);

// Returns the ops behind the loss of `inner` whose results differ from step to
// step, in program order: calls that read its parameters, and what follows.
llvm::SmallVector<mlir::Operation*> getRepeated(InnerOp inner);

// Returns all parameters that `value` depends on.
ParameterSet getReadParameters(mlir::Value value);

// Returns the ops of the strategy that `values` depend on through operands that
// `follows` accepts, in program order.
llvm::SmallVector<mlir::Operation*> getComputation(
    llvm::ArrayRef<mlir::Value> values,
    llvm::function_ref<bool(mlir::OpOperand&)> follows = [](mlir::OpOperand&) {
      return true;
    });

// Whether the stream has texts, or what they became.
bool readsText(StreamOp stream);

// Returns the streams that `values` depend on, in order of declaration.
llvm::SmallVector<StreamOp> getStreams(llvm::ArrayRef<mlir::Value> values);

// Returns the first op in the computation of `values`, or in a function that it
// calls, whose result for an example depends on other examples of the batch;
// null if there is none. Sums of `transfer.loss` do not count, which the parts
// of a batch add up.
mlir::Operation* findExampleRelation(llvm::ArrayRef<mlir::Value> values);

struct LossPart;

// A part of a loss, cut where the rows of examples enter what relates them.
struct LossCut {
  llvm::SmallVector<mlir::Value> related;  // terms that relate examples
  llvm::SmallVector<mlir::Value> own;      // those of each example alone
  // What is computed for each example alone, f32, and what relates them reads;
  // each depends on one stream.
  llvm::SmallVector<mlir::Value> rows;
};

// Cuts a part that relates examples. Fails with a diagnostic at an op that
// relates them through more than rows, such as tokens or a `transfer.gradient`.
mlir::FailureOr<LossCut> cutLoss(const LossPart& part);

// Terms of the loss of a phase: what `transfer.combine` adds up.
struct LossPart {
  llvm::SmallVector<StreamOp> streams;   // that the terms depend on
  llvm::SmallVector<mlir::Value> terms;  // in program order

  // Whether a batch cannot be cut into parts that add up to it.
  bool isWhole() const {
    return streams.size() > 1 || findExampleRelation(terms) != nullptr;
  }
};

// Splits the loss of `phase` into the least parts of which no two read the same
// stream, in the order of their first streams.
llvm::SmallVector<LossPart> splitLoss(PhaseOp phase);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_
