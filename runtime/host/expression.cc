// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/host/expression.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/formats/philox.h"

namespace graft {
namespace {

// The value of a column of one number per example.
double ValueOf(const Examples& examples, size_t column, int64_t example) {
  return examples.schema().columns()[column].dtype == DType::kF32
             ? static_cast<double>(examples.floats(column, example)[0])
             : static_cast<double>(examples.ints(column, example)[0]);
}

double Sum(const ExpressionStep& step, const StreamFacts& stream) {
  const Examples& examples = *stream.examples;
  if (step.field < 0 && step.mask < 0)
    return static_cast<double>(examples.size());
  double sum = 0;
  for (int64_t i = 0; i < examples.size(); ++i) {
    if (step.mask >= 0 &&
        ValueOf(examples, *stream.columns[step.mask], i) == step.value)
      continue;
    sum +=
        step.field < 0 ? 1 : ValueOf(examples, *stream.columns[step.field], i);
  }
  return sum;
}

double Truth(bool value) { return value ? 1 : 0; }

double Random(double number, uint64_t seed) {
  const bool counts = number >= 0 && number < 0x1p53;
  return counts ? HostRandom(seed, static_cast<uint64_t>(number))
                : std::nan("");
}

double Unary(ExpressionOp op, double a) {
  switch (op) {
    case ExpressionOp::negate:
      return -a;
    case ExpressionOp::exp:
      return std::exp(a);
    case ExpressionOp::log:
      return std::log(a);
    case ExpressionOp::sqrt:
      return std::sqrt(a);
    case ExpressionOp::cos:
      return std::cos(a);
    case ExpressionOp::floor:
      return std::floor(a);
    case ExpressionOp::ceil:
      return std::ceil(a);
    case ExpressionOp::round:
      return std::round(a);
    case ExpressionOp::opposite:
      return Truth(a == 0);
    default:
      return Truth(std::isfinite(a));
  }
}

double Binary(ExpressionOp op, double a, double b) {
  switch (op) {
    case ExpressionOp::add:
      return a + b;
    case ExpressionOp::subtract:
      return a - b;
    case ExpressionOp::multiply:
      return a * b;
    case ExpressionOp::divide:
      return a / b;
    case ExpressionOp::modulo:
      return std::fmod(a, b);
    case ExpressionOp::minimum:
      return std::min(a, b);
    case ExpressionOp::maximum:
      return std::max(a, b);
    case ExpressionOp::less:
      return Truth(a < b);
    case ExpressionOp::less_equal:
      return Truth(a <= b);
    case ExpressionOp::equal:
      return Truth(a == b);
    case ExpressionOp::both:
      return Truth(a != 0 && b != 0);
    default:
      return Truth(a != 0 || b != 0);
  }
}

}  // namespace

double EvaluateExpression(const Expression& expression,
                          absl::Span<const double> registers,
                          absl::Span<const StreamFacts> streams,
                          uint64_t seed) {
  std::array<double, kMaxExpressionStack> stack;
  size_t size = 0;
  for (const ExpressionStep& step : expression) {
    switch (OperandCount(step.op)) {
      case 0: {
        double value = step.value;
        if (step.op == ExpressionOp::load)
          value = registers[step.index];
        else if (step.op == ExpressionOp::rows)
          value = static_cast<double>(streams[step.index].rows);
        else if (step.op == ExpressionOp::task_rows)
          value = static_cast<double>(streams[step.index].task_rows);
        else if (step.op == ExpressionOp::present)
          value = Truth(streams[step.index].present);
        else if (step.op == ExpressionOp::sum)
          value = Sum(step, streams[step.index]);
        stack[size++] = value;
        break;
      }
      case 1:
        stack[size - 1] = step.op == ExpressionOp::random
                              ? Random(stack[size - 1], seed)
                              : Unary(step.op, stack[size - 1]);
        break;
      case 2:
        stack[size - 2] = Binary(step.op, stack[size - 2], stack[size - 1]);
        --size;
        break;
      default:  // select
        stack[size - 3] =
            stack[size - 3] != 0 ? stack[size - 2] : stack[size - 1];
        size -= 2;
    }
  }
  return stack[0];
}

}  // namespace graft
