// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/inspect_host.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace graft {
namespace {

// How an operation of two operands is written between them; null for a
// function.
const char* Infix(ExpressionOp op) {
  switch (op) {
    case ExpressionOp::add:
      return " + ";
    case ExpressionOp::subtract:
      return " - ";
    case ExpressionOp::multiply:
      return " * ";
    case ExpressionOp::divide:
      return " / ";
    case ExpressionOp::modulo:
      return " % ";
    case ExpressionOp::less:
      return " < ";
    case ExpressionOp::less_equal:
      return " <= ";
    case ExpressionOp::equal:
      return " == ";
    case ExpressionOp::both:
      return " and ";
    case ExpressionOp::either:
      return " or ";
    default:
      return nullptr;
  }
}

// A text of an operand, and whether it needs no parentheses inside of others.
struct Part {
  std::string text;
  bool closed = true;

  std::string Inside() const {
    return closed ? text : absl::StrCat("(", text, ")");
  }
};

std::string DescribeLeaf(const ArtifactSpec& spec,
                         const HostProgramSpec& program,
                         const ExpressionStep& step) {
  switch (step.op) {
    case ExpressionOp::constant:
      return absl::StrFormat("%.17g", step.value);
    case ExpressionOp::load:
      return spec.registers[step.index].name;
    case ExpressionOp::rows:
    case ExpressionOp::task_rows:
    case ExpressionOp::present:
      return absl::StrCat(schema::EnumNameExpressionOp(step.op), "(@",
                          spec.streams[step.index].name, ")");
    default:
      break;
  }
  std::string text = absl::StrCat("sum(@", spec.streams[step.index].name);
  if (step.field >= 0) absl::StrAppend(&text, " ", program.fields[step.field]);
  if (step.mask >= 0)
    absl::StrAppend(&text, " where ", program.fields[step.mask],
                    " != ", step.value);
  return absl::StrCat(text, ")");
}

std::string DescribeAssignments(const ArtifactSpec& spec,
                                const HostInstruction& instruction) {
  std::string text;
  for (const AssignmentSpec& assignment : instruction.assignments) {
    const std::string& name = spec.registers[assignment.target].name;
    if (instruction.op != HostOp::call && instruction.op != HostOp::evaluate)
      absl::StrAppend(&text, text.empty() ? " " : ", ", assignment.name, " = ",
                      name);
    else
      absl::StrAppend(&text, ", ", name, assignment.add ? " += " : " = ",
                      assignment.name);
  }
  return text;
}

}  // namespace

std::string DescribeExpression(const ArtifactSpec& spec,
                               const HostProgramSpec& program,
                               const Expression& expression) {
  std::vector<Part> stack;
  for (const ExpressionStep& step : expression) {
    const auto operands = static_cast<size_t>(OperandCount(step.op));
    if (operands == 0) {
      stack.push_back({DescribeLeaf(spec, program, step)});
      continue;
    }
    std::vector<Part> parts(stack.end() - static_cast<ptrdiff_t>(operands),
                            stack.end());
    stack.resize(stack.size() - operands);
    if (const char* infix = Infix(step.op)) {
      stack.push_back(
          {absl::StrCat(parts[0].Inside(), infix, parts[1].Inside()), false});
    } else if (step.op == ExpressionOp::negate) {
      stack.push_back({absl::StrCat("-", parts[0].Inside()), false});
    } else if (step.op == ExpressionOp::opposite) {
      stack.push_back({absl::StrCat("not ", parts[0].Inside()), false});
    } else {
      stack.push_back(
          {absl::StrCat(schema::EnumNameExpressionOp(step.op), "(",
                        absl::StrJoin(parts, ", ",
                                      [](std::string* out, const Part& part) {
                                        absl::StrAppend(out, part.text);
                                      }),
                        ")")});
    }
  }
  return stack.empty() ? "" : stack.back().text;
}

std::string DescribeInstruction(const ArtifactSpec& spec,
                                const HostProgramSpec& program,
                                const HostInstruction& instruction) {
  const std::string value =
      DescribeExpression(spec, program, instruction.expression);
  const std::string op = schema::EnumNameHostOp(instruction.op);
  const std::string results = DescribeAssignments(spec, instruction);
  switch (instruction.op) {
    case HostOp::set:
      return absl::StrCat("set ", spec.registers[instruction.target].name,
                          " = ", value);
    case HostOp::when:
      return absl::StrCat("when ", value);
    case HostOp::repeat:
      return absl::StrCat("repeat ", spec.registers[instruction.target].name,
                          " to ", value);
    case HostOp::for_each_batch:
    case HostOp::with_batch:
      return absl::StrCat(op, " @", spec.streams[instruction.index].name,
                          " of ", value);
    case HostOp::for_each_micro_batch:
      return absl::StrCat("for_each_micro_batch @",
                          spec.streams[instruction.index].name,
                          instruction.text.empty() ? "" : " whole");
    case HostOp::with_whole_batch:
      return absl::StrCat(op, " @", spec.streams[instruction.index].name);
    case HostOp::call:
      return absl::StrCat("call ", spec.entries[instruction.index].name,
                          results);
    case HostOp::fill_cache:
      return absl::StrCat("fill_cache ", spec.caches[instruction.index].name);
    case HostOp::evaluate:
      return absl::StrCat("evaluate ", spec.entries[instruction.index].name,
                          " on @", spec.streams[instruction.stream].name,
                          results);
    case HostOp::test_finite:
      return absl::StrCat("test_finite ", instruction.text, ", ",
                          spec.registers[instruction.target].name);
    case HostOp::mark:
      return absl::StrCat("mark ", value, ":", results);
    case HostOp::log:
      return absl::StrCat("log ", instruction.text, ":", results);
    case HostOp::fail:
      return absl::StrCat("fail \"", instruction.text, "\":", results);
    case HostOp::reset:
    case HostOp::keep:
    case HostOp::restore:
      return absl::StrCat(op, " ", instruction.text);
    default:
      return op;
  }
}

std::string DescribeHostTables(const ArtifactSpec& spec) {
  std::string text;
  const auto size = [&](int32_t index) -> std::string {
    return index < 0 ? "-" : spec.sizes[index].name;
  };
  for (const StreamSpec& stream : spec.streams)
    absl::StrAppend(&text, "stream     @", stream.name, " [",
                    size(stream.tokens), ", ", size(stream.sequences), "]",
                    stream.batch < 0 ? "" : ", whole batch ",
                    stream.batch < 0 ? "" : size(stream.batch), "\n");
  for (const CacheSpec& cache : spec.caches)
    absl::StrAppend(&text, cache.batch ? "rows       " : "cache      ",
                    cache.name, " of @", spec.streams[cache.stream].name, ": ",
                    spec.entries[cache.entry].name,
                    cache.key.empty() ? "" : ", key ", cache.key, "\n");
  for (const RegisterSpec& reg : spec.registers) {
    absl::StrAppend(&text, "register   ", reg.name, " ",
                    schema::EnumNameRegisterKind(reg.kind), " = ", reg.initial);
    if (reg.kind != RegisterKind::variable)
      absl::StrAppend(&text, " in [", reg.minimum, ", ", reg.maximum, "]");
    absl::StrAppend(&text, reg.meaning.empty() ? "" : ": ", reg.meaning, "\n");
  }
  return text;
}

std::string DescribeHostProgram(const ArtifactSpec& spec,
                                const HostProgramSpec& program) {
  std::string text;
  size_t depth = 0;
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const HostInstruction& instruction = program.instructions[i];
    const bool closes =
        instruction.op == HostOp::end || instruction.op == HostOp::otherwise;
    absl::StrAppendFormat(&text, "  %4d %s%s\n", i,
                          std::string(2 * (depth - (closes ? 1 : 0)), ' '),
                          DescribeInstruction(spec, program, instruction));
    if (OpensBlock(instruction.op)) ++depth;
    if (instruction.op == HostOp::end) --depth;
  }
  return text;
}

}  // namespace graft
