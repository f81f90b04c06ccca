// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Sharding rules that depend on attributes or shapes. All others are one short
// form each, in the op's definition.

#include <numeric>

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

// Names d0, d1, ... of the dimensions of `rank`, without those in `dropped`.
std::string dimNames(int64_t rank, ArrayRef<int64_t> dropped = {}) {
  std::string names;
  for (int64_t i = 0; i < rank; ++i)
    if (!llvm::is_contained(dropped, i)) names += "d" + std::to_string(i);
  return names.empty() ? "-" : names;
}

bool isWider(Type type, Type than) {
  return type.getIntOrFloatBitWidth() > than.getIntOrFloatBitWidth();
}

// Products of the static sizes before, between and behind dynamic dimensions.
SmallVector<int64_t> runProducts(ArrayRef<Dim> dims) {
  SmallVector<int64_t> products = {1};
  for (const Dim& dim : dims) {
    if (dim.isStatic())
      products.back() *= dim.size;
    else
      products.push_back(1);
  }
  return products;
}

// The short form of a reshape whose static sizes multiply to the same between
// dynamic dimensions. Elements are numbered in row-major order, so both shapes
// are walked from the major side: what divides both is a factor of both. Where
// sizes have no common divisor, the rest up to the next dynamic dimension is
// whole on each side.
class ReshapeForm {
 public:
  ReshapeForm(RankedTensorType input, RankedTensorType output)
      : sides{Side{getDims(input)}, Side{getDims(output)}} {}

  std::string build() {
    while (beginDims()) {
      int64_t &a = sides[0].left, &b = sides[1].left;
      if (ShapedType::isDynamic(a) && ShapedType::isDynamic(b)) {
        add("t" + std::to_string(count++));
        a = b = 1;
      } else if (int64_t common = std::gcd(a, b); common > 1) {
        add(sized("f", common));
        a /= common;
        b /= common;
      } else {
        keepRunWhole(sides[0]);
        keepRunWhole(sides[1]);
      }
    }
    return sides[0].text() + "->" + sides[1].text() + sizes + "; linear 0";
  }

 private:
  struct Side {
    SmallVector<Dim> dims;
    size_t next = 0;   // the first dimension that is not begun
    int64_t left = 1;  // of the dimension before: what has no factor yet
    SmallVector<std::string> terms = {};

    std::string text() const {
      std::string all;
      for (const std::string& term : terms) all += "(" + term + ")";
      return all.empty() ? "-" : all;
    }
  };

  // Begins a dimension if the last one has all its factors; one of size 1 has a
  // factor of its own. Returns whether something is left.
  bool beginDim(Side& side) {
    while (side.left == 1 && side.next < side.dims.size()) {
      side.left = side.dims[side.next++].size;
      side.terms.emplace_back();
      if (side.left == 1) side.terms.back() = sized("U", 1);
    }
    return side.left != 1;
  }

  bool beginDims() {
    bool first = beginDim(sides[0]);
    bool second = beginDim(sides[1]);
    return first || second;
  }

  void keepRunWhole(Side& side) {
    while (side.left != 1 && !ShapedType::isDynamic(side.left)) {
      side.terms.back() += sized("W", side.left);
      side.left = 1;
      beginDim(side);
    }
  }

  // A new factor of static size.
  std::string sized(StringRef stem, int64_t size) {
    std::string name = stem.str() + std::to_string(count++);
    sizes += "; " + name + " = " + std::to_string(size);
    return name;
  }

  void add(const std::string& name) {
    for (Side& side : sides) side.terms.back() += name;
  }

  Side sides[2];
  std::string sizes;
  int count = 0;
};

}  // namespace

LogicalResult MatmulOp::buildShardingRule(ShardingRule& rule) {
  std::string form = getTransposeLhs() ? "km," : "mk,";
  form += getTransposeRhs() ? "nk" : "kn";
  return parseShardingRule(form + "->mn; linear 0 1", *this, rule);
}

LogicalResult DropoutOp::buildShardingRule(ShardingRule& rule) {
  // Rows are tokens, or else sequences.
  Dim rows = getDim(getInput().getType(), 0);
  bool perToken =
      rows.isCompatible(getNamedDim(getSegments().getType().getTokens()));
  std::string form =
      perToken ? "th,ts->th; segmented s" : "sh,ts->sh; segmented t";
  return parseShardingRule(form + "; linear 0; random feature h; elementwise",
                           *this, rule);
}

LogicalResult UniformOp::buildShardingRule(ShardingRule& rule) {
  auto type = cast<RankedTensorType>(getOutput().getType());
  auto segments = dyn_cast<SegmentsType>(getSegments().getType());
  if (!segments)  // A text: nothing is cut before it is linked.
    return parseShardingRule(type.getRank() > 1 ? "-->sh" : "-->s", *this,
                             rule);
  bool perToken =
      getDim(type, 0).isCompatible(getNamedDim(segments.getTokens()));
  std::string rows = perToken ? "t" : "s";
  std::string form = "ts->" + rows + (type.getRank() > 1 ? "h" : "") +
                     "; segmented " + (perToken ? "s" : "t");
  if (type.getRank() > 1) form += "; random feature h";
  return parseShardingRule(form, *this, rule);
}

LogicalResult SegmentPoolOp::buildShardingRule(ShardingRule& rule) {
  std::string form = "th,ts->sh; segmented t s";
  if (getKind() != PoolKind::max) form += "; linear 0";
  return parseShardingRule(form, *this, rule);
}

// A cast that loses nothing commutes with sums.
LogicalResult CastOp::buildShardingRule(ShardingRule& rule) {
  bool widens = isWider(getOutput().getType().getElementType(),
                        getInput().getType().getElementType());
  return parseShardingRule(widens ? "*->*; linear 0" : "*->*", *this, rule);
}

LogicalResult ReduceOp::buildShardingRule(ShardingRule& rule) {
  int64_t rank = getInput().getType().getRank();
  std::string form = dimNames(rank) + "->" + dimNames(rank, getDimensions());
  form += getKind() == ReduceKind::max ? "; max" : "; linear 0";
  return parseShardingRule(form, *this, rule);
}

LogicalResult BroadcastOp::buildShardingRule(ShardingRule& rule) {
  int64_t rank = getOutput().getType().getRank();
  return parseShardingRule(
      dimNames(rank, getDimensions()) + "->" + dimNames(rank) + "; linear 0",
      *this, rule);
}

LogicalResult ReshapeOp::buildShardingRule(ShardingRule& rule) {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  SmallVector<int64_t> products = runProducts(getDims(input));
  if (products != runProducts(getDims(output)) ||
      llvm::is_contained(products, 0)) {
    rule = getWholeRule(*this);
    rule.linear = {{0}};
    return success();
  }
  return parseShardingRule(ReshapeForm(input, output).build(), *this, rule);
}

// Inputs of one width are column blocks: a part has the same columns of each
// block. Columns of others stay whole.
LogicalResult ConcatOp::buildShardingRule(ShardingRule& rule) {
  SmallVector<std::string> terms, operands;
  bool equal = true;
  for (auto [index, input] : llvm::enumerate(getInputs())) {
    equal &= typeOf(input).getDimSize(1) ==
             typeOf(getInputs().front()).getDimSize(1);
    operands.push_back(std::to_string(index));
  }
  for (const std::string& index : operands)
    terms.push_back(equal ? "rw" : "rA" + index);
  std::string form = llvm::join(terms, ",");
  form += equal ? "->r(Nw); N = " + std::to_string(operands.size()) : "->rB";
  return parseShardingRule(form + "; linear " + llvm::join(operands, "+"),
                           *this, rule);
}

// One of several column blocks of the slice's width: a part has the same
// columns of each block.
LogicalResult SliceOp::buildShardingRule(ShardingRule& rule) {
  bool aligned =
      getOffset() % getSize() == 0 &&
      getInput().getType().getDimSize(1) % static_cast<int64_t>(getSize()) == 0;
  return parseShardingRule(aligned ? "r(Nw)->rw; w = size; offset ~ w; linear 0"
                                   : "rA->rB; linear 0",
                           *this, rule);
}

// Rows of a stream by rows of a stream: an index names a row of its own
// example. Rows of anything else may be any.
LogicalResult GatherOp::buildShardingRule(ShardingRule& rule) {
  bool ragged = getInput().getType().isDynamicDim(0) &&
                getIndices().getType().isDynamicDim(0);
  return parseShardingRule(ragged ? "th,p->ph; segmented t; index 1 t; linear 0"
                                  : "Th,p->ph; linear 0",
                           *this, rule);
}

LogicalResult ScatterAddOp::buildShardingRule(ShardingRule& rule) {
  bool ragged = getInput().getType().isDynamicDim(0) &&
                getIndices().getType().isDynamicDim(0);
  return parseShardingRule(
      ragged ? "th,p,ph->th; segmented t p; index 1 t; linear 0+2"
             : "Th,p,ph->Th; addend 0; linear 0+2",
      *this, rule);
}

// Norms are of the whole tensor.
LogicalResult LambOp::buildShardingRule(ShardingRule& rule) {
  std::string term;
  for (int64_t i = 0; i < typeOf(getParameter()).getRank(); ++i)
    term += static_cast<char>('A' + i);
  if (term.empty()) term = "-";
  std::string states = term + "," + term + "," + term;
  return parseShardingRule(term + "," + states + ",-,-,-->" + states, *this,
                           rule);
}

// Each operand has dimensions of its own. Where those of another one are cut,
// its squares must be counted once.
LogicalResult GlobalNormOp::buildShardingRule(ShardingRule& rule) {
  SmallVector<std::string> terms, addends;
  auto hasDims = [](Value value) { return typeOf(value).getRank() > 0; };
  int64_t shaped = llvm::count_if(getGradients(), hasDims);
  for (auto [index, operand] : llvm::enumerate(getGradients())) {
    std::string term;
    for (int64_t i = 0; i < typeOf(operand).getRank(); ++i)
      term += static_cast<char>('a' + i) + std::to_string(index);
    terms.push_back(term.empty() ? "-" : term);
    if (shaped > (hasDims(operand) ? 1 : 0))
      addends.push_back(std::to_string(index));
  }
  std::string form = llvm::join(terms, ",") + "->-; norm";
  if (!addends.empty()) form += "; addend " + llvm::join(addends, " ");
  return parseShardingRule(form, *this, rule);
}

}  // namespace graft
