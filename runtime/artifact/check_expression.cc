// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "absl/strings/str_cat.h"
#include "runtime/artifact/check.h"
#include "runtime/base/status_macros.h"

namespace graft {

int OperandCount(ExpressionOp op) {
  switch (op) {
    case ExpressionOp::constant:
    case ExpressionOp::load:
    case ExpressionOp::rows:
    case ExpressionOp::present:
    case ExpressionOp::sum:
    case ExpressionOp::task_rows:
      return 0;
    case ExpressionOp::negate:
    case ExpressionOp::exp:
    case ExpressionOp::log:
    case ExpressionOp::sqrt:
    case ExpressionOp::cos:
    case ExpressionOp::floor:
    case ExpressionOp::ceil:
    case ExpressionOp::round:
    case ExpressionOp::opposite:
    case ExpressionOp::finite:
    case ExpressionOp::random:
      return 1;
    case ExpressionOp::select:
      return 3;
    default:
      return 2;
  }
}

namespace internal_artifact {
namespace {

// The error of one step; `what` is "" if there is none.
struct StepError {
  std::string expected;
  std::string found;
};

StepError CheckStep(const ArtifactSpec& spec,
                    const std::vector<std::string>& fields,
                    const std::vector<bool>& in_batch,
                    const ExpressionStep& step) {
  const auto below = [&](size_t count, int64_t index) -> StepError {
    return {absl::StrCat("an index below ", count), absl::StrCat(index)};
  };
  switch (step.op) {
    case ExpressionOp::load:
      if (step.index >= spec.registers.size())
        return below(spec.registers.size(), step.index);
      break;
    case ExpressionOp::rows:
    case ExpressionOp::present:
    case ExpressionOp::sum:
    case ExpressionOp::task_rows:
      if (step.index >= spec.streams.size())
        return below(spec.streams.size(), step.index);
      break;
    default:
      return {};
  }
  if (step.op != ExpressionOp::sum) return {};
  for (const int32_t field : {step.field, step.mask})
    if (field < -1 || field >= static_cast<int64_t>(fields.size()))
      return below(fields.size(), field);
  if (in_batch[step.index]) return {};
  return {"a loop over batches around a sum of their examples", "none"};
}

}  // namespace

absl::Status CheckExpression(const ArtifactSpec& spec,
                             const std::vector<std::string>& fields,
                             const std::vector<bool>& in_batch,
                             const Expression& expression,
                             absl::string_view where, absl::string_view field) {
  size_t depth = 0;
  for (size_t i = 0; i < expression.size(); ++i) {
    const std::string name = absl::StrCat(field, ".expression[", i, "]");
    const StepError error = CheckStep(spec, fields, in_batch, expression[i]);
    if (!error.expected.empty())
      return FieldError(where, name, error.expected, error.found);
    const auto operands = static_cast<size_t>(OperandCount(expression[i].op));
    if (depth < operands)
      return FieldError(where, name, absl::StrCat(operands, " operands"),
                        depth);
    depth += 1 - operands;
    if (depth > kMaxExpressionStack)
      return FieldError(
          where, name,
          absl::StrCat("at most ", kMaxExpressionStack, " numbers at once"),
          depth);
  }
  if (depth == 1) return absl::OkStatus();
  return FieldError(where, absl::StrCat(field, ".expression"), "one number",
                    depth);
}

}  // namespace internal_artifact
}  // namespace graft
