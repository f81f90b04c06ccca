// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Where the gradients of a phase add up, and what its update makes of them.

#ifndef GRAFT_PASSES_TRANSFER_GRADIENT_SLOTS_H_
#define GRAFT_PASSES_TRANSFER_GRADIENT_SLOTS_H_

#include "passes/transfer/entry.h"

namespace graft::transfer {

// A parameter has one slot; where the gradients of a phase are weighed, and
// more than one term of its loss reaches the parameter, one for each term.
class GradientSlots {
 public:
  explicit GradientSlots(PhaseOp phase);

  // Fails with a diagnostic if gradients are to be weighed, and none of the
  // `trained` parameters has more than one.
  llvm::LogicalResult check(llvm::ArrayRef<GroupedParameter> trained) const;

  llvm::SmallVector<mlir::SymbolRefAttr> getSlots(
      const Parameter& parameter) const;

  // Emits the derivatives of `loss`, which `entry` has computed of `part`, by
  // those `trained` parameters that the part reaches, and adds them up.
  llvm::LogicalResult add(Entry& entry, mlir::Value loss, const LossPart& part,
                          llvm::ArrayRef<GroupedParameter> trained) const;

  // Reads the slots, and returns what each of `trained` takes a step along.
  llvm::SmallVector<mlir::Value> build(
      Entry& entry, llvm::ArrayRef<GroupedParameter> trained) const;

 private:
  bool isWeighed(const Parameter& parameter) const;
  // The weight of each term, by the products of their gradients, of which there
  // is a list for each parameter.
  mlir::Value buildWeights(
      Entry& entry,
      llvm::ArrayRef<llvm::SmallVector<mlir::Value>> gradients) const;

  PhaseOp phase;
  // What each term reaches; none without 'weighing'.
  llvm::SmallVector<ParameterSet> terms;
};

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_GRADIENT_SLOTS_H_
