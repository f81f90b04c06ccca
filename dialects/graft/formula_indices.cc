// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The indices and sizes of the values of a formula.

#include <string>

#include "dialects/graft/formula.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace graft::formula {
namespace {

bool isLabels(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isInteger(32);
}

bool isSegments(Type type) {
  return isa<SegmentsType>(type) || type.hasTrait<StandsForSegments>();
}

// Adds the indices of `more`, in ascending order.
void unite(Indices& indices, ArrayRef<Index> more) {
  llvm::append_range(indices, more);
  llvm::sort(indices);
  indices.erase(llvm::unique(indices), indices.end());
}

class Binder {
 public:
  Binder(Formula& formula, TypeRange types, Type result, EmitError emitError)
      : formula(formula),
        types(types),
        resultType(result),
        emitError(emitError) {}

  LogicalResult run();

 private:
  InFlightDiagnostic expects() { return emitError() << "expects "; }
  // With the place of a node.
  InFlightDiagnostic failAt(const Node& node, const Twine& expected) {
    return emitError() << "expects " << expected << " at character "
                       << node.position + 1 << ", got ";
  }
  std::string nameOf(ArrayRef<Index> indices) const;
  // Of an operand, or of the result: the number of all operands.
  std::string ownerName(unsigned owner) const {
    if (owner == types.size()) return "the result";
    return "'" + formula.operands[owner].name + "'";
  }

  LogicalResult nameResult();
  LogicalResult bindOperand(unsigned number);
  // Notes the sizes of the dimensions of `owner`.
  LogicalResult bindSizes(ArrayRef<Index> indices, ArrayRef<Dim> dims,
                          unsigned owner, Type type);
  LogicalResult checkResult();

  LogicalResult infer(Node& node);
  LogicalResult inferOperand(Node& node);
  LogicalResult inferIs(Node& node);
  LogicalResult inferUnion(Node& node);
  LogicalResult inferReduction(Node& node);
  LogicalResult inferTokens(Node& node);
  LogicalResult inferContraction(Node& node);
  LogicalResult inferFactors(Node& node);
  LogicalResult checkCount(const Node& node, ArrayRef<Index> indices);

  Formula& formula;
  TypeRange types;
  Type resultType;
  EmitError emitError;
};

std::string Binder::nameOf(ArrayRef<Index> indices) const {
  if (indices.empty()) return "none";
  std::string names;
  for (auto [position, index] : llvm::enumerate(indices)) {
    if (position > 0) names += position + 1 == indices.size() ? " and " : ", ";
    names += formula.indices[index].name;
  }
  return names;
}

LogicalResult Binder::run() {
  if (formula.operands.size() != types.size())
    return expects() << formula.operands.size()
                     << " operands, as the formula names, got " << types.size();
  auto result = dyn_cast<RankedTensorType>(resultType);
  // Nothing says how many indices it has.
  if (!formula.namesResult && !result) return success();
  if (failed(nameResult())) return failure();
  for (unsigned i = 0, e = types.size(); i < e; ++i)
    if (failed(bindOperand(i))) return failure();
  if (result) {
    if (!result.getElementType().isF32())
      return expects() << "a result of f32, got " << resultType;
    if (failed(bindSizes(formula.result, getDims(result), types.size(),
                         resultType)))
      return failure();
  }
  if (failed(infer(*formula.root))) return failure();
  return checkResult();
}

LogicalResult Binder::nameResult() {
  if (formula.namesResult) return success();
  int64_t rank = cast<RankedTensorType>(resultType).getRank();
  if (rank > 2)
    return expects() << "a result of rank 2 at most, got " << resultType;
  for (int64_t i = 0; i < rank; ++i) {
    formula.result.push_back(formula.indices.size());
    formula.indices.emplace_back().name =
        ("dimension " + Twine(i) + " of the result").str();
  }
  return success();
}

LogicalResult Binder::bindOperand(unsigned number) {
  Operand& operand = formula.operands[number];
  if (operand.likeResult) operand.indices = formula.result;
  Type type = types[number];
  if (isSegments(type)) {
    if (operand.indices.size() != 2 ||
        llvm::is_contained(operand.indices, kOne))
      return expects() << "indices of tokens and texts of the segments '"
                       << operand.name << "', as " << operand.name << "[t, s]";
    auto segments = dyn_cast<SegmentsType>(type);
    if (!segments) return success();
    Dim dims[] = {getNamedDim(segments.getTokens()),
                  getNamedDim(segments.getSequences())};
    return bindSizes(operand.indices, dims, number, type);
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) return success();
  bool isVector = operand.indices.size() == 1 && operand.indices[0] != kOne;
  if (isLabels(type) && !isVector)
    return expects() << "one index of the labels '" << operand.name << "', got "
                     << type;
  if (!isLabels(type) && !tensor.getElementType().isF32())
    return expects() << "'" << operand.name
                     << "' to be a tensor of f32, labels of i32 or segments, "
                        "got "
                     << type;
  return bindSizes(operand.indices, getDims(tensor), number, type);
}

LogicalResult Binder::bindSizes(ArrayRef<Index> indices, ArrayRef<Dim> dims,
                                unsigned owner, Type type) {
  if (indices.size() != dims.size())
    return expects() << "an index for each dimension of " << ownerName(owner)
                     << ", got " << indices.size() << " for " << type;
  for (auto [index, dim] : llvm::zip_equal(indices, dims)) {
    if (index == kOne) {
      if (dim.size != 1)
        return expects() << "a size of 1 where " << ownerName(owner)
                         << " has the index 1, got " << type;
      continue;
    }
    NamedIndex& known = formula.indices[index];
    if (!known.isKnown) {
      known = {known.name, dim, true, owner};
      continue;
    }
    if (!known.size.isCompatible(dim)) {
      Type other =
          known.owner == types.size() ? resultType : types[known.owner];
      return expects() << "one size of the index " << known.name << ", got "
                       << other << " of " << ownerName(known.owner) << " and "
                       << type << " of " << ownerName(owner);
    }
    // A dimension without a name equals any.
    if (!known.size.isStatic() && !known.size.name) known.size = dim;
  }
  return success();
}

// An index that nothing has is misspelt.
LogicalResult Binder::checkResult() {
  for (Index index : formula.result) {
    if (!formula.namesResult || index == kOne) continue;
    bool found = llvm::is_contained(formula.root->indices, index);
    for (const Operand& operand : formula.operands)
      found |= llvm::is_contained(operand.indices, index);
    if (!found)
      return expects() << "an operand with the index "
                       << formula.indices[index].name
                       << ", which the result has, got none";
  }
  for (Index index : formula.root->indices) {
    if (llvm::is_contained(formula.result, index)) continue;
    if (!formula.namesResult)
      return expects() << "'-> [INDICES]' of the result in front of ':', as "
                          "the formula has the index "
                       << formula.indices[index].name << ", got none";
    return expects() << "a result with the index "
                     << formula.indices[index].name
                     << ", which the formula has, got "
                     << nameOf(Indices(llvm::make_filter_range(
                            formula.result,
                            [](Index other) { return other != kOne; })));
  }
  return success();
}

LogicalResult Binder::checkCount(const Node& node, ArrayRef<Index> indices) {
  if (indices.size() <= 2) return success();
  return failAt(node, "a value of two indices at most") << nameOf(indices);
}

LogicalResult Binder::infer(Node& node) {
  switch (node.kind) {
    case Kind::number:
      return success();
    case Kind::operand:
      return inferOperand(node);
    case Kind::is:
      return inferIs(node);
    case Kind::sum:
    case Kind::product:
    case Kind::function:
      return inferUnion(node);
    case Kind::reduction:
      return inferReduction(node);
  }
  return failure();
}

LogicalResult Binder::inferOperand(Node& node) {
  const Operand& operand = formula.operands[node.operand];
  if (isLabels(types[node.operand]))
    return failAt(node, "a value")
           << "the labels '" << operand.name << "', which is(" << operand.name
           << ", k) compares";
  if (isSegments(types[node.operand]))
    return failAt(node, "a value") << "the segments '" << operand.name
                                   << "', of which there is a mean or max";
  for (Index index : operand.indices)
    if (index != kOne) unite(node.indices, index);
  return success();
}

LogicalResult Binder::inferIs(Node& node) {
  const Operand& operand = formula.operands[node.operand];
  Type type = types[node.operand];
  if ((isa<RankedTensorType>(type) || isSegments(type)) && !isLabels(type))
    return failAt(node, "labels of i32") << type;
  node.indices = operand.indices;
  unite(node.indices, node.index);
  if (node.indices.size() == 2) return success();
  return failAt(node, "another index than that of the labels")
         << formula.indices[node.index].name;
}

LogicalResult Binder::inferUnion(Node& node) {
  for (const auto& child : node.children) {
    if (failed(infer(*child))) return failure();
    unite(node.indices, child->indices);
  }
  return checkCount(node, node.indices);
}

LogicalResult Binder::inferReduction(Node& node) {
  if (node.overTokens) return inferTokens(node);
  if (node.reduction != Reduction::max) return inferContraction(node);
  Node& child = *node.children.front();
  if (failed(infer(child))) return failure();
  node.indices = child.indices;
  if (!llvm::is_contained(node.indices, node.index))
    return failAt(node, "a value with the index " +
                            formula.indices[node.index].name + " to reduce")
           << nameOf(node.indices);
  llvm::erase(node.indices, node.index);
  return success();
}

LogicalResult Binder::inferTokens(Node& node) {
  const Operand& operand = formula.operands[node.operand];
  Type type = types[node.operand];
  if (!isSegments(type))
    return failAt(node, "segments") << "'" << operand.name << "' of " << type;
  Index tokens = operand.indices[0], texts = operand.indices[1];
  Node& child = *node.children.front();
  if (failed(infer(child))) return failure();
  if (!llvm::is_contained(child.indices, tokens) ||
      llvm::is_contained(child.indices, texts))
    return failAt(node, "a value with the index " +
                            formula.indices[tokens].name + " and without " +
                            formula.indices[texts].name)
           << nameOf(child.indices);
  node.indices = child.indices;
  llvm::erase(node.indices, tokens);
  unite(node.indices, texts);
  return success();
}

// Finds the indices of what contract() makes of `node` and its factors.
LogicalResult Binder::inferFactors(Node& node) {
  bool isChain = node.kind == Kind::product ||
                 (node.kind == Kind::sum && node.children.size() == 1);
  if (!isChain) return infer(node);
  for (auto [child, inverse] : llvm::zip_equal(node.children, node.inverse))
    if (failed(node.kind == Kind::product && inverse ? infer(*child)
                                                     : inferFactors(*child)))
      return failure();
  // Of all factors, which may be more than a value has.
  for (const auto& child : node.children) unite(node.indices, child->indices);
  return success();
}

LogicalResult Binder::inferContraction(Node& node) {
  if (failed(inferFactors(*node.children.front()))) return failure();
  Contraction contraction = contract(node);
  StringRef name = formula.indices[node.index].name;
  if (contraction.lhs.empty())
    return failAt(node, "a value with the index " + name + " to reduce")
           << nameOf(node.children.front()->indices);
  Indices summed;
  for (const Factor& factor :
       llvm::concat<Factor>(contraction.lhs, contraction.rhs))
    unite(summed, factor.node->indices);
  // Two matrices that share the index have three.
  if (summed.size() > 3) return checkCount(node, summed);
  node.indices = summed;
  llvm::erase(node.indices, node.index);
  for (const Factor& factor : contraction.outside)
    unite(node.indices, factor.node->indices);
  return checkCount(node, node.indices);
}

// The factors of a product, of which a sign is none.
void collectFactors(const Node& node, bool inverse, Contraction& contraction,
                    SmallVectorImpl<Factor>& factors) {
  bool isNegative = node.kind == Kind::sum && node.children.size() == 1;
  if (inverse || (node.kind != Kind::product && !isNegative)) {
    factors.push_back({&node, inverse});
    return;
  }
  contraction.negative ^= isNegative;
  for (auto [child, isInverse] : llvm::zip_equal(node.children, node.inverse))
    collectFactors(*child, !isNegative && isInverse, contraction, factors);
}

}  // namespace

LogicalResult bind(Formula& formula, TypeRange operands, Type result,
                   EmitError emitError) {
  return Binder(formula, operands, result, emitError).run();
}

Contraction contract(const Node& reduction) {
  Contraction contraction;
  SmallVector<Factor> factors;
  collectFactors(*reduction.children.front(), /*inverse=*/false, contraction,
                 factors);
  Indices summed;
  SmallVector<Factor> inside;
  for (const Factor& factor : factors) {
    bool has = llvm::is_contained(factor.node->indices, reduction.index);
    (has ? inside : contraction.outside).push_back(factor);
    if (has) unite(summed, factor.node->indices);
  }
  // The last of the others is that of `rhs`.
  llvm::erase(summed, reduction.index);
  for (const Factor& factor : inside) {
    bool isRight = summed.size() == 2 &&
                   llvm::is_contained(factor.node->indices, summed.back());
    (isRight ? contraction.rhs : contraction.lhs).push_back(factor);
  }
  return contraction;
}

}  // namespace graft::formula
