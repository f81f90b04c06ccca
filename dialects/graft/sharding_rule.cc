// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/sharding_rule.h"

#include "dialects/graft/graft_interfaces.h"
#include "llvm/ADT/DenseSet.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace graft {
namespace {

// The dimensions of a value: of a tensor, or tokens and sequences.
SmallVector<Dim> dimsOf(Type type) {
  if (auto segments = dyn_cast<SegmentsType>(type))
    return {getNamedDim(segments.getTokens()),
            getNamedDim(segments.getSequences())};
  if (auto tensor = dyn_cast<RankedTensorType>(type)) return getDims(tensor);
  return {};
}

void printDim(llvm::raw_ostream& os, const Dim& dim) {
  if (dim.isStatic())
    os << dim.size;
  else if (dim.name)
    os << dim.name.getValue();
  else
    os << '?';
}

std::string toString(const Dim& dim) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printDim(os, dim);
  return text;
}

class Verifier {
 public:
  Verifier(const ShardingRule& rule, Operation* op) : rule(rule), op(op) {}

  LogicalResult verify() {
    if (failed(verifyTerms()) || failed(verifyReductions()) ||
        failed(verifyOperandLists()) || failed(verifyAttributes()) ||
        failed(verifyRandom()))
      return failure();
    return verifyElementwise();
  }

 private:
  InFlightDiagnostic error() {
    return op->emitOpError("expects a sharding rule ");
  }
  StringRef name(unsigned factor) { return rule.factors[factor].name; }

  LogicalResult verifyTerms() {
    // R1.
    if (rule.operands.size() != op->getNumOperands() ||
        rule.results.size() != op->getNumResults())
      return error() << "with " << op->getNumOperands() << " operands and "
                     << op->getNumResults() << " results, got "
                     << rule.operands.size() << " and " << rule.results.size();
    for (auto [index, term] : llvm::enumerate(rule.operands))
      if (failed(verifyTerm("operand", index, term,
                            op->getOperand(index).getType())))
        return failure();
    for (auto [index, term] : llvm::enumerate(rule.results))
      if (failed(verifyTerm("result", index, term,
                            op->getResult(index).getType())))
        return failure();
    return success();
  }

  LogicalResult verifyTerm(StringRef what, size_t index,
                           const ShardingTerm& term, Type type) {
    // R2.
    SmallVector<Dim> dims = dimsOf(type);
    if (term.dims.size() != dims.size())
      return error() << "with " << dims.size() << " dimensions of " << what
                     << ' ' << index << ", got " << term.dims.size();
    llvm::SmallDenseSet<unsigned> seen;
    for (const auto& factors : term.dims)
      for (unsigned factor : factors)
        if (!seen.insert(factor).second)
          return error() << "with each factor once in " << what << ' ' << index
                         << ", got '" << name(factor) << "' twice";
    for (auto [d, dim] : llvm::enumerate(dims))
      if (failed(verifyDim(what, index, d, term.dims[d], dim)))
        return failure();
    return success();
  }

  LogicalResult verifyDim(StringRef what, size_t index, size_t d,
                          ArrayRef<unsigned> factors, const Dim& dim) {
    // R3.
    int64_t product = 1;
    bool fits = !factors.empty();
    for (unsigned factor : factors) {
      const Dim& size = rule.factors[factor].size;
      if (size.isStatic())
        product *= size.size;
      else
        fits &=
            factors.size() == 1 && !dim.isStatic() && size.isCompatible(dim);
    }
    if (factors.size() != 1 || rule.factors[factors[0]].size.isStatic())
      fits &= dim.isStatic() && product == dim.size;
    if (fits) return success();
    InFlightDiagnostic diagnostic = error() << "whose factors multiply to "
                                            << toString(dim) << " in dimension "
                                            << d << " of " << what << ' '
                                            << index << ", got ";
    if (factors.empty()) diagnostic << "none";
    llvm::interleave(
        factors,
        [&](unsigned factor) {
          diagnostic << '\'' << name(factor)
                     << "' = " << toString(rule.factors[factor].size);
        },
        [&] { diagnostic << ", "; });
    return diagnostic;
  }

  LogicalResult verifyReductions() {
    for (unsigned factor = 0; factor < rule.factors.size(); ++factor) {
      bool read = llvm::any_of(rule.operands, [&](const ShardingTerm& term) {
        return term.contains(factor);
      });
      for (auto [index, term] : llvm::enumerate(rule.results)) {
        auto result = static_cast<unsigned>(index);
        bool reduced = rule.getReduction(result, factor).has_value();
        bool tied = rule.isKeptByTie(result, factor);
        bool needed = read && !term.contains(factor) && !tied &&
                      rule.factors[factor].kind != FactorKind::whole;
        // R4.
        if (needed && !reduced)
          return error() << "that reduces factor '" << name(factor)
                         << "' in result " << result << ", got no reduction";
        if (reduced && !needed)
          return error() << "without a reduction of factor '" << name(factor)
                         << "' in result " << result
                         << ", which keeps it or does not depend on it";
      }
    }
    return success();
  }

  LogicalResult verifyOperandLists() {
    unsigned count = op->getNumOperands();
    for (unsigned operand : rule.addends) {
      if (operand >= count)
        return error() << "with addends below " << count << ", got " << operand;
      // R5.
      if (llvm::none_of(rule.reductions, [&](const ShardingReduction& each) {
            return !rule.operands[operand].contains(each.factor);
          }))
        return error() << "with an addend that lacks a reduced factor, got "
                          "operand "
                       << operand;
    }
    for (const auto& group : rule.linear)
      for (unsigned operand : group) {
        if (operand >= count)
          return error() << "with linear operands below " << count << ", got "
                         << operand;
        // R6.
        if (!isa<FloatType>(elementOf(operand)))
          return error() << "with floats as linear operands, got "
                         << op->getOperand(operand).getType() << " of operand "
                         << operand;
      }
    for (const IndexOperand& index : rule.indices) {
      if (index.operand >= count)
        return error() << "with index operands below " << count << ", got "
                       << index.operand;
      // R8.
      if (!elementOf(index.operand).isInteger(32))
        return error() << "with i32 as index operand, got "
                       << op->getOperand(index.operand).getType()
                       << " of operand " << index.operand;
    }
    return success();
  }

  // The element type of a tensor operand; else its type.
  Type elementOf(unsigned operand) {
    return getElementTypeOrSelf(op->getOperand(operand).getType());
  }

  LogicalResult verifyAttributes() {
    // R7.
    for (const ScaledAttribute& scaled : rule.attributes) {
      auto value = op->getAttrOfType<IntegerAttr>(scaled.name);
      if (!value)
        return error() << "whose attribute '" << scaled.name
                       << "' is an integer of the op, got none";
      const Dim& size = rule.factors[scaled.factor].size;
      if (size.isStatic() && value.getInt() % size.size == 0) continue;
      return error() << "whose attribute '" << scaled.name
                     << "' is a multiple of factor '" << name(scaled.factor)
                     << "', got " << value.getInt() << " and "
                     << toString(size);
    }
    return success();
  }

  LogicalResult verifyRandom() {
    // R9.
    if (!rule.random) return success();
    for (auto [index, term] : llvm::enumerate(rule.results))
      if (!term.contains(rule.random->factor))
        return error() << "with the factor of its random bits in each result, "
                          "got result "
                       << index << " without '" << name(rule.random->factor)
                       << '\'';
    return success();
  }

  LogicalResult verifyElementwise() {
    // R10.
    if (!rule.isElementwise) return success();
    if (rule.results.empty())
      return error() << "with a result of an elementwise op, got none";
    const auto& dims = rule.results.front().dims;
    for (ArrayRef<unsigned> factors : dims)
      if (factors.size() != 1 ||
          rule.factors[factors[0]].kind != FactorKind::parallel)
        return error() << "with dimensions of one parallel factor each of an "
                          "elementwise op, got others";
    auto differs = [&](const ShardingTerm& term) {
      return !term.isSegments && !term.dims.empty() && term.dims != dims;
    };
    if (llvm::any_of(rule.operands, differs) ||
        llvm::any_of(rule.results, differs))
      return error() << "with one list of dimensions of an elementwise op, got "
                        "others";
    return success();
  }

  const ShardingRule& rule;
  Operation* op;
};

}  // namespace

StringRef getReductionName(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::sum:
      return "sum";
    case ReductionKind::max:
      return "max";
    case ReductionKind::norm:
      return "norm";
  }
  return "";
}

StringRef getCoordinateName(RandomCoordinate coordinate) {
  return coordinate == RandomCoordinate::feature ? "feature" : "head";
}

bool ShardingTerm::contains(unsigned factor) const {
  return llvm::any_of(dims, [&](ArrayRef<unsigned> factors) {
    return llvm::is_contained(factors, factor);
  });
}

std::optional<unsigned> ShardingRule::findFactor(StringRef name) const {
  for (auto [index, factor] : llvm::enumerate(factors))
    if (factor.name == name) return static_cast<unsigned>(index);
  return std::nullopt;
}

std::optional<ReductionKind> ShardingRule::getReduction(unsigned result,
                                                        unsigned factor) const {
  for (const ShardingReduction& each : reductions)
    if (each.result == result && each.factor == factor) return each.kind;
  return std::nullopt;
}

bool ShardingRule::areTied(unsigned first, unsigned second) const {
  for (const ShardingTerm& term : operands)
    if (term.isSegments && term.contains(first) && term.contains(second))
      return true;
  for (const IndexOperand& index : indices) {
    const ShardingTerm& rows = operands[index.operand];
    if ((index.factor == first && rows.contains(second)) ||
        (index.factor == second && rows.contains(first)))
      return true;
  }
  return false;
}

bool ShardingRule::isKeptByTie(unsigned result, unsigned factor) const {
  if (factors[factor].kind != FactorKind::segmented) return false;
  for (unsigned other = 0; other < factors.size(); ++other)
    if (other != factor && results[result].contains(other) &&
        areTied(factor, other))
      return true;
  return false;
}

std::optional<unsigned> ShardingRule::getRowFactor() const {
  if (results.empty() || results.front().dims.empty() ||
      results.front().dims.front().size() != 1)
    return std::nullopt;
  unsigned row = results.front().dims.front().front();
  if (factors[row].kind != FactorKind::parallel) return std::nullopt;
  auto isRows = [&](const ShardingTerm& term) {
    return !term.dims.empty() && term.dims.front().size() == 1 &&
           term.dims.front().front() == row;
  };
  if (!llvm::all_of(results, isRows)) return std::nullopt;
  for (const ShardingTerm& term : operands)
    if (term.isSegments || (term.contains(row) && !isRows(term)))
      return std::nullopt;
  return row;
}

LogicalResult verifyShardingRule(const ShardingRule& rule, Operation* op) {
  return Verifier(rule, op).verify();
}

ShardingRule getWholeRule(Operation* op) {
  ShardingRule rule;
  auto addTerms = [&](TypeRange types, SmallVectorImpl<ShardingTerm>& terms) {
    for (Type type : types) {
      ShardingTerm& term = terms.emplace_back();
      term.isSegments = isa<SegmentsType>(type);
      for (const Dim& dim : dimsOf(type)) {
        auto factor = static_cast<unsigned>(rule.factors.size());
        term.dims.push_back({factor});
        rule.factors.push_back(
            {"W" + std::to_string(factor), dim, FactorKind::whole});
      }
    }
  };
  addTerms(op->getOperandTypes(), rule.operands);
  addTerms(op->getResultTypes(), rule.results);
  return rule;
}

ShardingRule getShardingRule(Operation* op) {
  if (auto factors = dyn_cast<ShardingFactorInterface>(op)) {
    ShardingRule rule;
    if (succeeded(factors.buildShardingRule(rule))) return rule;
  }
  return getWholeRule(op);
}

LogicalResult verifyShardingFactors(Operation* op) {
  ShardingRule rule;
  if (failed(cast<ShardingFactorInterface>(op).buildShardingRule(rule)))
    return failure();
  return verifyShardingRule(rule, op);
}

}  // namespace graft
