// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// First values of parameters that no file has, such as a new classifier.

#ifndef GRAFT_RUNTIME_FORMATS_INITIAL_VALUES_H_
#define GRAFT_RUNTIME_FORMATS_INITIAL_VALUES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// The name that keys the values of a parameter: its own in the first model of a
// program, `model.name` in any other, so that parameters of one name in two
// models do not start equal.
std::string InitialValuesName(absl::string_view first_model,
                              absl::string_view model, absl::string_view name);

// Fills `values` as `kind` says: "zeros", "ones", or "normal" with mean 0 and
// the given deviation. Draws depend on seed, name and index alone, so a
// parameter has the same values whatever else the model has: elements 4 i to
// 4 i + 3 are the Box-Muller transform of the words of
// Philox4x32({i, i >> 32, 0, 0}, key) with
// key = SplitMix64(seed ^ SplitMix64(Fnv1a64(name))), low half first.
// INVALID_ARGUMENT for another kind and for a deviation that is negative or not
// finite.
absl::Status FillInitialValues(absl::string_view kind, float deviation,
                               uint64_t seed, absl::string_view name,
                               absl::Span<float> values);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_INITIAL_VALUES_H_
