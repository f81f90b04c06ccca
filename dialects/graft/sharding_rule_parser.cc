// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The parser of the short form of sharding rules.

#include "dialects/graft/sharding_rule.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft {
namespace {

class Parser {
 public:
  Parser(StringRef form, Operation* op, ShardingRule& rule)
      : form(form), op(op), rule(rule) {}

  LogicalResult parse() {
    SmallVector<StringRef> parts;
    form.split(parts, ';');
    if (failed(parseTerms(parts.front()))) return failure();
    for (StringRef clause : ArrayRef(parts).drop_front())
      if (failed(parseClause(clause.trim()))) return failure();
    if (failed(inferSizes())) return failure();
    addReductions();
    return success();
  }

 private:
  InFlightDiagnostic error() {
    return op->emitOpError("expects the sharding rule '")
           << form << "' to have ";
  }

  // The factor of this name, made when it is new.
  unsigned factor(StringRef name) {
    if (std::optional<unsigned> known = rule.findFactor(name)) return *known;
    rule.factors.push_back({name.str(), Dim{kUnknown, nullptr},
                            llvm::isUpper(name.front())
                                ? FactorKind::whole
                                : FactorKind::parallel});
    return static_cast<unsigned>(rule.factors.size() - 1);
  }

  LogicalResult parseTerms(StringRef text) {
    size_t arrow = text.find("->");
    if (arrow == StringRef::npos)
      return error() << "'->' between operands and results";
    SmallVector<StringRef> left = split(text.take_front(arrow));
    SmallVector<StringRef> right = split(text.drop_front(arrow + 2));
    if (left.empty() && op->getNumOperands() > 0)
      return error() << "a term for each operand, got none";
    if (right.size() != op->getNumResults())
      return error() << "a term for each of " << op->getNumResults()
                     << " results, got " << right.size();
    for (auto [index, operand] : llvm::enumerate(op->getOperands()))
      if (failed(parseTerm(left[std::min<size_t>(index, left.size() - 1)],
                           operand.getType(), rule.operands)))
        return failure();
    for (auto [index, result] : llvm::enumerate(op->getResults()))
      if (failed(parseTerm(right[index], result.getType(), rule.results)))
        return failure();
    auto isPlain = [](StringRef term) { return term == "*" || term == "-"; };
    rule.isElementwise = llvm::is_contained(left, "*") &&
                         llvm::all_of(left, isPlain) &&
                         llvm::all_of(right, isPlain);
    return success();
  }

  static SmallVector<StringRef> split(StringRef text) {
    SmallVector<StringRef> terms;
    text = text.trim();
    if (text.empty()) return terms;
    text.split(terms, ',');
    for (StringRef& term : terms) term = term.trim();
    return terms;
  }

  // A letter and its digits at the front of `text`; empty if there is none.
  static StringRef takeName(StringRef& text) {
    if (text.empty() || !llvm::isAlpha(text.front())) return {};
    StringRef name =
        text.take_front(1 + text.drop_front().take_while(llvm::isDigit).size());
    text = text.drop_front(name.size());
    return name;
  }

  LogicalResult parseTerm(StringRef text, Type type,
                          SmallVectorImpl<ShardingTerm>& terms) {
    StringRef whole = text;
    ShardingTerm term;
    term.isSegments = isa<SegmentsType>(type);
    auto tensor = dyn_cast<RankedTensorType>(type);
    int64_t rank = tensor ? tensor.getRank() : 0;
    auto addLeading = [&](StringRef stem, int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        term.dims.push_back({factor((stem + Twine(i)).str())});
    };
    if (text == "*") {
      addLeading("d", rank);
    } else if (text != "-") {
      bool leading = text.consume_front("...");
      while (!text.empty()) {
        bool compound = text.consume_front("(");
        SmallVector<unsigned, 2>& dim = term.dims.emplace_back();
        do {
          StringRef name = takeName(text);
          if (name.empty())
            return error() << "names of factors in term '" << whole << '\'';
          dim.push_back(factor(name));
        } while (compound && !text.consume_front(")"));
      }
      if (leading) {
        auto last = std::move(term.dims);
        term.dims.clear();
        addLeading("r", rank - static_cast<int64_t>(last.size()));
        llvm::append_range(term.dims, last);
      }
    }
    terms.push_back(std::move(term));
    return success();
  }

  LogicalResult parseClause(StringRef clause) {
    SmallVector<StringRef> words;
    clause.split(words, ' ', -1, /*KeepEmpty=*/false);
    if (words.empty()) return error() << "no empty clause";
    if (words.size() == 3 && words[1] == "=") return parseSize(words);
    if (words.size() == 3 && words[1] == "~") {
      std::optional<unsigned> known = rule.findFactor(words[2]);
      if (!known) return unknown(words[2]);
      rule.attributes.push_back({words[0].str(), *known});
      return success();
    }
    ArrayRef<StringRef> rest = ArrayRef(words).drop_front();
    if (clause == "elementwise") {
      rule.isElementwise = true;
      return success();
    }
    if (words[0] == "segmented") return parseSegmented(rest);
    if (words[0] == "addend") return parseAddends(rest);
    if (words[0] == "linear") return parseLinear(rest);
    if (words[0] == "index" && rest.size() == 2) return parseIndex(rest);
    if (words[0] == "random" && rest.size() == 2) return parseRandom(rest);
    for (ReductionKind kind :
         {ReductionKind::sum, ReductionKind::max, ReductionKind::norm})
      if (clause == getReductionName(kind)) {
        reduction = kind;
        return success();
      }
    return error() << "known clauses, got '" << clause << '\'';
  }

  LogicalResult unknown(StringRef name) {
    return error() << "factor '" << name << "' in a term";
  }

  LogicalResult parseSize(ArrayRef<StringRef> words) {
    std::optional<unsigned> known = rule.findFactor(words[0]);
    if (!known) return unknown(words[0]);
    int64_t size;
    if (words[2].getAsInteger(10, size)) {
      auto value = op->getAttrOfType<IntegerAttr>(words[2]);
      if (!value)
        return error() << "an integer attribute as size, got '" << words[2]
                       << '\'';
      size = value.getInt();
      rule.attributes.push_back({words[2].str(), *known, /*isSize=*/true});
    }
    if (size <= 0) return error() << "positive sizes, got " << size;
    rule.factors[*known].size = {size, nullptr};
    return success();
  }

  LogicalResult parseSegmented(ArrayRef<StringRef> names) {
    for (StringRef name : names) {
      std::optional<unsigned> known = rule.findFactor(name);
      if (!known) return unknown(name);
      if (rule.factors[*known].kind == FactorKind::whole)
        return error() << "segmented factors in lower case, got '" << name
                       << '\'';
      rule.factors[*known].kind = FactorKind::segmented;
    }
    return success();
  }

  // The number of an operand; those of absent operands are left out of `list`.
  LogicalResult parseOperand(StringRef text, SmallVectorImpl<unsigned>& list) {
    unsigned operand;
    if (text.getAsInteger(10, operand))
      return error() << "numbers of operands, got '" << text << '\'';
    if (operand < op->getNumOperands()) list.push_back(operand);
    return success();
  }

  LogicalResult parseAddends(ArrayRef<StringRef> words) {
    if (words.size() == 1 && words[0] == "all") {
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        rule.addends.push_back(i);
      return success();
    }
    for (StringRef word : words)
      if (failed(parseOperand(word, rule.addends))) return failure();
    return success();
  }

  LogicalResult parseLinear(ArrayRef<StringRef> words) {
    for (StringRef word : words) {
      SmallVector<StringRef> operands;
      word.split(operands, '+');
      SmallVector<unsigned> group;
      for (StringRef operand : operands)
        if (failed(parseOperand(operand, group))) return failure();
      if (!group.empty()) rule.linear.push_back(std::move(group));
    }
    return success();
  }

  LogicalResult parseIndex(ArrayRef<StringRef> words) {
    std::optional<unsigned> known = rule.findFactor(words[1]);
    if (!known) return unknown(words[1]);
    SmallVector<unsigned> operand;
    if (failed(parseOperand(words[0], operand))) return failure();
    if (!operand.empty()) rule.indices.push_back({operand[0], *known});
    return success();
  }

  LogicalResult parseRandom(ArrayRef<StringRef> words) {
    std::optional<unsigned> known = rule.findFactor(words[1]);
    if (!known) return unknown(words[1]);
    for (RandomCoordinate coordinate :
         {RandomCoordinate::feature, RandomCoordinate::head})
      if (words[0] == getCoordinateName(coordinate)) {
        rule.random = RandomShift{coordinate, *known};
        return success();
      }
    return error() << "'feature' or 'head' as random coordinate, got '"
                   << words[0] << '\'';
  }

  // Calls `body(dimension, factors)` for each dimension of each term that has
  // as many dimensions as its value.
  template <typename Body>
  void forEachDim(Body body) {
    auto visit = [&](const ShardingTerm& term, Type type) {
      SmallVector<Dim> dims;
      if (auto segments = dyn_cast<SegmentsType>(type))
        dims = {getNamedDim(segments.getTokens()),
                getNamedDim(segments.getSequences())};
      else if (auto tensor = dyn_cast<RankedTensorType>(type))
        dims = getDims(tensor);
      if (dims.size() != term.dims.size()) return;  // The verifier reports it.
      for (auto [dim, factors] : llvm::zip(dims, term.dims)) body(dim, factors);
    };
    for (auto [term, type] : llvm::zip(rule.operands, op->getOperandTypes()))
      visit(term, type);
    for (auto [term, type] : llvm::zip(rule.results, op->getResultTypes()))
      visit(term, type);
  }

  bool isUnknown(unsigned factor) const {
    return rule.factors[factor].size.size == kUnknown;
  }

  LogicalResult inferSizes() {
    forEachDim([&](const Dim& dim, ArrayRef<unsigned> factors) {
      if (factors.size() != 1) return;
      Dim& size = rule.factors[factors[0]].size;
      // A dynamic dimension may have its name in one type and none in another.
      if (isUnknown(factors[0]) || (!size.isStatic() && !size.name)) size = dim;
    });
    forEachDim([&](const Dim& dim, ArrayRef<unsigned> factors) {
      if (factors.size() == 1 || !dim.isStatic()) return;
      int64_t rest = dim.size;
      std::optional<unsigned> open;
      for (unsigned factor : factors) {
        const Dim& size = rule.factors[factor].size;
        if (isUnknown(factor)) {
          if (open) return;
          open = factor;
        } else if (!size.isStatic() || size.size == 0) {
          return;  // The verifier reports it.
        } else {
          rest /= size.size;
        }
      }
      if (open) rule.factors[*open].size = {rest, nullptr};
    });
    for (const ShardingFactor& factor : rule.factors)
      if (factor.size.size == kUnknown)
        return error() << "the size of factor '" << factor.name << '\'';
    return success();
  }

  void addReductions() {
    for (unsigned factor = 0; factor < rule.factors.size(); ++factor) {
      if (rule.factors[factor].kind == FactorKind::whole ||
          llvm::none_of(rule.operands, [&](const ShardingTerm& term) {
            return term.contains(factor);
          }))
        continue;
      for (unsigned result = 0; result < rule.results.size(); ++result)
        if (!rule.results[result].contains(factor) &&
            !rule.isKeptByTie(result, factor))
          rule.reductions.push_back({result, factor, reduction});
    }
  }

  static constexpr int64_t kUnknown = -1;

  StringRef form;
  Operation* op;
  ShardingRule& rule;
  ReductionKind reduction = ReductionKind::sum;
};

}  // namespace

LogicalResult parseShardingRule(StringRef form, Operation* op,
                                ShardingRule& rule) {
  return Parser(form, op, rule).parse();
}

}  // namespace graft
