// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Layers: matrix products, normalisation, softmax, dropout, pooling, GELU.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/reference/util.h"

using namespace mlir;

namespace graft::interpret {

void softmaxRow(const double* input, double* output, int64_t count, bool log) {
  double largest = *std::max_element(input, input + count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(input[i] - largest);
  double logSum = std::log(sum);
  for (int64_t i = 0; i < count; ++i)
    output[i] =
        log ? input[i] - largest - logSum : std::exp(input[i] - largest) / sum;
}

RowStatistics rowStatistics(const double* row, int64_t count, double epsilon) {
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < count; ++i) mean += row[i];
  mean /= static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i)
    variance += (row[i] - mean) * (row[i] - mean);
  variance /= static_cast<double>(count);
  return {mean, 1 / std::sqrt(variance + epsilon)};
}

// The key of an op, of a call that is not deterministic.
static PhiloxKey keyOf(const RandomPlace& place, int64_t id, int64_t draw) {
  return RandomOpKey(place.state.seed, static_cast<uint16_t>(place.state.phase),
                     static_cast<uint16_t>(draw + place.drawOffset),
                     static_cast<uint32_t>(id + place.idOffset));
}

Dropout::Dropout(const RandomPlace& place, double rate, int64_t id,
                 int64_t draw)
    : active(rate > 0 && !place.deterministic), step(place.state.step) {
  if (!active) return;
  threshold = DropoutThreshold(rate);
  key = keyOf(place, id, draw);
}

void Dropout::apply(double* row, int64_t count, int64_t head, int64_t position,
                    int64_t example, int64_t first) const {
  if (!active) return;
  std::vector<uint8_t> mask(static_cast<size_t>(first + count));
  DropoutRow(key,
             {static_cast<uint32_t>(head), static_cast<uint32_t>(position),
              static_cast<uint32_t>(example), step},
             threshold, first + count, mask.data());
  double scale = DropoutScale(threshold);
  for (int64_t i = 0; i < count; ++i)
    row[i] = mask[static_cast<size_t>(first + i)] ? row[i] * scale : 0;
}

namespace {

// output[i][j] += sum_k lhs(i, k) rhs(k, j), where a flag swaps the indices of
// a side. The order of the loops keeps the innermost one contiguous except for
// a transposed right side.
void multiply(const Tensor& lhs, const Tensor& rhs, bool transposeLhs,
              bool transposeRhs, Tensor& output) {
  int64_t depth = transposeLhs ? lhs.rows() : lhs.columns();
  for (int64_t i = 0; i < output.rows(); ++i) {
    double* out = output.row(i);
    if (transposeRhs) {
      for (int64_t j = 0; j < output.columns(); ++j)
        for (int64_t k = 0; k < depth; ++k)
          out[j] +=
              (transposeLhs ? lhs.row(k)[i] : lhs.row(i)[k]) * rhs.row(j)[k];
      continue;
    }
    for (int64_t k = 0; k < depth; ++k) {
      double factor = transposeLhs ? lhs.row(k)[i] : lhs.row(i)[k];
      for (int64_t j = 0; j < output.columns(); ++j)
        out[j] += factor * rhs.row(k)[j];
    }
  }
}

LogicalResult linear(OpCall& call) {
  Tensor& output = call.result();
  if (call.numOperands() == 3)
    for (int64_t i = 0; i < output.rows(); ++i)
      llvm::copy(call.tensor(2).values, output.row(i));
  multiply(call.tensor(0), call.tensor(1), false, true, output);
  return success();
}

LogicalResult matmul(OpCall& call) {
  auto op = call.as<MatmulOp>();
  multiply(call.tensor(0), call.tensor(1), op.getTransposeLhs(),
           op.getTransposeRhs(), call.result());
  return success();
}

LogicalResult positions(OpCall& call) {
  const Segments& segments = call.segments(0);
  for (int64_t s = 0; s < segments.sequences(); ++s)
    for (int64_t t = segments.begin(s); t < segments.end(s); ++t)
      call.result().values[static_cast<size_t>(t)] =
          static_cast<double>(t - segments.begin(s));
  return success();
}

LogicalResult layerNorm(OpCall& call) {
  const Tensor& input = call.tensor(0);
  double epsilon = call.as<LayerNormOp>().getEpsilon().convertToDouble();
  for (int64_t i = 0; i < input.rows(); ++i) {
    RowStatistics row = rowStatistics(input.row(i), input.columns(), epsilon);
    for (int64_t j = 0; j < input.columns(); ++j)
      call.result().row(i)[j] =
          (input.row(i)[j] - row.mean) * row.scale * call.tensor(1).values[j] +
          call.tensor(2).values[j];
  }
  return success();
}

// Calls `body` with each row, its position in its example and the ordinal of
// that. `rows`, a dimension of `count`, are the tokens or the sequences.
void forEachRow(const Segments& segments, SegmentsType type, Dim rows,
                int64_t count,
                llvm::function_ref<void(int64_t, int64_t, int64_t)> body) {
  bool perToken =
      rows.name ? rows.name == type.getTokens() : count == segments.tokens();
  for (int64_t s = 0; s < segments.sequences(); ++s) {
    int64_t example = segments.ordinals[static_cast<size_t>(s)];
    if (!perToken) {
      body(s, 0, example);
      continue;
    }
    for (int64_t t = segments.begin(s); t < segments.end(s); ++t)
      body(t, t - segments.begin(s), example);
  }
}

LogicalResult dropout(OpCall& call) {
  auto op = call.as<DropoutOp>();
  Tensor& output = call.result();
  output.values = call.tensor(0).values;
  Dropout mask(call.getRandom(), op.getRate().convertToDouble(),
               static_cast<int64_t>(op.getRandomId()),
               static_cast<int64_t>(op.getDraw()));
  int64_t first = call.getRandom().state.firstFeature;
  forEachRow(call.segments(1), op.getSegments().getType(),
             getDim(op.getInput().getType(), 0), output.rows(),
             [&](int64_t row, int64_t position, int64_t example) {
               mask.apply(output.row(row), output.columns(), 0, position,
                          example, first);
             });
  return success();
}

LogicalResult uniform(OpCall& call) {
  auto op = call.as<UniformOp>();
  const RandomPlace& place = call.getRandom();
  if (place.deterministic)
    return op.emitOpError("expects a call that is not deterministic");
  const PhiloxKey key = keyOf(place, static_cast<int64_t>(op.getRandomId()),
                              static_cast<int64_t>(op.getDraw()));
  Tensor& output = call.result();
  const auto type = cast<RankedTensorType>(op.getOutput().getType());
  const int64_t width = type.getRank() > 1 ? output.columns() : 1;
  const auto count = static_cast<int64_t>(output.values.size()) / width;
  forEachRow(call.segments(0), cast<SegmentsType>(op.getSegments().getType()),
             getDim(type, 0), count,
             [&](int64_t row, int64_t position, int64_t example) {
               const DropoutRowId id = {0, static_cast<uint32_t>(position),
                                        static_cast<uint32_t>(example),
                                        place.state.step};
               for (int64_t e = 0; e < width; ++e)
                 output.values[static_cast<size_t>(row * width + e)] =
                     UniformElement(key, id, place.state.firstFeature + e);
             });
  return success();
}

LogicalResult softmax(OpCall& call) {
  const Tensor& input = call.tensor(0);
  for (int64_t i = 0; i < input.rows(); ++i)
    softmaxRow(input.row(i), call.result().row(i), input.columns(),
               call.as<SoftmaxOp>().getLog());
  return success();
}

LogicalResult segmentPool(OpCall& call) {
  const Tensor& input = call.tensor(0);
  const Segments& segments = call.segments(1);
  PoolKind kind = call.as<SegmentPoolOp>().getKind();
  for (int64_t s = 0; s < segments.sequences(); ++s) {
    double* out = call.result().row(s);
    std::copy_n(input.row(segments.begin(s)), input.columns(), out);
    if (kind == PoolKind::first) continue;
    for (int64_t t = segments.begin(s) + 1; t < segments.end(s); ++t)
      for (int64_t j = 0; j < input.columns(); ++j)
        out[j] = kind == PoolKind::max ? std::max(out[j], input.row(t)[j])
                                       : out[j] + input.row(t)[j];
    if (kind == PoolKind::mean)
      for (int64_t j = 0; j < input.columns(); ++j)
        out[j] /= static_cast<double>(segments.length(s));
  }
  return success();
}

LogicalResult gelu(OpCall& call) {
  bool exact = call.as<GeluOp>().getForm() == GeluForm::erf;
  const double inner = std::sqrt(2 / std::numbers::pi);
  llvm::transform(
      call.tensor(0).values, call.result().values.begin(), [&](double x) {
        if (exact) return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
        return 0.5 * x * (1 + std::tanh(inner * (x + 0.044715 * x * x * x)));
      });
  return success();
}

}  // namespace

void populateNnReferences(References& references) {
  references["graft.linear"] = linear;
  references["graft.matmul"] = matmul;
  references["graft.positions"] = positions;
  references["graft.layer_norm"] = layerNorm;
  references["graft.dropout"] = dropout;
  references["graft.uniform"] = uniform;
  references["graft.softmax"] = softmax;
  references["graft.segment_pool"] = segmentPool;
  references["graft.gelu"] = gelu;
}

}  // namespace graft::interpret
