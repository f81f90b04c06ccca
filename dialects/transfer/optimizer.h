// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The optimisers that a phase may name. A new one is an op of `graft` with the
// OptimizerOpInterface and an entry of the table in optimizer.cc.

#ifndef GRAFT_DIALECTS_TRANSFER_OPTIMIZER_H_
#define GRAFT_DIALECTS_TRANSFER_OPTIMIZER_H_

#include "dialects/graft/graft_ops.h"
#include "dialects/transfer/transfer_dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace graft::transfer {

// What an update of one parameter takes.
struct UpdateOperands {
  mlir::Value parameter, gradient;
  llvm::SmallVector<mlir::Value> states;  // in the order of getStates
  mlir::Value rate;
  mlir::Value step;    // from 1; null unless the optimiser counts
  mlir::Value factor;  // of the gradient; null: 1
  mlir::FloatAttr decay, multiplier;
};

struct Optimizer {
  llvm::StringLiteral name;
  // Attributes of transfer.phase that are for this optimiser, beside those that
  // all have.
  llvm::SmallVector<llvm::StringLiteral> settings;
  bool counts;  // whether updates take their number
  // Whether an update depends on the parameter by more than its decay.
  bool scales;
  // Whether a step at a negative rate leads the other way, and no state depends
  // on the rate.
  bool reversible;
  // Kinds of the states of each parameter, such as "first_moment".
  llvm::SmallVector<llvm::StringRef> (*getStates)(PhaseOp phase);
  // Emits an update by a verified phase.
  OptimizerOpInterface (*build)(mlir::ImplicitLocOpBuilder& builder,
                                PhaseOp phase, const UpdateOperands& operands);
};

// All of them, in the order in which messages name them. Constant; thread-safe.
llvm::ArrayRef<Optimizer> getOptimizers();

// That of a verified phase.
const Optimizer& getOptimizer(PhaseOp phase);

// Whether the rate of `phase` may be negative: that of a reversible optimiser
// where it names a reward or a register.
bool mayHaveNegativeRate(PhaseOp phase);

// Fails with a diagnostic unless the phase names an optimiser and has settings
// of that one only: the rules of transfer.phase.
llvm::LogicalResult verifyOptimizer(PhaseOp phase);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_OPTIMIZER_H_
