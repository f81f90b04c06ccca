// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a strategy means for the parameters of its models: which group each is
// in, and which of them a loss reaches. Shared by the verifier and the passes.

#ifndef GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_
#define GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/DenseSet.h"

namespace graft::transfer {

// One tensor of a model. Tensors of `graft.layers` count once a layer, under
// the name they have after expansion.
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

// All parameters of `model`, in the order of their declarations. A layer is
// known by `graft.layers`, or, where those are expanded, by the first part of
// the name that is a number.
llvm::SmallVector<Parameter> getParameters(ModelOp model);

// Each parameter of `model` with its group. Fails with a diagnostic at the
// group when two groups of `strategy` share a parameter, when a group has
// none, or (if `complete`) when a parameter has no group.
mlir::FailureOr<llvm::SmallVector<GroupedParameter>> groupParameters(
    StrategyOp strategy, ModelOp model, bool complete);

// The module-level model or size `symbol`, or null.
ModelOp getModel(StrategyOp strategy, mlir::FlatSymbolRefAttr symbol);

// Parameters that a gradient of `value`, a value of a strategy, flows to. A
// cache, a `graft.stop_gradient` and a teacher's side of a divergence end it.
ParameterSet getReachedParameters(mlir::Value value);

// Parameters that `value` is computed from at all.
ParameterSet getReadParameters(mlir::Value value);

// The ops of the strategy that `values` are computed from, in program order.
// With `enterCaches` false a cache is part of it, but not what it keeps.
llvm::SmallVector<mlir::Operation*> getComputation(
    llvm::ArrayRef<mlir::Value> values, bool enterCaches = true);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_TRANSFER_ANALYSIS_H_
