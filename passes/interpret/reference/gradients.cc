// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients that are ops of their own, apart from those of attention,
// embedding and losses, which stand beside their forward op.

#include <cmath>
#include <numbers>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/reference/util.h"

using namespace mlir;

namespace graft::interpret {
namespace {

LogicalResult layerNormGradient(OpCall& call) {
  const Tensor& gradient = call.tensor(0);
  const Tensor& input = call.tensor(1);
  const Tensor& scale = call.tensor(2);
  double epsilon =
      call.as<LayerNormGradientOp>().getEpsilon().convertToDouble();
  int64_t width = input.columns();
  for (int64_t i = 0; i < input.rows(); ++i) {
    RowStatistics row = rowStatistics(input.row(i), width, epsilon);
    double meanG = 0, meanGN = 0;
    for (int64_t j = 0; j < width; ++j) {
      double dy = gradient.row(i)[j];
      double n = (input.row(i)[j] - row.mean) * row.scale;
      meanG += dy * scale.values[j];
      meanGN += dy * scale.values[j] * n;
      call.result(1).values[j] += dy * n;
      call.result(2).values[j] += dy;
    }
    meanG /= static_cast<double>(width);
    meanGN /= static_cast<double>(width);
    for (int64_t j = 0; j < width; ++j) {
      double n = (input.row(i)[j] - row.mean) * row.scale;
      call.result(0).row(i)[j] =
          (gradient.row(i)[j] * scale.values[j] - meanG - n * meanGN) *
          row.scale;
    }
  }
  return success();
}

LogicalResult softmaxGradient(OpCall& call) {
  const Tensor& gradient = call.tensor(0);
  const Tensor& output = call.tensor(1);
  bool log = call.as<SoftmaxGradientOp>().getLog();
  for (int64_t i = 0; i < gradient.rows(); ++i) {
    const double* dy = gradient.row(i);
    const double* y = output.row(i);
    double sum = 0;
    for (int64_t j = 0; j < gradient.columns(); ++j)
      sum += log ? dy[j] : dy[j] * y[j];
    for (int64_t j = 0; j < gradient.columns(); ++j)
      call.result().row(i)[j] =
          log ? dy[j] - std::exp(y[j]) * sum : y[j] * (dy[j] - sum);
  }
  return success();
}

// d/dx of x Phi(x).
double geluErfDerivative(double x) {
  double cumulative = 0.5 * (1 + std::erf(x / std::numbers::sqrt2));
  double density = std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
  return cumulative + x * density;
}

double geluTanhDerivative(double x) {
  const double inner = std::sqrt(2 / std::numbers::pi);
  double t = std::tanh(inner * (x + 0.044715 * x * x * x));
  double dInner = inner * (1 + 3 * 0.044715 * x * x);
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * dInner;
}

LogicalResult geluGradient(OpCall& call) {
  bool exact = call.as<GeluGradientOp>().getForm() == GeluForm::erf;
  for (size_t i = 0; i < call.tensor(0).values.size(); ++i) {
    double x = call.tensor(1).values[i];
    call.result().values[i] =
        call.tensor(0).values[i] *
        (exact ? geluErfDerivative(x) : geluTanhDerivative(x));
  }
  return success();
}

// The token of `sequence` with the first maximum of feature `j`.
int64_t firstMaximum(const Tensor& input, const Segments& segments,
                     int64_t sequence, int64_t j) {
  int64_t best = segments.begin(sequence);
  for (int64_t t = best + 1; t < segments.end(sequence); ++t)
    if (input.row(t)[j] > input.row(best)[j]) best = t;
  return best;
}

LogicalResult segmentPoolGradient(OpCall& call) {
  const Tensor& gradient = call.tensor(0);
  const Tensor& input = call.tensor(1);
  const Segments& segments = call.segments(2);
  Tensor& output = call.result();
  PoolKind kind = call.as<SegmentPoolGradientOp>().getKind();
  for (int64_t s = 0; s < segments.sequences(); ++s)
    for (int64_t j = 0; j < input.columns(); ++j) {
      double dy = gradient.row(s)[j];
      if (kind == PoolKind::first) {
        output.row(segments.begin(s))[j] = dy;
      } else if (kind == PoolKind::max) {
        output.row(firstMaximum(input, segments, s, j))[j] = dy;
      } else {
        for (int64_t t = segments.begin(s); t < segments.end(s); ++t)
          output.row(t)[j] = dy / static_cast<double>(segments.length(s));
      }
    }
  return success();
}

}  // namespace

void populateGradientReferences(References& references) {
  references["graft.layer_norm_gradient"] = layerNormGradient;
  references["graft.softmax_gradient"] = softmaxGradient;
  references["graft.gelu_gradient"] = geluGradient;
  references["graft.segment_pool_gradient"] = segmentPoolGradient;
}

}  // namespace graft::interpret
