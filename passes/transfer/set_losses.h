// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Losses that relate the examples of a batch, as ops of `graft`. Rows are
// [count, width] of f32 with a named count; `count` is its value as
// tensor<f32>.

#ifndef GRAFT_PASSES_TRANSFER_SET_LOSSES_H_
#define GRAFT_PASSES_TRANSFER_SET_LOSSES_H_

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace graft::transfer {

struct Rows {
  mlir::Value values;
  mlir::Value count;
};

// The squared maximum mean discrepancy of `first` and `second`, a scalar: with
// pairs of a row and itself, so never negative, and five Gaussian kernels whose
// width is a multiple of the mean squared distance (Gretton et al. 2012, Long
// et al. 2015).
mlir::Value buildMmd(mlir::ImplicitLocOpBuilder& builder, const Rows& first,
                     const Rows& second);

// The distance of covariances, a scalar (Sun and Saenko 2016).
mlir::Value buildCoral(mlir::ImplicitLocOpBuilder& builder, const Rows& first,
                       const Rows& second);

// The contrastive loss of each row of `anchors`, [count], whose positive is the
// same row of `positives`; both have the same type.
mlir::Value buildContrastive(mlir::ImplicitLocOpBuilder& builder,
                             mlir::Value anchors, mlir::Value positives,
                             double temperature);

// The sum of the products of all elements, a scalar, in f32.
mlir::Value buildSumOfProducts(mlir::ImplicitLocOpBuilder& builder,
                               mlir::Value first, mlir::Value second);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_SET_LOSSES_H_
