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
  references["graft.constant"] = constant;
  references["graft.reduce"] = reduce;
  references["graft.broadcast"] = broadcast;
}

}  // namespace graft::interpret
