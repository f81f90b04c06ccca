// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Expressions of host programs: from text to steps on a stack.

#ifndef GRAFT_DIALECTS_EXEC_HOST_EXPRESSION_H_
#define GRAFT_DIALECTS_EXEC_HOST_EXPRESSION_H_

#include <string>
#include <vector>

#include "llvm/ADT/StringRef.h"

namespace graft::exec {

// In the order of schema::ExpressionOp, which says what each means.
enum class ExpressionOp {
  kConstant,
  kLoad,
  kRows,
  kPresent,
  kSum,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kMinimum,
  kMaximum,
  kExp,
  kLog,
  kSqrt,
  kCos,
  kFloor,
  kCeil,
  kRound,
  kLess,
  kLessEqual,
  kEqual,
  kBoth,
  kEither,
  kOpposite,
  kSelect,
  kFinite,
  kRandom,
  kTaskRows,
};

struct ExpressionStep {
  ExpressionOp op;
  std::string name = {};  // kLoad: of a register; of a stream for the others
  std::string field = {}, mask = {};  // kSum; empty: none
  double value = 0;  // kConstant; kSum: what `mask` differs from
};

// Steps in postfix order, or what is wrong with the text: `expects A, got B`.
struct ParsedExpression {
  std::vector<ExpressionStep> steps;
  std::string error;  // empty: `steps` holds

  explicit operator bool() const { return error.empty(); }
};

// Parses, with `name` a register and `@name` a stream,
//
//   or       = and {"or" and}
//   and      = equality {"and" equality}
//   equality = relation {("==" | "!=") relation}
//   relation = sum {("<" | "<=" | ">" | ">=") sum}
//   sum      = product {("+" | "-") product}
//   product  = unary {("*" | "/" | "%") unary}
//   unary    = ("-" | "not") unary | number | name | "(" or ")"
//            | function "(" or {"," or} ")"
//            | ("rows" | "task_rows" | "present") "(" "@" name ")"
//            | "sum" "(" "@" name [name] ["where" name "!=" ["-"] number] ")"
//
// with the functions min and max of two arguments, select of three, and exp,
// log, sqrt, cos, floor, ceil, round, finite and random of one. Operators of a
// line bind to the left. Nesting deeper than 100, or an expression that needs
// more than 32 numbers at once, is an error.
ParsedExpression parseExpression(llvm::StringRef text);

// The shortest text that reads as `number`, in expressions and in MLIR.
// `number` is finite.
std::string numberText(double number);

}  // namespace graft::exec

#endif  // GRAFT_DIALECTS_EXEC_HOST_EXPRESSION_H_
