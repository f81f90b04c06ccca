// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <cmath>

#include "passes/interpret/random_inputs.h"
#include "passes/interpret/slicing/part.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft::interpret {
namespace {

constexpr int32_t kLengths[] = {3, 1, 4, 2, 6};
constexpr int64_t kRows = 9;  // of named sizes that no segments bind

bool areFinite(ArrayRef<Value> values) {
  return llvm::all_of(values, [](const Value& value) {
    return llvm::all_of(value.tensor().values,
                        [](double element) { return std::isfinite(element); });
  });
}

// Sets the rows of index operands to positions in their own example.
void placeIndices(Operation* op, const ShardingRule& rule, uint64_t seed,
                  SlicingInputs& inputs) {
  for (const IndexOperand& index : rule.indices) {
    Tensor rows = inputs.operands[index.operand].tensor();
    int64_t count = rows.size();
    int64_t targets = sizeOf(rule, index.factor, inputs);
    for (int64_t e = 0; e < kExamples; ++e) {
      int64_t first = e * targets / kExamples;
      int64_t size = (e + 1) * targets / kExamples - first;
      for (int64_t p = e * count / kExamples; p < (e + 1) * count / kExamples;
           ++p)
        rows.values[static_cast<size_t>(p)] = static_cast<double>(
            first + static_cast<int64_t>(SplitMix64(seed + p) %
                                         static_cast<uint64_t>(size)));
    }
    inputs.operands[index.operand] = Value(std::move(rows));
  }
}

}  // namespace

FailureOr<SlicingInputs> makeSlicingInputs(Operation* op,
                                           const ShardingRule& rule,
                                           uint64_t seed) {
  Share share;
  for (const ShardingFactor& factor : rule.factors)
    share.push_back({0, factor.size.size});
  Part part = isolate(op, rule, share, share);
  RandomInputOptions options;
  options.seed = seed;
  options.lengths.assign(std::begin(kLengths), std::end(kLengths));
  SlicingInputs inputs;
  inputs.random = {seed, 7, 1};
  for (const ShardingFactor& factor : rule.factors)
    if (factor.size.name) inputs.sizes[factor.size.name] = kRows;
  for (Type type : op->getOperandTypes())
    if (auto segments = dyn_cast<SegmentsType>(type)) {
      inputs.sizes[segments.getTokens()] = 0;
      for (int32_t length : kLengths)
        inputs.sizes[segments.getTokens()] += length;
      inputs.sizes[segments.getSequences()] = kExamples;
    }
  options.sizes = inputs.sizes;
  auto arguments = makeRandomInputs(part.function, options);
  if (failed(arguments)) return failure();
  arguments->truncate(op->getNumOperands());
  inputs.operands = std::move(*arguments);
  placeIndices(op, rule, seed, inputs);
  FailureOr<SmallVector<Value>> results =
      run(part, inputs.operands, inputs.random, inputs.sizes);
  if (failed(results)) return failure();
  if (areFinite(*results)) return inputs;
  for (Value& operand : inputs.operands) {
    if (!operand.isTensor()) continue;
    Tensor positive = operand.tensor();
    for (double& element : positive.values) element = std::abs(element);
    operand = Value(std::move(positive));
  }
  results = run(part, inputs.operands, inputs.random, inputs.sizes);
  if (failed(results)) return failure();
  if (areFinite(*results)) return inputs;
  return op->emitOpError("expects finite results of positive operands"),
         failure();
}

}  // namespace graft::interpret
