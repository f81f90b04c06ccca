// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Ops in the place of a formula.

#ifndef GRAFT_PASSES_TRANSFER_FORMULA_BUILDER_H_
#define GRAFT_PASSES_TRANSFER_FORMULA_BUILDER_H_

#include "dialects/graft/graft_ops.h"

namespace graft::transfer {

// Creates what computes the formula in front of it, and returns its value,
// which has the type of the op. Operands are tensors and segments, and the op
// is verified.
mlir::Value buildFormula(FormulaOp op);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_FORMULA_BUILDER_H_
