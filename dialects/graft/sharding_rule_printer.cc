// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The printer of the short form of sharding rules.

#include "dialects/graft/sharding_rule.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft {
namespace {

class Printer {
 public:
  Printer(const ShardingRule& rule, llvm::raw_ostream& os)
      : rule(rule), os(os) {}

  void print() {
    printTerms(rule.operands);
    os << "->";
    printTerms(rule.results);
    printSizes();
    for (const ScaledAttribute& scaled : rule.attributes)
      if (!scaled.isSize)
        os << "; " << scaled.name << " ~ " << name(scaled.factor);
    SmallVector<StringRef> segmented;
    for (const ShardingFactor& factor : rule.factors)
      if (factor.kind == FactorKind::segmented)
        segmented.push_back(factor.name);
    if (!segmented.empty()) os << "; segmented " << llvm::join(segmented, " ");
    if (!rule.reductions.empty() &&
        rule.reductions.front().kind != ReductionKind::sum)
      os << "; " << getReductionName(rule.reductions.front().kind);
    printOperands();
    if (rule.random)
      os << "; random " << getCoordinateName(rule.random->coordinate) << ' '
         << name(rule.random->factor);
    if (rule.isElementwise) os << "; elementwise";
  }

 private:
  StringRef name(unsigned factor) { return rule.factors[factor].name; }

  void printTerms(ArrayRef<ShardingTerm> terms) {
    llvm::interleave(
        terms, os,
        [&](const ShardingTerm& term) {
          if (term.dims.empty()) os << '-';
          for (const auto& factors : term.dims) {
            if (factors.size() > 1) os << '(';
            for (unsigned factor : factors) os << name(factor);
            if (factors.size() > 1) os << ')';
          }
        },
        ",");
  }

  // Sizes that attributes give, and those of factors that are never a dimension
  // of their own.
  void printSizes() {
    for (auto [index, factor] : llvm::enumerate(rule.factors)) {
      const ScaledAttribute* source = nullptr;
      for (const ScaledAttribute& scaled : rule.attributes)
        if (scaled.isSize && scaled.factor == index) source = &scaled;
      auto isAlone = [&](const ShardingTerm& term) {
        return llvm::any_of(term.dims, [&](const auto& factors) {
          return factors.size() == 1 && factors[0] == index;
        });
      };
      if (source)
        os << "; " << factor.name << " = " << source->name;
      else if (!llvm::any_of(rule.operands, isAlone) &&
               !llvm::any_of(rule.results, isAlone))
        os << "; " << factor.name << " = " << factor.size.size;
    }
  }

  void printOperands() {
    if (!rule.addends.empty()) {
      os << "; addend ";
      llvm::interleave(rule.addends, os, " ");
    }
    if (!rule.linear.empty()) os << "; linear";
    for (const auto& group : rule.linear) {
      os << ' ';
      llvm::interleave(group, os, "+");
    }
    for (const IndexOperand& index : rule.indices)
      os << "; index " << index.operand << ' ' << name(index.factor);
  }

  const ShardingRule& rule;
  llvm::raw_ostream& os;
};

}  // namespace

void ShardingRule::print(llvm::raw_ostream& os) const {
  Printer(*this, os).print();
}

}  // namespace graft
