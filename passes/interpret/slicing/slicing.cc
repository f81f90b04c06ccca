// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/slicing/slicing.h"

#include <cmath>
#include <limits>

#include "passes/interpret/slicing/part.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft::interpret {
namespace {

constexpr double kTolerance = 1e-12;

// The flat index in the whole tensor of each element of a part, in order.
SmallVector<int64_t> positions(const ShardingTerm& term, const Share& whole,
                               const Share& share) {
  SmallVector<int64_t> indices = {0};
  for (const auto& factors : term.dims)
    for (unsigned factor : factors) {
      SmallVector<int64_t> next;
      next.reserve(indices.size() * share[factor].size());
      for (int64_t index : indices)
        for (int64_t i = share[factor].begin; i < share[factor].end; ++i)
          next.push_back(index * whole[factor].size() + i);
      indices = std::move(next);
    }
  return indices;
}

SmallVector<int64_t> shapeOf(const ShardingTerm& term, const Share& share) {
  SmallVector<int64_t> shape;
  for (const auto& factors : term.dims) {
    shape.push_back(1);
    for (unsigned factor : factors) shape.back() *= share[factor].size();
  }
  return shape;
}

double identityOf(ReductionKind kind) {
  return kind == ReductionKind::max ? -std::numeric_limits<double>::infinity()
                                    : 0;
}

class Slicer {
 public:
  Slicer(Operation* op, const ShardingRule& rule, const SlicingInputs& inputs)
      : op(op), rule(rule), inputs(inputs) {}

  FailureOr<SmallVector<std::string>> check() {
    for (unsigned factor = 0; factor < rule.factors.size(); ++factor)
      whole.push_back({0, sizeOf(rule, factor, inputs)});
    FailureOr<SmallVector<Value>> results = runPart(whole, inputs.operands);
    if (failed(results)) return failure();
    wholeResults = std::move(*results);
    SmallVector<std::string> cut;
    for (auto [index, factor] : llvm::enumerate(rule.factors)) {
      if (factor.kind == FactorKind::whole || factor.isRagged()) continue;
      int64_t size = factor.size.size;
      for (int64_t parts : {2, 3})
        if (size >= parts &&
            failed(checkCut({static_cast<unsigned>(index)}, parts)))
          return failure();
      if (size >= 2) cut.push_back(factor.name);
    }
    SmallVector<unsigned> ragged;
    for (auto [index, factor] : llvm::enumerate(rule.factors))
      if (factor.kind != FactorKind::whole && factor.isRagged()) {
        ragged.push_back(static_cast<unsigned>(index));
        cut.push_back(factor.name);
      }
    if (!ragged.empty())
      for (int64_t parts : {2, 3})
        if (failed(checkCut(ragged, parts))) return failure();
    for (const auto& group : rule.linear)
      if (failed(checkLinear(group))) return failure();
    return cut;
  }

 private:
  // The first row of example `example` along a ragged factor.
  int64_t firstRow(unsigned factor, int64_t example) {
    for (auto [index, term] : llvm::enumerate(rule.operands))
      if (term.isSegments && term.contains(factor)) {
        const Segments& segments = inputs.operands[index].segments();
        return term.dims[0][0] == factor
                   ? segments.offsets[static_cast<size_t>(example)]
                   : example;
      }
    StringAttr name = rule.factors[factor].size.name;
    for (auto [index, term] : llvm::enumerate(rule.operands))
      if (term.isSegments && name) {
        auto type = cast<SegmentsType>(op->getOperand(index).getType());
        if (type.getTokens() == name)
          return inputs.operands[index].segments().offsets[example];
        if (type.getSequences() == name) return example;
      }
    return example * whole[factor].size() / kExamples;
  }

  Share makeShare(ArrayRef<unsigned> factors, int64_t parts, int64_t part) {
    Share share = whole;
    for (unsigned factor : factors) {
      auto bound = [&](int64_t number) {
        if (rule.factors[factor].isRagged())
          return firstRow(factor, kExamples * number / parts);
        return whole[factor].size() * number / parts;
      };
      share[factor] = {bound(part), bound(part + 1)};
    }
    return share;
  }

  // Whether an addend counts in another part than the first of a cut.
  std::optional<ReductionKind> getOnceKind(unsigned operand,
                                           ArrayRef<unsigned> factors) {
    if (!llvm::is_contained(rule.addends, operand)) return std::nullopt;
    for (const ShardingReduction& each : rule.reductions)
      if (llvm::is_contained(factors, each.factor) &&
          !rule.operands[operand].contains(each.factor))
        return each.kind;
    return std::nullopt;
  }

  Value sliceOperand(unsigned operand, const Share& share,
                     ArrayRef<unsigned> factors, int64_t part) {
    const ShardingTerm& term = rule.operands[operand];
    const Value& value = inputs.operands[operand];
    if (term.isSegments) return sliceSegments(value.segments(), term, share);
    Tensor slice(shapeOf(term, share), value.tensor().kind);
    for (auto [to, from] :
         llvm::zip_equal(slice.values, positions(term, whole, share)))
      to = value.tensor().values[static_cast<size_t>(from)];
    for (const IndexOperand& index : rule.indices)
      if (index.operand == operand)
        for (double& element : slice.values)
          element -= static_cast<double>(share[index.factor].begin);
    if (std::optional<ReductionKind> kind = getOnceKind(operand, factors);
        kind && part > 0)
      llvm::fill(slice.values, identityOf(*kind));
    return Value(std::move(slice));
  }

  static Value sliceSegments(const Segments& segments, const ShardingTerm& term,
                             const Share& share) {
    Range sequences = share[term.dims[1][0]];
    Segments slice;
    for (int64_t s = sequences.begin; s < sequences.end; ++s)
      slice.ordinals.push_back(segments.ordinals[static_cast<size_t>(s)]);
    for (int64_t s = sequences.begin; s <= sequences.end; ++s)
      slice.offsets.push_back(
          segments.offsets[static_cast<size_t>(s)] -
          segments.offsets[static_cast<size_t>(sequences.begin)]);
    return Value(std::move(slice));
  }

  FailureOr<SmallVector<Value>> runPart(const Share& share,
                                        ArrayRef<Value> operands) {
    Part piece = isolate(op, rule, whole, share);
    RandomState random = inputs.random;
    if (rule.random) {
      auto first = static_cast<uint32_t>(share[rule.random->factor].begin);
      (rule.random->coordinate == RandomCoordinate::head
           ? random.firstHead
           : random.firstFeature) = first;
    }
    llvm::StringMap<int64_t> sizes = inputs.sizes;
    for (auto [factor, range] : llvm::zip(rule.factors, share))
      if (factor.size.name) sizes[factor.size.name] = range.size();
    return run(piece, operands, random, sizes);
  }

  LogicalResult checkCut(ArrayRef<unsigned> factors, int64_t parts) {
    SmallVector<Tensor> combined;
    for (const Value& result : wholeResults) {
      combined.push_back(result.tensor());
      llvm::fill(combined.back().values,
                 std::numeric_limits<double>::quiet_NaN());
    }
    for (int64_t part = 0; part < parts; ++part) {
      Share share = makeShare(factors, parts, part);
      SmallVector<Value> operands;
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        operands.push_back(sliceOperand(i, share, factors, part));
      FailureOr<SmallVector<Value>> results = runPart(share, operands);
      if (failed(results)) return failure();
      for (auto [index, result] : llvm::enumerate(*results))
        combine(static_cast<unsigned>(index), result.tensor(), share, factors,
                part, combined[index]);
    }
    for (auto [index, result] : llvm::enumerate(combined))
      if (failed(compare(static_cast<unsigned>(index), result,
                         wholeResults[index].tensor(), [&](auto& error) {
                           error << "the whole from " << parts
                                 << " parts along '";
                           llvm::interleave(
                               factors, error,
                               [&](unsigned factor) {
                                 error << rule.factors[factor].name;
                               },
                               "', '");
                           error << "'";
                         })))
        return failure();
    return success();
  }

  // Puts one part's result where it belongs in that of the whole.
  void combine(unsigned result, const Tensor& part, const Share& share,
               ArrayRef<unsigned> factors, int64_t number, Tensor& combined) {
    std::optional<ReductionKind> kind;
    for (unsigned factor : factors)
      if (!kind) kind = rule.getReduction(result, factor);
    for (auto [from, index] : llvm::zip_equal(
             part.values, positions(rule.results[result], whole, share))) {
      double& to = combined.values[static_cast<size_t>(index)];
      if (!kind || number == 0)
        to = from;
      else if (*kind == ReductionKind::sum)
        to += from;
      else if (*kind == ReductionKind::max)
        to = std::max(to, from);
      else
        to = std::hypot(to, from);
    }
  }

  template <typename What>
  LogicalResult compare(unsigned result, const Tensor& got, const Tensor& want,
                        What what) {
    for (auto [index, x, y] : llvm::enumerate(got.values, want.values)) {
      if (std::abs(x - y) <= kTolerance * (1 + std::abs(y))) continue;
      InFlightDiagnostic error = op->emitOpError("expects ");
      what(error);
      std::string values;
      llvm::raw_string_ostream(values) << y << ", got " << x;
      error << ", element " << index << " of result " << result << " = "
            << values;
      return error;
    }
    return success();
  }

  // f(2 x - 3 y) = 2 f(x) - 3 f(y) in the operands of `group`.
  LogicalResult checkLinear(ArrayRef<unsigned> group) {
    SmallVector<Value> other = inputs.operands, mixed = inputs.operands;
    for (unsigned operand : group) {
      Tensor y = inputs.operands[operand].tensor(), mix = y;
      for (size_t i = 0; i < y.values.size(); ++i) {
        double x = y.values[i];
        y.values[i] =
            static_cast<double>(SplitMix64(i + 100 * operand) >> 11) * 0x1p-53 -
            0.5;
        mix.values[i] = 2 * x - 3 * y.values[i];
      }
      other[operand] = Value(std::move(y));
      mixed[operand] = Value(std::move(mix));
    }
    FailureOr<SmallVector<Value>> second = runPart(whole, other);
    FailureOr<SmallVector<Value>> both = runPart(whole, mixed);
    if (failed(second) || failed(both)) return failure();
    for (auto [index, first] : llvm::enumerate(wholeResults)) {
      Tensor want = first.tensor();
      for (auto [x, y] :
           llvm::zip_equal(want.values, (*second)[index].tensor().values))
        x = 2 * x - 3 * y;
      if (failed(compare(static_cast<unsigned>(index), (*both)[index].tensor(),
                         want, [&](auto& error) {
                           error << "to be linear in operands ";
                           llvm::interleave(group, error, "+");
                         })))
        return failure();
    }
    return success();
  }

  Operation* op;
  const ShardingRule& rule;
  const SlicingInputs& inputs;
  Share whole;
  SmallVector<Value> wholeResults;
};

}  // namespace

FailureOr<SmallVector<std::string>> checkSlicing(Operation* op,
                                                 const ShardingRule& rule,
                                                 const SlicingInputs& inputs) {
  return Slicer(op, rule, inputs).check();
}

}  // namespace graft::interpret
