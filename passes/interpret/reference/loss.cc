// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Losses, one value a row, the gradient of the cross-entropy, and labels as
// rows.

#include <algorithm>
#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/reference/util.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// Whether row `i` counts; an error for a label that is no class.
template <typename Op>
FailureOr<bool> checkLabel(OpCall& call, const Tensor& labels, int64_t i,
                           int64_t classes) {
  auto op = call.as<Op>();
  int64_t label = labels.id(i);
  if (op.getIgnoreIndex() &&
      label == static_cast<int64_t>(*op.getIgnoreIndex()))
    return false;
  if (label >= 0 && label < classes) return true;
  return op.emitOpError("expects labels in [0, ")
             << classes << "), got " << label << " at row " << i,
         failure();
}

// The target distribution q of a row: (1 - e) onehot + e / K.
double target(int64_t label, int64_t k, int64_t classes, double smoothing) {
  double share = smoothing / static_cast<double>(classes);
  return (k == label ? 1 - smoothing : 0) + share;
}

LogicalResult crossEntropy(OpCall& call) {
  const Tensor& logits = call.tensor(0);
  const Tensor& labels = call.tensor(1);
  double smoothing =
      call.as<CrossEntropyOp>().getLabelSmoothing().convertToDouble();
  int64_t classes = logits.columns();
  std::vector<double> row(static_cast<size_t>(classes));
  for (int64_t i = 0; i < logits.rows(); ++i) {
    FailureOr<bool> counts =
        checkLabel<CrossEntropyOp>(call, labels, i, classes);
    if (failed(counts)) return failure();
    if (!*counts) continue;
    softmaxRow(logits.row(i), row.data(), classes, /*log=*/true);
    double loss = 0;
    for (int64_t k = 0; k < classes; ++k)
      loss -= target(labels.id(i), k, classes, smoothing) *
              row[static_cast<size_t>(k)];
    call.result().values[static_cast<size_t>(i)] = loss;
  }
  return success();
}

LogicalResult crossEntropyGradient(OpCall& call) {
  const Tensor& gradient = call.tensor(0);
  const Tensor& logits = call.tensor(1);
  const Tensor& labels = call.tensor(2);
  double smoothing =
      call.as<CrossEntropyGradientOp>().getLabelSmoothing().convertToDouble();
  int64_t classes = logits.columns();
  for (int64_t i = 0; i < logits.rows(); ++i) {
    FailureOr<bool> counts =
        checkLabel<CrossEntropyGradientOp>(call, labels, i, classes);
    if (failed(counts)) return failure();
    if (!*counts) continue;
    double* out = call.result().row(i);
    softmaxRow(logits.row(i), out, classes, /*log=*/false);
    for (int64_t k = 0; k < classes; ++k)
      out[k] = gradient.values[static_cast<size_t>(i)] *
               (out[k] - target(labels.id(i), k, classes, smoothing));
  }
  return success();
}

LogicalResult oneHot(OpCall& call) {
  const Tensor& labels = call.tensor(0);
  Tensor& output = call.result();
  for (int64_t i = 0; i < output.rows(); ++i) {
    FailureOr<bool> counts =
        checkLabel<OneHotOp>(call, labels, i, output.columns());
    if (failed(counts)) return failure();
    if (*counts) output.row(i)[labels.id(i)] = 1;
  }
  return success();
}

// loss[i] = mean_k Function(lhs[i][k], rhs[i][k]).
template <double (*Function)(double, double)>
LogicalResult rowMean(OpCall& call) {
  const Tensor& lhs = call.tensor(0);
  const Tensor& rhs = call.tensor(1);
  for (int64_t i = 0; i < lhs.rows(); ++i) {
    double sum = 0;
    for (int64_t k = 0; k < lhs.columns(); ++k)
      sum += Function(lhs.row(i)[k], rhs.row(i)[k]);
    call.result().values[static_cast<size_t>(i)] =
        sum / static_cast<double>(lhs.columns());
  }
  return success();
}

double squaredError(double x, double y) { return (x - y) * (x - y); }

double binaryCrossEntropy(double z, double t) {
  return std::max(z, 0.0) - z * t + std::log1p(std::exp(-std::abs(z)));
}

LogicalResult klDivergence(OpCall& call) {
  const Tensor& logits = call.tensor(0);
  const Tensor& targets = call.tensor(1);
  double temperature =
      call.as<KlDivergenceOp>().getTemperature().convertToDouble();
  int64_t classes = logits.columns();
  std::vector<double> logQ(static_cast<size_t>(classes)), logP = logQ;
  for (int64_t i = 0; i < logits.rows(); ++i) {
    for (int64_t k = 0; k < classes; ++k) {
      logQ[static_cast<size_t>(k)] = logits.row(i)[k] / temperature;
      logP[static_cast<size_t>(k)] = targets.row(i)[k] / temperature;
    }
    softmaxRow(logQ.data(), logQ.data(), classes, /*log=*/true);
    softmaxRow(logP.data(), logP.data(), classes, /*log=*/true);
    double sum = 0;
    for (size_t k = 0; k < logP.size(); ++k)
      sum += std::exp(logP[k]) * (logP[k] - logQ[k]);
    call.result().values[static_cast<size_t>(i)] =
        temperature * temperature * sum;
  }
  return success();
}

}  // namespace

void populateLossReferences(References& references) {
  references["graft.cross_entropy"] = crossEntropy;
  references["graft.cross_entropy_gradient"] = crossEntropyGradient;
  references["graft.one_hot"] = oneHot;
  references["graft.mse"] = rowMean<squaredError>;
  references["graft.binary_cross_entropy"] = rowMean<binaryCrossEntropy>;
  references["graft.kl_divergence"] = klDivergence;
}

}  // namespace graft::interpret
