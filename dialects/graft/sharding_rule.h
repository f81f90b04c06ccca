// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How an op may be cut into parts: its sharding rule. A rule names the factors
// of the op's iteration space, says which dimension of which operand and result
// is made of which factors, and how the results of the parts make the results
// of the whole. docs/sharding-rules.md explains it by examples.
//
// A rule describes one instance of an op: it depends on attributes (transposes,
// reduced dimensions) and shapes.

#ifndef GRAFT_DIALECTS_GRAFT_SHARDING_RULE_H_
#define GRAFT_DIALECTS_GRAFT_SHARDING_RULE_H_

#include <optional>
#include <string>

#include "dialects/graft/graft_dialect.h"
#include "mlir/IR/Operation.h"

namespace graft {

// Where a factor may be cut.
enum class FactorKind {
  // Anywhere: parts are independent, or a reduction combines them.
  parallel,
  // Between examples only, together with all other ragged factors: the op
  // relates rows of one example.
  segmented,
  // Nowhere: each part needs all of it.
  whole,
};

// How the results of parts combine where a factor is reduced. `norm` is the
// square root of the sum of squares.
enum class ReductionKind { sum, max, norm };

// A coordinate of random bits that differs from part to part
// (docs/formats/randomness.md): the element of a row, or the attention head.
enum class RandomCoordinate { feature, head };

llvm::StringRef getReductionName(ReductionKind kind);
llvm::StringRef getCoordinateName(RandomCoordinate coordinate);

// One factor of the iteration space.
struct ShardingFactor {
  std::string name;  // in the short form; upper case exactly when `whole`
  Dim size{0, nullptr};
  FactorKind kind = FactorKind::parallel;

  // A ragged factor has a dynamic size: tokens, sequences or what else derives
  // from a stream. A batch is cut by dealing whole examples, which cuts all of
  // its ragged factors at once; no pass slices them.
  bool isRagged() const { return !size.isStatic(); }
};

// The dimensions of one operand or result, each as the factors it is made of,
// major to minor: [T, heads x width] is {{t}, {h, D}}. A tensor of rank 0 has
// none; a `!graft.segments` has two, its tokens and its sequences.
struct ShardingTerm {
  llvm::SmallVector<llvm::SmallVector<unsigned, 2>> dims;
  bool isSegments = false;

  bool contains(unsigned factor) const;
};

// Result `result` is reduced over `factor`, which some operand has and the
// result has not.
struct ShardingReduction {
  unsigned result;
  unsigned factor;
  ReductionKind kind;
};

// An integer attribute of a part is that of the whole, times the part's share
// of `factor`: the heads of an attention, the width and offset of a slice.
struct ScaledAttribute {
  std::string name;
  unsigned factor;
  bool isSize = false;  // the attribute is the factor's size
};

// Operand `operand` holds positions along `factor`: when the factor is cut, a
// part's positions count from the start of its share.
struct IndexOperand {
  unsigned operand;
  unsigned factor;
};

// Random bits of a part are those of the whole if `coordinate` counts from the
// start of the part's share of `factor`.
struct RandomShift {
  RandomCoordinate coordinate;
  unsigned factor;
};

struct ShardingRule {
  llvm::SmallVector<ShardingFactor> factors;
  llvm::SmallVector<ShardingTerm> operands;
  llvm::SmallVector<ShardingTerm> results;
  llvm::SmallVector<ShardingReduction> reductions;
  // Operands that one part takes and the others replace by the reduction's
  // identity (zero for sums and norms), when a factor is reduced that the
  // operand lacks: a bias must not be added by each part.
  llvm::SmallVector<unsigned> addends;
  // Sets of operands in which all results are jointly linear while the other
  // operands are fixed: {{0, 1}} of a sum, {{0}, {1}} of a product. A partial
  // sum may pass through the op by such a set.
  llvm::SmallVector<llvm::SmallVector<unsigned>> linear;
  llvm::SmallVector<ScaledAttribute> attributes;
  llvm::SmallVector<IndexOperand> indices;
  std::optional<RandomShift> random;
  // Whether each element of each result depends on the elements of the operands
  // at the same position only, and on scalars. What the op knows of a position
  // (the sequence of a token, for a dropout mask) does not count.
  bool isElementwise = false;

  std::optional<unsigned> findFactor(llvm::StringRef name) const;
  std::optional<ReductionKind> getReduction(unsigned result,
                                            unsigned factor) const;
  // Whether an operand relates the two factors, so that they are only cut
  // together: tokens and sequences of a `!graft.segments`, or the rows of an
  // index operand and what it indexes.
  bool areTied(unsigned first, unsigned second) const;
  // Whether `factor` of `result` needs no reduction though operands have it:
  // it is segmented, and the result keeps a factor that is tied to it.
  bool isKeptByTie(unsigned result, unsigned factor) const;

  // The factor that counts the rows of the op, if rows are independent: it is
  // all of dimension 0 of each result and of each operand that has it, no
  // operand is a `!graft.segments`, and it may be cut anywhere.
  std::optional<unsigned> getRowFactor() const;

  // Prints the short form.
  void print(llvm::raw_ostream& os) const;
};

// Parses the short form of a rule of `op`, whose grammar and meaning are those
// of docs/sharding-rules.md: "ti,oi,o->to; addend 2; linear 0+2 1+2" is the
// rule of a linear layer. `rule` is empty before. Fails with a diagnostic at
// `op` if the form is malformed; the rule is not verified.
mlir::LogicalResult parseShardingRule(llvm::StringRef form, mlir::Operation* op,
                                      ShardingRule& rule);

// Checks that `rule` fits operands, results and attributes of `op`; emits a
// diagnostic otherwise.
//
// - (R1) There is a term for each operand and result.
// - (R2) A term has a list of factors for each dimension, and no factor twice.
// - (R3) The sizes of a dimension's factors multiply to the dimension; a
//   dynamic dimension is one ragged factor of that name.
// - (R4) A factor that an operand has and a result lacks is whole, reduced in
//   that result, or kept by a tie; nothing else is reduced.
// - (R5) An addend lacks a factor that is reduced.
// - (R6) Linear operands are tensors of floats.
// - (R7) A scaled attribute is an integer that the factor's size divides.
// - (R8) An index operand holds i32.
// - (R9) The factor of random bits is in each result.
// - (R10) Tensors of an elementwise op have the same dimensions or none, each
//   of one parallel factor.
mlir::LogicalResult verifyShardingRule(const ShardingRule& rule,
                                       mlir::Operation* op);

// The rule in which each dimension is a whole factor: of any op.
ShardingRule getWholeRule(mlir::Operation* op);

// The rule of a verified op: what ShardingFactorInterface says, or that of
// getWholeRule for an op without the interface.
ShardingRule getShardingRule(mlir::Operation* op);

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_SHARDING_RULE_H_
