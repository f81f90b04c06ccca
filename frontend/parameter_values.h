// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// First values of a model's parameters.

#ifndef GRAFT_FRONTEND_PARAMETER_VALUES_H_
#define GRAFT_FRONTEND_PARAMETER_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dialects/graft/graft_ops.h"
#include "frontend/checkpoint.h"
#include "frontend/tensor_names.h"
#include "runtime/formats/checkpoint_weights.h"

namespace graft {

/// The tensor of `weights` with the first values of `parameter`, of its shape;
/// null when the parameter says `initial` or `norms_of`: its values are drawn,
/// or computed. `names` finds tensors that are not called as the parameter
/// says. Both may be null when the parameter says `initial`, and `names` where
/// all tensors are called so. `parameter` stands in a model, not in
/// graft.layers. Errors name the file and the tensor.
absl::StatusOr<const TensorView*> findParameter(
    ParameterOp parameter, const CheckpointWeights* weights,
    const TensorNames* names);

/// Writes the first values of `parameter` into `values`, which has exactly its
/// elements in row-major order: those that findParameter finds (F32, F16, BF16
/// and F64 become float), norms of the rows of a parameter that it finds, or
/// drawn ones of `seed` and its name (see FillInitialValues). Arguments and
/// errors as above.
absl::Status loadParameter(ParameterOp parameter,
                           const CheckpointWeights* weights,
                           const TensorNames* names, uint64_t seed,
                           absl::Span<float> values);

/// Checks the tensors of all parameters of `model`, layers included, that do
/// not say `initial` or `norms_of`: their shapes, and with `values` that each
/// is finite. Errors name the file and the tensor.
absl::Status checkParameters(ModelOp model, const Checkpoint& checkpoint,
                             bool values);

}  // namespace graft

#endif  // GRAFT_FRONTEND_PARAMETER_VALUES_H_
