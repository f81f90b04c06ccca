// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The linalg form of one op by itself, and what it is element by element.

#ifndef GRAFT_DIALECTS_GRAFT_ELEMENT_FUNCTION_H_
#define GRAFT_DIALECTS_GRAFT_ELEMENT_FUNCTION_H_

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace graft {

// What RegionLoweringInterface emits for one op, outside of any module. The
// ops it consists of belong to this object. Not thread-safe; the op may be
// erased meanwhile.
class LinalgForm {
 public:
  // Builds the form of `op`; tensors of floats have the element type f32 in it,
  // as in kernels. Fails without a diagnostic if the op has no such form, or
  // one that does not verify.
  static mlir::FailureOr<LinalgForm> build(mlir::Operation* op);

  // Its arguments are the op's operands; segments are three, see
  // RegionLoweringInterface. No terminator.
  mlir::Block& getBody() { return function->getBody().front(); }
  // One tensor per result of the op.
  mlir::ValueRange getResults() const { return results; }

 private:
  // Without a terminator, so it is never verified as a whole.
  mlir::OwningOpRef<mlir::func::FuncOp> function;
  llvm::SmallVector<mlir::Value> results;
};

// An element of an op's result as a function of the elements at the same
// position of its operands: the scalar body of its linalg form. This is what
// lets an op of a plug-in stand in a kernel with others.
class ElementFunction {
 public:
  // Fails without a diagnostic if the linalg form of `op` is anything but one
  // linalg op with identity maps over tensors of floats of one shape, whose
  // body has only ops of `arith` and `math` that also exist on vectors.
  static mlir::FailureOr<ElementFunction> get(mlir::Operation* op);

  // Computes the element: calls `emit` with each op of the body, in order, and
  // what the earlier calls returned for its operands. A constant has none.
  // `elements` has one value per operand of the op, in f32. Returns the result.
  using Emit = llvm::function_ref<mlir::Value(
      mlir::Operation* op, llvm::ArrayRef<mlir::Value> operands)>;
  mlir::Value evaluate(llvm::ArrayRef<mlir::Value> elements, Emit emit) const;

 private:
  explicit ElementFunction(LinalgForm form) : form(std::move(form)) {}

  LinalgForm form;
  // The argument of the scalar body, and the operand that is passed to it.
  llvm::SmallVector<std::pair<mlir::Value, unsigned>> arguments;
  llvm::SmallVector<mlir::Operation*> ops;
  mlir::Value result;
};

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_ELEMENT_FUNCTION_H_
