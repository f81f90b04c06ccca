// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic over named numbers, as strategies write it. A parameter is
// `@name`; a number that changes during a training is a name alone.

#ifndef GRAFT_DIALECTS_TRANSFER_EXPRESSION_H_
#define GRAFT_DIALECTS_TRANSFER_EXPRESSION_H_

#include <optional>
#include <string>

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace graft::transfer {

// What changes during a training: the optimiser steps and the epochs that are
// done, and step / the number of all steps, in [0, 1).
inline constexpr llvm::StringLiteral kChangingNames[] = {"step", "epoch",
                                                         "progress"};

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
//   factor  = "-" factor | number | "@" name | name
//           | function "(" sum {"," sum} ")" | "(" sum ")"
//
// with the functions min, max (two arguments), exp, log, sqrt and cos (one).
// `lookup` gives the number of a name behind "@", without it, or none, and
// `variable` that of one of kChangingNames, which stand alone. Nesting deeper
// than 100 is an error, and so is a value that is not finite.
using NumberLookup = llvm::function_ref<std::optional<double>(llvm::StringRef)>;
using VariableLookup = llvm::function_ref<double(llvm::StringRef)>;
ExpressionValue evaluateExpression(llvm::StringRef text, NumberLookup lookup,
                                   VariableLookup variable);

// The text with each name alone replaced by what `variable` gives for it, and
// each `@name` by what `parameter` gives for the name. The text is one that
// evaluateExpression takes.
using NameText = llvm::function_ref<std::string(llvm::StringRef)>;
std::string replaceNames(llvm::StringRef text, NameText parameter,
                         NameText variable);

// Whether `text` is one name, `@name`.
bool isName(llvm::StringRef text);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_EXPRESSION_H_
