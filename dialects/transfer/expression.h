// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic over named numbers, as strategies write it.

#ifndef GRAFT_DIALECTS_TRANSFER_EXPRESSION_H_
#define GRAFT_DIALECTS_TRANSFER_EXPRESSION_H_

#include <optional>
#include <string>

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace graft::transfer {

// The value of an expression, or what is wrong with it: `expects A, got B`.
struct ExpressionValue {
  double value = 0;
  std::string error;  // empty: `value` holds

  explicit operator bool() const { return error.empty(); }
};

// Evaluates, in double precision and from left to right,
//
//   sum     = product { ("+" | "-") product }
//   product = factor { ("*" | "/") factor }
//   factor  = "-" factor | number | "@" name | function "(" sum {"," sum} ")"
//           | "(" sum ")"
//
// with the functions min, max (two arguments), exp, log, sqrt and cos (one).
// `lookup` gives the number of a name without "@", or none. Nesting deeper than
// 100 is an error, and so is a value that is not finite.
ExpressionValue evaluateExpression(
    llvm::StringRef text,
    llvm::function_ref<std::optional<double>(llvm::StringRef)> lookup);

// Whether `text` is one name, `@name`.
bool isName(llvm::StringRef text);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_EXPRESSION_H_
