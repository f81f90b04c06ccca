// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Numbers and words of a strategy's ops, which may name declared parameters.

#ifndef GRAFT_DIALECTS_TRANSFER_NUMBER_H_
#define GRAFT_DIALECTS_TRANSFER_NUMBER_H_

#include <cmath>
#include <optional>

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/StringSet.h"

namespace graft::transfer {

// The number that a literal is: a float or an integer; none for a string.
std::optional<double> getLiteralNumber(mlir::Attribute literal);

// The value of `number`, the attribute `name` of `op`, at the first step of a
// training, where registers have their initial values and all else that changes
// is 0; `absent` if it is null.
// Fails with a diagnostic at `op` if an expression has no value.
mlir::FailureOr<double> getNumber(mlir::Operation* op, llvm::StringRef name,
                                  mlir::Attribute number, double absent);

// The same for an op that has been verified.
double getVerifiedNumber(mlir::Operation* op, mlir::Attribute number,
                         double absent = 0);

// The text of `text`, the attribute `name` of `op`, which is not null. Fails
// with a diagnostic at `op` if it names no parameter that is a string.
mlir::FailureOr<mlir::StringAttr> getText(mlir::Operation* op,
                                          llvm::StringRef name,
                                          mlir::Attribute text);

// The same for an op that has been verified; null for null.
mlir::StringAttr getVerifiedText(mlir::Operation* op, mlir::Attribute text);

// Adds the names of the parameters in `attribute` of an op of a strategy, which
// may be null, to `names`, without "@".
void collectParameterNames(mlir::Attribute attribute, llvm::StringSet<>& names);

// Whether `number` of `op`, which may be null, is an expression that names a
// reward or a register of the strategy.
bool namesRegister(mlir::Operation* op, mlir::Attribute number);

// Whether the value changes during a training: whether it is an expression with
// one of kChangingNames (expression.h) or with a reward or a register. `op` is
// the strategy or in it.
bool changesInTraining(mlir::Operation* op, mlir::Attribute number);

// The reward or register `name` of the strategy of `op`; null if it has none.
mlir::Operation* findRegister(mlir::Operation* op, llvm::StringRef name);

// What a number must satisfy.
struct NumberRange {
  const char* description;  // "a positive number"
  bool (*contains)(double);
};
inline constexpr NumberRange kAny = {"a number", [](double) { return true; }};
inline constexpr NumberRange kPositive = {"a positive number",
                                          [](double x) { return x > 0; }};
inline constexpr NumberRange kNonNegative = {"a number that is not negative",
                                             [](double x) { return x >= 0; }};
inline constexpr NumberRange kFraction = {
    "a number in [0, 1)", [](double x) { return x >= 0 && x < 1; }};
inline constexpr NumberRange kShare = {
    "a number in [0, 1]", [](double x) { return x >= 0 && x <= 1; }};
inline constexpr NumberRange kLayerDecay = {
    "a number in (0, 1]", [](double x) { return x > 0 && x <= 1; }};
inline constexpr NumberRange kCount = {"a positive integer", [](double x) {
                                         // Larger ones are no longer exact in a
                                         // double.
                                         return x >= 1 && x <= 1e15 &&
                                                x == std::floor(x);
                                       }};
// Each inner step is code of its own.
inline constexpr NumberRange kInnerSteps = {
    "an integer from 1 to 100",
    [](double x) { return x >= 1 && x <= 100 && x == std::floor(x); }};
inline constexpr NumberRange kOrder = {
    "1 or 2", [](double x) { return x == 1 || x == 2; }};
inline constexpr NumberRange kCountOrNone = {
    "an integer that is not negative",
    [](double x) { return x == 0 || kCount.contains(x); }};
inline constexpr NumberRange kLayer = {
    "an integer in [-10000, 10000]",
    [](double x) { return std::abs(x) <= 10000 && x == std::floor(x); }};

// Whether an attribute may change during a training; its range is checked for
// the first step only.
enum class Change { no, allowed };

// Succeeds if `number`, the attribute `name` of `op`, is null or in `range`;
// else a diagnostic at `op`.
llvm::LogicalResult verifyNumber(mlir::Operation* op, llvm::StringRef name,
                                 mlir::Attribute number,
                                 const NumberRange& range,
                                 Change change = Change::no);

// Directives of assembly formats: a number, `@name` or "an expression"; a
// string or `@name`; a keyword or `@name`.
mlir::ParseResult parseNumber(mlir::OpAsmParser& parser,
                              mlir::Attribute& number);
void printNumber(mlir::OpAsmPrinter& printer, mlir::Operation* op,
                 mlir::Attribute number);
mlir::ParseResult parseText(mlir::OpAsmParser& parser, mlir::Attribute& text);
void printText(mlir::OpAsmPrinter& printer, mlir::Operation* op,
               mlir::Attribute text);
mlir::ParseResult parseWord(mlir::OpAsmParser& parser, mlir::Attribute& word);
void printWord(mlir::OpAsmPrinter& printer, mlir::Operation* op,
               mlir::Attribute word);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_NUMBER_H_
