// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Analyses of a strategy: the group of each parameter, and the parameters that
// a loss depends on. Shared by the verifier and the passes.

#ifndef GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_
#define GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/DenseSet.h"

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

// Returns each parameter of `model` with its group. Fails with a diagnostic at
// the group if a pattern matches no parameter, if two groups of `strategy`
// share a parameter, if a group has none, or (if `complete`) if a parameter has
// no group.
mlir::FailureOr<llvm::SmallVector<GroupedParameter>> groupParameters(
    StrategyOp strategy, ModelOp model, bool complete);

// Returns the model `symbol` of the module, or null.
ModelOp getModel(StrategyOp strategy, mlir::FlatSymbolRefAttr symbol);

// Returns the parameters that a gradient of `value`, a value of a strategy,
// reaches. It stops at a cache, a `graft.stop_gradient` and the teacher operand
// of a divergence.
ParameterSet getReachedParameters(mlir::Value value);

// Returns all parameters that `value` depends on.
ParameterSet getReadParameters(mlir::Value value);

// Returns the ops of the strategy that `values` depend on, in program order.
// With `enterCaches` false this includes caches, but not the computation of
// their values.
llvm::SmallVector<mlir::Operation*> getComputation(
    llvm::ArrayRef<mlir::Value> values, bool enterCaches = true);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_
