// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/number.h"

#include <cmath>

#include "absl/strings/numbers.h"

namespace graft {
namespace {

// SimpleAtod skips blanks around a number, and reads 0x10, nan and inf.
bool HasOnlyDecimals(absl::string_view text) {
  return text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos;
}

}  // namespace

// What is too large becomes an infinity.
bool ParseDecimal(absl::string_view text, double& number) {
  return HasOnlyDecimals(text) && absl::SimpleAtod(text, &number) &&
         std::isfinite(number);
}

bool ParseDecimal(absl::string_view text, float& number) {
  return HasOnlyDecimals(text) && absl::SimpleAtof(text, &number) &&
         std::isfinite(number);
}

}  // namespace graft
