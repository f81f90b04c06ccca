// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What values of options may be, and how messages say so.

#ifndef GRAFT_TOOLS_OPTION_VALUES_H_
#define GRAFT_TOOLS_OPTION_VALUES_H_

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// Most of what is counted: steps, examples, tokens. Larger numbers are typing
// errors, and products of two such numbers fit 64 bits.
inline constexpr uint64_t kMostCounted = 1'000'000'000;
inline constexpr uint64_t kMostThreads = 1024;
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The functions below return the error of a value, "expects A, got B" without
// the option's name, or "".

// Unless `text` is a whole number from `least` to `most` in decimal digits,
// without sign, blanks or leading zeros.
std::string WholeNumberError(absl::string_view text, uint64_t least,
                             uint64_t most);

// Unless `text` is a finite decimal number from `least` to `most`; kInfinity:
// no bound.
std::string NumberError(absl::string_view text, double least, double most);

// Unless `text` is one of `choices`, of which there is at least one; suggests
// the nearest.
std::string ChoiceError(absl::string_view text,
                        absl::Span<const std::string> choices);

// Unless `text` is a finite power of two, of any sign of the exponent.
std::string PowerOfTwoError(absl::string_view text);

// Unless `text` is a size of memory, 800MB or 1.2GiB or a number of bytes;
// sets `bytes`.
std::string ByteSizeError(absl::string_view text, double& bytes);

// "an empty value" for an empty text, or else the shortened text, in quotes if
// blanks are at its ends.
std::string DescribeValue(absl::string_view text);

// "fp32, bf16 or fp16".
std::string ListChoices(absl::Span<const std::string> choices);

}  // namespace graft

#endif  // GRAFT_TOOLS_OPTION_VALUES_H_
