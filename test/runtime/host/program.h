// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Host programs written by hand, for tests:
//
//   AddProgram("train",
//              {Repeat("epoch", 3, {Set("sum", "sum"_r + "epoch"_r)}),
//               When("sum"_r == 3, {Keep("best")}, {Leave()})},
//              spec);

#ifndef GRAFT_TEST_RUNTIME_HOST_PROGRAM_H_
#define GRAFT_TEST_RUNTIME_HOST_PROGRAM_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/artifact/spec.h"

namespace graft::host_program {

// An expression over registers, streams and fields by name.
class Expr {
 public:
  struct Step {
    ExpressionOp op = ExpressionOp::constant;
    double value = 0;
    std::string name = {};   // of a register or stream
    std::string field = {};  // of a sum
    std::string mask = {};
  };

  Expr(double value);  // NOLINT(google-explicit-constructor): 1 is a constant
  explicit Expr(Step step) : steps_({std::move(step)}) {}
  // `op` of operands, in their order.
  Expr(ExpressionOp op, std::initializer_list<Expr> operands);

  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

// The register "rate"_r.
Expr operator""_r(const char* name, size_t size);

Expr operator-(const Expr& a);
Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr operator%(const Expr& a, const Expr& b);
Expr operator<(const Expr& a, const Expr& b);
Expr operator<=(const Expr& a, const Expr& b);
Expr operator>(const Expr& a, const Expr& b);   // b < a
Expr operator>=(const Expr& a, const Expr& b);  // b <= a
Expr operator==(const Expr& a, const Expr& b);
Expr operator!=(const Expr& a, const Expr& b);  // not a == b
Expr operator&&(const Expr& a, const Expr& b);  // both are evaluated
Expr operator||(const Expr& a, const Expr& b);
Expr operator!(const Expr& a);
Expr Min(const Expr& a, const Expr& b);
Expr Max(const Expr& a, const Expr& b);
Expr Exp(const Expr& a);
Expr Log(const Expr& a);
Expr Sqrt(const Expr& a);
Expr Cos(const Expr& a);
Expr Floor(const Expr& a);
Expr Ceil(const Expr& a);
Expr Round(const Expr& a);
Expr Finite(const Expr& a);
Expr Random(const Expr& a);
Expr Select(const Expr& condition, const Expr& a, const Expr& b);
Expr Rows(const std::string& stream);
Expr TaskRows(const std::string& stream);
Expr Present(const std::string& stream);
// Of the examples of the batch, or of a field of theirs.
Expr Sum(const std::string& stream, const std::string& field = "");
// Of those where `mask` differs from `value`.
Expr SumWhere(const std::string& stream, const std::string& field,
              const std::string& mask, double value);

// A result for a register, or a register under a name.
struct Named {
  Named(const char* both)  // NOLINT(google-explicit-constructor)
      : name(both), reg(both) {}
  Named(const char* name, const char* reg, bool add = false)
      : name(name), reg(reg), add(add) {}
  std::string name;
  std::string reg;
  bool add = false;
};
inline constexpr bool kAdd = true;

// An instruction with names in place of indices.
struct Line {
  HostOp op = HostOp::set;
  std::string index = {};  // entry, cache or stream
  std::string stream = {};
  std::string target = {};
  std::vector<Expr> expression = {};  // one or none
  std::vector<Named> assignments = {};
  std::string text = {};
};

// Instructions one after the other.
class Body {
 public:
  Body() = default;
  Body(Line line)  // NOLINT(google-explicit-constructor)
      : lines_({std::move(line)}) {}
  Body(std::initializer_list<Body> parts);  // NOLINT

  const std::vector<Line>& lines() const { return lines_; }

 private:
  std::vector<Line> lines_;
};

// The same with the names of runtime/schema/artifact.fbs.
Body Set(const std::string& target, const Expr& value);
Body When(const Expr& condition, const Body& then);
Body When(const Expr& condition, const Body& then, const Body& otherwise);
Body Repeat(const std::string& target, const Expr& count, const Body& body);
Body ForEachBatch(const std::string& stream, const Expr& size,
                  const Body& body);
Body WithBatch(const std::string& stream, const Expr& size, const Body& body);
Body ForEachMicroBatch(const std::string& stream, const Body& body);
Body WithWholeBatch(const std::string& stream, const Body& body);
Body Leave();
Body Call(const std::string& entry, std::vector<Named> results = {});
Body CallAt(const std::string& entry, const Expr& step,
            std::vector<Named> results = {});
Body FillCache(const std::string& cache);
Body Evaluate(const std::string& entry, const std::string& stream,
              std::vector<Named> results);
Body TestFinite(const std::string& state, const std::string& target);
Body Reset(const std::string& state);
Body LogLine(const std::string& group, std::vector<Named> shown);
Body Keep(const std::string& name);
Body Restore(const std::string& name);
Body Mark(const Expr& save, std::vector<Named> shown = {});
Body Fail(const std::string& message, std::vector<Named> shown = {});

// Adds a host program to `spec`, whose streams, caches and entries it finds by
// their names; an unknown one ends the process with a message. A register that
// is not there becomes a variable.
void AddProgram(const std::string& name, const Body& code, ArtifactSpec& spec);
// The expression as a program of `spec` would have it; `fields` are those of
// the program, and new ones are added.
Expression Resolve(const Expr& expr, ArtifactSpec& spec,
                   std::vector<std::string>& fields);

// The index of a register; adds a variable of this name where there is none.
uint32_t RegisterIndex(const std::string& name, ArtifactSpec& spec);
void AddRegister(const std::string& name, RegisterKind kind, double initial,
                 double minimum, double maximum, ArtifactSpec& spec);

}  // namespace graft::host_program

#endif  // GRAFT_TEST_RUNTIME_HOST_PROGRAM_H_
