// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reverse-mode differentiation, op by op.

#ifndef GRAFT_DIALECTS_GRAFT_BACKPROPAGATION_H_
#define GRAFT_DIALECTS_GRAFT_BACKPROPAGATION_H_

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "mlir/IR/Builders.h"

namespace graft {

// The values that gradients are taken of, and the gradients so far. Ops are
// differentiated from the last to the first; what that emits stands at the
// builder's insertion point.
class Backpropagation {
 public:
  explicit Backpropagation(mlir::OpBuilder& builder) : builder(builder) {}

  // Gradients of `value` are wanted, and so are those of what depends on it.
  void activate(mlir::Value value) { active.insert(value); }
  // Whether `step` depends on what is active, which its results then are.
  bool activate(mlir::Operation* step);

  // The sum over all uses so far; null where there is none.
  mlir::Value gradientOf(mlir::Value value) const {
    return gradients.lookup(value);
  }
  void accumulate(mlir::Value value, mlir::Value gradient,
                  mlir::Location location);

  // Whether a gradient of one of the results of `step` has arrived.
  bool reaches(mlir::Operation* step) const;
  // Accumulates the gradients of the operands of `step`, an op with
  // DifferentiableOpInterface. Nothing to do where none has arrived.
  mlir::LogicalResult differentiate(mlir::Operation* step);

 private:
  mlir::Value castTo(mlir::Value gradient, mlir::Type type,
                     mlir::Location location);

  mlir::OpBuilder& builder;
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, mlir::Value> gradients;
};

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_BACKPROPAGATION_H_
