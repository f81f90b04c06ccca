// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Elementwise ops and reductions.

#include <algorithm>
#include <cmath>
#include <limits>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// output[i] = Function(input[i]).
template <double (*Function)(double)>
LogicalResult unary(OpCall& call) {
  llvm::transform(call.tensor(0).values, call.result().values.begin(),
                  Function);
  return success();
}

// output[i] = Function(lhs[i], rhs[i]).
template <double (*Function)(double, double)>
LogicalResult binary(OpCall& call) {
  const Tensor& lhs = call.tensor(0);
  const Tensor& rhs = call.tensor(1);
  for (size_t i = 0; i < lhs.values.size(); ++i)
    call.result().values[i] = Function(lhs.values[i], rhs.values[i]);
  return success();
}

double add(double x, double y) { return x + y; }
double sub(double x, double y) { return x - y; }
double mul(double x, double y) { return x * y; }
double div(double x, double y) { return x / y; }
// NaN if either is.
double max(double x, double y) {
  if (std::isnan(x)) return x;
  return x >= y ? x : y;
}
double step(double x, double y) { return x >= y ? 1 : 0; }
double exp(double x) { return std::exp(x); }
double log(double x) { return std::log(x); }
double sqrt(double x) { return std::sqrt(x); }
double tanh(double x) { return std::tanh(x); }
double relu(double x) { return max(x, 0); }
// Neither branch overflows.
double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  double e = std::exp(x);
  return e / (1 + e);
}
double identity(double x) { return x; }

// Turns the symmetric matrix `m` of n rows, and the columns of `vectors`, until
// it is diagonal (Jacobi).
void diagonalize(std::vector<double>& m, std::vector<double>& vectors,
                 int64_t n) {
  auto turn = [](double& a, double& b, double cosine, double sine) {
    double x = a, y = b;
    a = cosine * x - sine * y;
    b = sine * x + cosine * y;
  };
  // Quadratic convergence: far fewer passes do, and NaN needs none.
  for (int64_t pass = 0; pass < 60; ++pass) {
    bool turned = false;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        double off = m[p * n + q];
        double size = std::abs(m[p * n + p]) + std::abs(m[q * n + q]);
        if (!(std::abs(off) > 1e-17 * size)) continue;
        turned = true;
        double angle = 0.5 * std::atan2(2 * off, m[q * n + q] - m[p * n + p]);
        double cosine = std::cos(angle), sine = std::sin(angle);
        for (int64_t k = 0; k < n; ++k)
          turn(m[k * n + p], m[k * n + q], cosine, sine);
        for (int64_t k = 0; k < n; ++k)
          turn(m[p * n + k], m[q * n + k], cosine, sine);
        for (int64_t k = 0; k < n; ++k)
          turn(vectors[k * n + p], vectors[k * n + q], cosine, sine);
      }
    if (!turned) return;
  }
}

LogicalResult spectral(OpCall& call) {
  auto op = call.as<SpectralOp>();
  const std::vector<double>& input = call.tensor(0).values;
  int64_t n = call.tensor(0).shape[0];
  std::vector<double> m(n * n), vectors(n * n), function(n);
  for (int64_t i = 0; i < n; ++i) {
    vectors[i * n + i] = 1;
    for (int64_t j = 0; j < n; ++j)
      m[i * n + j] = 0.5 * (input[i * n + j] + input[j * n + i]);
  }
  diagonalize(m, vectors, n);
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = max(largest, m[i * n + i]);
  double limit = op.getAbove().convertToDouble() * largest;
  for (int64_t i = 0; i < n; ++i) {
    double value = m[i * n + i];
    if (value <= limit) continue;
    if (op.getKind() != SpectralKind::inverse) value = std::sqrt(value);
    function[i] = op.getKind() == SpectralKind::root ? value : 1 / value;
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < n; ++k)
        sum += vectors[i * n + k] * function[k] * vectors[j * n + k];
      call.result().values[i * n + j] = sum;
    }
  return success();
}

LogicalResult scale(OpCall& call) {
  double factor = call.as<ScaleOp>().getFactor().convertToDouble();
  llvm::transform(call.tensor(0).values, call.result().values.begin(),
                  [&](double x) { return x * factor; });
  return success();
}

LogicalResult constant(OpCall& call) {
  double value = call.as<ConstantOp>().getValue().convertToDouble();
  llvm::fill(call.result().values, value);
  return success();
}

// For each element of the input, the element of the output that it goes to
// when `dimensions` disappear.
std::vector<size_t> reducedIndices(ArrayRef<int64_t> shape,
                                   ArrayRef<int64_t> dimensions, size_t count) {
  SmallVector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1;
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 1; dim >= 0; --dim) {
    if (llvm::is_contained(dimensions, dim)) continue;
    strides[dim] = stride;
    stride *= shape[dim];
  }
  std::vector<size_t> indices(count);
  for (size_t i = 0; i < count; ++i) {
    int64_t rest = static_cast<int64_t>(i), target = 0;
    for (int64_t dim = static_cast<int64_t>(shape.size()) - 1; dim >= 0;
         --dim) {
      target += rest % shape[dim] * strides[dim];
      rest /= shape[dim];
    }
    indices[i] = static_cast<size_t>(target);
  }
  return indices;
}

LogicalResult reduce(OpCall& call) {
  auto op = call.as<ReduceOp>();
  const Tensor& input = call.tensor(0);
  Tensor& output = call.result();
  bool isMax = op.getKind() == ReduceKind::max;
  if (isMax)
    llvm::fill(output.values, -std::numeric_limits<double>::infinity());
  auto indices =
      reducedIndices(input.shape, op.getDimensions(), input.values.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    double& target = output.values[indices[i]];
    target = isMax ? max(input.values[i], target) : target + input.values[i];
  }
  return success();
}

LogicalResult broadcast(OpCall& call) {
  auto op = call.as<BroadcastOp>();
  Tensor& output = call.result();
  auto indices =
      reducedIndices(output.shape, op.getDimensions(), output.values.size());
  for (size_t i = 0; i < indices.size(); ++i)
    output.values[i] = call.tensor(0).values[indices[i]];
  return success();
}

}  // namespace

void populateMathReferences(References& references) {
  references["graft.add"] = binary<add>;
  references["graft.sub"] = binary<sub>;
  references["graft.mul"] = binary<mul>;
  references["graft.div"] = binary<div>;
  references["graft.max"] = binary<max>;
  references["graft.step"] = binary<step>;
  references["graft.exp"] = unary<exp>;
  references["graft.log"] = unary<log>;
  references["graft.sqrt"] = unary<sqrt>;
  references["graft.tanh"] = unary<tanh>;
  references["graft.sigmoid"] = unary<sigmoid>;
  references["graft.relu"] = unary<relu>;
  // Rounds where results are rounded.
  references["graft.cast"] = unary<identity>;
  references["graft.stop_gradient"] = unary<identity>;
  references["graft.scale_gradient"] = unary<identity>;
  references["graft.scale"] = scale;
  references["graft.spectral"] = spectral;
  references["graft.constant"] = constant;
  references["graft.reduce"] = reduce;
  references["graft.broadcast"] = broadcast;
}

}  // namespace graft::interpret
