// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Ops of the dialect as linalg: RegionLoweringInterface as external models.

#ifndef GRAFT_DIALECTS_GRAFT_LINALG_MODELS_H_
#define GRAFT_DIALECTS_GRAFT_LINALG_MODELS_H_

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectRegistry.h"

namespace graft {

// Attaches the models when the graft dialect is loaded, and loads the dialects
// that they, and the models of plug-ins, emit: arith, linalg, math and tensor.
void registerGraftLinalgModels(mlir::DialectRegistry& registry);

// Builds linalg on tensors whose last dimension is a row.
class LinalgBuilder {
 public:
  LinalgBuilder(mlir::OpBuilder& builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  // Values of one element of each input -> the element of the result.
  using Body = llvm::function_ref<mlir::Value(mlir::OpBuilder&, mlir::Location,
                                              mlir::ValueRange)>;

  // One result element a place. Inputs have the shape of `like`, lack its last
  // dimension (one value a row), or have only that (one value a column).
  mlir::Value map(mlir::Value like, mlir::ValueRange inputs, Body body);

  // Folds each row of the inputs, which have one shape, from `neutral` on; the
  // body gets the accumulator last. The result lacks the last dimension.
  mlir::Value fold(mlir::ValueRange inputs, double neutral, Body body);

 private:
  mlir::Value empty(mlir::Value like, int64_t rank);

  mlir::OpBuilder& builder;
  mlir::Location loc;
};

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_LINALG_MODELS_H_
