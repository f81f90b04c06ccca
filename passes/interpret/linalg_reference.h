// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Ops that have no reference function, as those of plug-ins: computed from
// their linalg form, in double precision.

#ifndef GRAFT_PASSES_INTERPRET_LINALG_REFERENCE_H_
#define GRAFT_PASSES_INTERPRET_LINALG_REFERENCE_H_

#include <string>

#include "passes/interpret/interpreter.h"

namespace graft::interpret {

// Returns why `op`, whose linalg form is asked for, cannot be computed, in the
// form "does not know 'x.y'"; empty if it can be. Known are ops of linalg with
// indexing maps, of arith and math on scalars, and those of tensor that make,
// cut and reshape tensors.
std::string findUnknownInLinalg(mlir::Operation* op);

// Computes `call` by the linalg form of its op, which must be known. An element
// of a tensor that the form never writes is NaN. Fails with a diagnostic at the
// op if an index is out of range, or shapes do not fit.
mlir::LogicalResult computeByLinalg(OpCall& call);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_LINALG_REFERENCE_H_
