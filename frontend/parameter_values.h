// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// First values of a model's parameters.

#ifndef GRAFT_FRONTEND_PARAMETER_VALUES_H_
#define GRAFT_FRONTEND_PARAMETER_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dialects/graft/graft_ops.h"
#include "runtime/formats/safetensors.h"

namespace graft {

/// Writes the first values of `parameter` into `values`, which has exactly its
/// elements in row-major order: those of `file` (F32, F16, BF16 and F64 become
/// float), or, where the parameter says `initial`, values of `seed` and its
/// name (see FillInitialValues). `file` may be null when the parameter says
/// `initial`. `parameter` stands in a model, not in graft.layers. Errors name
/// the file and the tensor.
absl::Status loadParameter(ParameterOp parameter, const SafetensorsFile* file,
                           uint64_t seed, absl::Span<float> values);

}  // namespace graft

#endif  // GRAFT_FRONTEND_PARAMETER_VALUES_H_
