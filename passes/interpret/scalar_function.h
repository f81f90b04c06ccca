// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What ops of `arith` and `math` compute from scalars, in double precision.

#ifndef GRAFT_PASSES_INTERPRET_SCALAR_FUNCTION_H_
#define GRAFT_PASSES_INTERPRET_SCALAR_FUNCTION_H_

#include <cstdint>
#include <functional>

#include "mlir/IR/Operation.h"

namespace graft::interpret {

// A scalar; its type says which field has the value.
struct Scalar {
  double real = 0;      // floats of any width, not rounded
  int64_t integer = 0;  // integers and index, sign-extended; an i1 is 0 or 1
};

// From the values of an op's operands to that of its one result.
using ScalarFunction = std::function<Scalar(llvm::ArrayRef<Scalar>)>;

// Returns the function of `op`; null if the op is not known. Floats are
// computed in double, and `arith.truncf` alone rounds, to f16 and bf16.
// Dividing an integer by zero gives zero. Thread-safe.
ScalarFunction getScalarFunction(mlir::Operation* op);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_SCALAR_FUNCTION_H_
