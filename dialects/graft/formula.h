// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Formulas in index notation, the text of graft.formula:
//
//   formula = operand {"," operand} ["->" "[" indices "]"] ":" sum
//   operand = name ["[" [indices] "]"]
//   indices = index {"," index}
//   index   = name | "1"
//   sum     = product { ("+" | "-") product }
//   product = factor { ("*" | "/") factor }
//   factor  = "-" factor | number | name | "(" sum ")"
//           | function "(" sum {"," sum} ")" | "is" "(" name "," name ")"
//           | ("sum" | "mean" | "max") name "(" sum ")"
//
// graft_structure_ops.td says what it means.

#ifndef GRAFT_DIALECTS_GRAFT_FORMULA_H_
#define GRAFT_DIALECTS_GRAFT_FORMULA_H_

#include <memory>
#include <string>

#include "dialects/graft/graft_dialect.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "mlir/IR/Diagnostics.h"

namespace graft::formula {

// An index is a number in Formula::indices. Those of the result come first, so
// that a smaller one is further left there.
using Index = unsigned;
using Indices = llvm::SmallVector<Index, 2>;

// Stands for a dimension of size 1, which is no index of the value.
inline constexpr Index kOne = ~0U;

enum class Kind {
  number,
  operand,
  is,        // 1 where the labels `operand` are `index`, else 0
  sum,       // of the children; `inverse` are subtracted
  product,   // of the children; `inverse` are divided by
  function,  // of one child or two
  reduction  // of the child over `index`, or over the tokens of each text
};
enum class Function {
  exp,
  log,
  sqrt,
  tanh,
  sigmoid,
  relu,
  softplus,
  max,
  min,
  step
};
enum class Reduction { sum, mean, max };

struct Node {
  Kind kind;
  size_t position;  // in the text
  double number = 0;
  unsigned operand = 0;
  Index index = 0;
  Function function = Function::exp;
  Reduction reduction = Reduction::sum;
  bool overTokens = false;  // of each text of the segments `operand`
  llvm::SmallVector<std::unique_ptr<Node>, 2> children;
  llvm::SmallVector<bool, 2> inverse;
  Indices indices;  // of the value, ascending; bind() finds them
};

struct Operand {
  std::string name;
  size_t position;
  bool likeResult = false;  // has the indices of the result
  Indices indices;          // of its dimensions, also kOne
};

// What an index is called, and its size, which bind() finds: that of operand
// `owner`, or of the result.
struct NamedIndex {
  std::string name;
  Dim size = {mlir::ShapedType::kDynamic, nullptr};
  bool isKnown = false;
  unsigned owner = 0;
};

struct Formula {
  std::string text;
  llvm::SmallVector<Operand> operands;
  bool namesResult = false;  // else bind() gives it an index per dimension
  Indices result;            // of its dimensions, also kOne
  llvm::SmallVector<NamedIndex> indices;
  std::unique_ptr<Node> root;
};

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

// Parses `text`. Fails with a diagnostic that says what is expected where.
// Nesting deeper than 100 is an error.
mlir::FailureOr<Formula> parse(llvm::StringRef text, EmitError emitError);

// Finds the indices and sizes of all values for operands and a result of these
// types: tensors of f32 and rank 2 at most, labels (i32), and segments or what
// stands for them. Other types are those of operands that become one of these
// later; what they decide is not checked. Fails with a diagnostic if types do
// not fit, or a value would have more than two indices.
llvm::LogicalResult bind(Formula& formula, mlir::TypeRange operands,
                         mlir::Type result, EmitError emitError);

// A factor of a product, or what it is divided by.
struct Factor {
  const Node* node;
  bool inverse;
};

// What is summed over an index: `outside` does not have it and is multiplied
// afterwards. Those that do are elements of `lhs`, or, if they have three
// indices, of two matrices that share the index alone.
struct Contraction {
  llvm::SmallVector<Factor> outside, lhs, rhs;
  bool negative = false;
};

// Splits the child of a sum or mean over an index. The indices of its factors
// are known.
Contraction contract(const Node& reduction);

}  // namespace graft::formula

#endif  // GRAFT_DIALECTS_GRAFT_FORMULA_H_
