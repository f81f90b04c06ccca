// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/host/program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace graft::host_program {
namespace {

// The index of the member of `items` that has this name.
template <typename Items>
uint32_t IndexOf(const Items& items, const std::string& name) {
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].name == name) return static_cast<uint32_t>(i);
  std::fprintf(stderr, "a host program of a test names what is not there: %s\n",
               name.c_str());
  std::abort();
}

// -1 for no field.
int32_t FieldIndex(const std::string& name, std::vector<std::string>& fields) {
  if (name.empty()) return -1;
  const auto found = std::find(fields.begin(), fields.end(), name);
  if (found == fields.end()) fields.push_back(name);
  return static_cast<int32_t>(std::find(fields.begin(), fields.end(), name) -
                              fields.begin());
}

// What `index` of an instruction names.
uint32_t ResolveIndex(const Line& line, const ArtifactSpec& spec) {
  switch (line.op) {
    case HostOp::for_each_batch:
    case HostOp::with_batch:
    case HostOp::for_each_micro_batch:
    case HostOp::with_whole_batch:
      return IndexOf(spec.streams, line.index);
    case HostOp::fill_cache:
      return IndexOf(spec.caches, line.index);
    case HostOp::call:
    case HostOp::evaluate:
      return IndexOf(spec.entries, line.index);
    default:
      return 0;
  }
}

HostInstruction ResolveLine(const Line& line, ArtifactSpec& spec,
                            std::vector<std::string>& fields) {
  HostInstruction instruction;
  instruction.op = line.op;
  instruction.index = ResolveIndex(line, spec);
  if (!line.stream.empty())
    instruction.stream = IndexOf(spec.streams, line.stream);
  if (!line.target.empty())
    instruction.target = RegisterIndex(line.target, spec);
  for (const Expr& expression : line.expression)
    instruction.expression = Resolve(expression, spec, fields);
  for (const Named& named : line.assignments)
    instruction.assignments.push_back(
        {named.name, RegisterIndex(named.reg, spec), named.add});
  instruction.text = line.text;
  return instruction;
}

Expr OfStream(ExpressionOp op, const std::string& stream) {
  return Expr(Expr::Step{.op = op, .name = stream});
}

Body Block(Line open, const Body& body) {
  return {std::move(open), body, Line{.op = HostOp::end}};
}

}  // namespace

Expr::Expr(double value) : steps_({{.value = value}}) {}

Expr::Expr(ExpressionOp op, std::initializer_list<Expr> operands) {
  for (const Expr& operand : operands)
    steps_.insert(steps_.end(), operand.steps_.begin(), operand.steps_.end());
  steps_.push_back({.op = op});
}

Expr operator""_r(const char* name, size_t size) {
  return Expr(
      Expr::Step{.op = ExpressionOp::load, .name = std::string(name, size)});
}

Expr operator-(const Expr& a) { return {ExpressionOp::negate, {a}}; }
Expr operator+(const Expr& a, const Expr& b) {
  return {ExpressionOp::add, {a, b}};
}
Expr operator-(const Expr& a, const Expr& b) {
  return {ExpressionOp::subtract, {a, b}};
}
Expr operator*(const Expr& a, const Expr& b) {
  return {ExpressionOp::multiply, {a, b}};
}
Expr operator/(const Expr& a, const Expr& b) {
  return {ExpressionOp::divide, {a, b}};
}
Expr operator%(const Expr& a, const Expr& b) {
  return {ExpressionOp::modulo, {a, b}};
}
Expr operator<(const Expr& a, const Expr& b) {
  return {ExpressionOp::less, {a, b}};
}
Expr operator<=(const Expr& a, const Expr& b) {
  return {ExpressionOp::less_equal, {a, b}};
}
Expr operator>(const Expr& a, const Expr& b) { return b < a; }
Expr operator>=(const Expr& a, const Expr& b) { return b <= a; }
Expr operator==(const Expr& a, const Expr& b) {
  return {ExpressionOp::equal, {a, b}};
}
Expr operator!=(const Expr& a, const Expr& b) { return !(a == b); }
Expr operator&&(const Expr& a, const Expr& b) {
  return {ExpressionOp::both, {a, b}};
}
Expr operator||(const Expr& a, const Expr& b) {
  return {ExpressionOp::either, {a, b}};
}
Expr operator!(const Expr& a) { return {ExpressionOp::opposite, {a}}; }
Expr Min(const Expr& a, const Expr& b) {
  return {ExpressionOp::minimum, {a, b}};
}
Expr Max(const Expr& a, const Expr& b) {
  return {ExpressionOp::maximum, {a, b}};
}
Expr Exp(const Expr& a) { return {ExpressionOp::exp, {a}}; }
Expr Log(const Expr& a) { return {ExpressionOp::log, {a}}; }
Expr Sqrt(const Expr& a) { return {ExpressionOp::sqrt, {a}}; }
Expr Cos(const Expr& a) { return {ExpressionOp::cos, {a}}; }
Expr Floor(const Expr& a) { return {ExpressionOp::floor, {a}}; }
Expr Ceil(const Expr& a) { return {ExpressionOp::ceil, {a}}; }
Expr Round(const Expr& a) { return {ExpressionOp::round, {a}}; }
Expr Finite(const Expr& a) { return {ExpressionOp::finite, {a}}; }
Expr Random(const Expr& a) { return {ExpressionOp::random, {a}}; }
Expr Select(const Expr& condition, const Expr& a, const Expr& b) {
  return {ExpressionOp::select, {condition, a, b}};
}
Expr Rows(const std::string& stream) {
  return OfStream(ExpressionOp::rows, stream);
}
Expr TaskRows(const std::string& stream) {
  return OfStream(ExpressionOp::task_rows, stream);
}
Expr Present(const std::string& stream) {
  return OfStream(ExpressionOp::present, stream);
}
Expr Sum(const std::string& stream, const std::string& field) {
  return SumWhere(stream, field, "", 0);
}
Expr SumWhere(const std::string& stream, const std::string& field,
              const std::string& mask, double value) {
  return Expr(Expr::Step{ExpressionOp::sum, value, stream, field, mask});
}

Body::Body(std::initializer_list<Body> parts) {
  for (const Body& part : parts)
    lines_.insert(lines_.end(), part.lines_.begin(), part.lines_.end());
}

Body Set(const std::string& target, const Expr& value) {
  return Line{.op = HostOp::set, .target = target, .expression = {value}};
}
Body When(const Expr& condition, const Body& then) {
  return Block({.op = HostOp::when, .expression = {condition}}, then);
}
Body When(const Expr& condition, const Body& then, const Body& otherwise) {
  return When(condition, {then, Line{.op = HostOp::otherwise}, otherwise});
}
Body Repeat(const std::string& target, const Expr& count, const Body& body) {
  return Block({.op = HostOp::repeat, .target = target, .expression = {count}},
               body);
}
Body ForEachBatch(const std::string& stream, const Expr& size,
                  const Body& body) {
  return Block(
      {.op = HostOp::for_each_batch, .index = stream, .expression = {size}},
      body);
}
Body WithBatch(const std::string& stream, const Expr& size, const Body& body) {
  return Block(
      {.op = HostOp::with_batch, .index = stream, .expression = {size}}, body);
}
Body ForEachMicroBatch(const std::string& stream, const Body& body) {
  return Block({.op = HostOp::for_each_micro_batch, .index = stream}, body);
}
Body WithWholeBatch(const std::string& stream, const Body& body) {
  return Block({.op = HostOp::with_whole_batch, .index = stream}, body);
}
Body Leave() { return Line{.op = HostOp::leave}; }
Body Call(const std::string& entry, std::vector<Named> results) {
  return Line{
      .op = HostOp::call, .index = entry, .assignments = std::move(results)};
}
Body CallAt(const std::string& entry, const Expr& step,
            std::vector<Named> results) {
  return Line{.op = HostOp::call,
              .index = entry,
              .expression = {step},
              .assignments = std::move(results)};
}
Body FillCache(const std::string& cache) {
  return Line{.op = HostOp::fill_cache, .index = cache};
}
Body Evaluate(const std::string& entry, const std::string& stream,
              std::vector<Named> results) {
  return Line{.op = HostOp::evaluate,
              .index = entry,
              .stream = stream,
              .assignments = std::move(results)};
}
Body TestFinite(const std::string& state, const std::string& target) {
  return Line{.op = HostOp::test_finite, .target = target, .text = state};
}
Body Reset(const std::string& state) {
  return Line{.op = HostOp::reset, .text = state};
}
Body LogLine(const std::string& group, std::vector<Named> shown) {
  return Line{
      .op = HostOp::log, .assignments = std::move(shown), .text = group};
}
Body Keep(const std::string& name) {
  return Line{.op = HostOp::keep, .text = name};
}
Body Restore(const std::string& name) {
  return Line{.op = HostOp::restore, .text = name};
}
Body Mark(const Expr& save, std::vector<Named> shown) {
  return Line{.op = HostOp::mark,
              .expression = {save},
              .assignments = std::move(shown)};
}
Body Fail(const std::string& message, std::vector<Named> shown) {
  return Line{
      .op = HostOp::fail, .assignments = std::move(shown), .text = message};
}

Expression Resolve(const Expr& expr, ArtifactSpec& spec,
                   std::vector<std::string>& fields) {
  Expression steps;
  for (const Expr::Step& step : expr.steps()) {
    ExpressionStep& resolved = steps.emplace_back();
    resolved.op = step.op;
    resolved.value = step.value;
    resolved.field = FieldIndex(step.field, fields);
    resolved.mask = FieldIndex(step.mask, fields);
    if (step.op == ExpressionOp::load)
      resolved.index = RegisterIndex(step.name, spec);
    else if (!step.name.empty())
      resolved.index = IndexOf(spec.streams, step.name);
  }
  return steps;
}

void AddProgram(const std::string& name, const Body& code, ArtifactSpec& spec) {
  HostProgramSpec program;
  program.name = name;
  for (const Line& line : code.lines())
    program.instructions.push_back(ResolveLine(line, spec, program.fields));
  spec.host_programs.push_back(std::move(program));
}

uint32_t RegisterIndex(const std::string& name, ArtifactSpec& spec) {
  const auto found =
      std::find_if(spec.registers.begin(), spec.registers.end(),
                   [&](const RegisterSpec& reg) { return reg.name == name; });
  const auto index = static_cast<uint32_t>(found - spec.registers.begin());
  if (found == spec.registers.end()) spec.registers.emplace_back().name = name;
  return index;
}

void AddRegister(const std::string& name, RegisterKind kind, double initial,
                 double minimum, double maximum, ArtifactSpec& spec) {
  spec.registers.push_back({name, kind, initial, minimum, maximum, ""});
}

}  // namespace graft::host_program
