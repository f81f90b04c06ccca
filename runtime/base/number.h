// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_NUMBER_H_
#define GRAFT_RUNTIME_BASE_NUMBER_H_

#include "absl/strings/string_view.h"

namespace graft {

// Reads a number that a user wrote: decimal digits with a sign, a point and an
// exponent or without, and nothing around them; no hexadecimal digits, nan or
// inf. False for others, and for what is too large for the type; `number` is
// undefined then. The result is the nearest number of the type.
bool ParseDecimal(absl::string_view text, double& number);
bool ParseDecimal(absl::string_view text, float& number);

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_NUMBER_H_
