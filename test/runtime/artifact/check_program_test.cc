// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What CheckSpec refuses of host programs and their expressions.

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/spec.h"
#include "test/runtime/artifact/tiny_artifact.h"
#include "test/runtime/host/program.h"

namespace graft {
namespace {

using ::testing::StartsWith;
using namespace host_program;  // NOLINT: the language of a program

constexpr uint8_t kFakeCode[] = {0x7f, 'E', 'L', 'F'};
constexpr uint32_t kUpdate = 2;

// The message of an artifact's error, without the place that it begins with.
std::string Check(const ArtifactSpec& spec) {
  const absl::Status status = CheckSpec(spec, "file");
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith("file: "));
  return std::string(status.message().substr(6));
}

// A second program "p" of an artifact that is right.
std::string CheckProgram(
    const Body& code,
    const std::function<void(HostProgramSpec&)>& damage = {}) {
  ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  ValueSpec loss;
  loss.name = "loss";
  spec.entries[kUpdate].outputs = {loss};
  AddProgram("p", code, spec);
  if (damage) damage(spec.host_programs.back());
  return Check(spec);
}

// The only stream of a loop.
Body Batch(const Body& body) { return ForEachBatch("train", 4, body); }
Body MicroBatch(const Body& body) { return ForEachMicroBatch("train", body); }

TEST(CheckProgramTest, Names) {
  const auto name = [](const char* text) {
    return CheckProgram({}, [=](HostProgramSpec& p) { p.name = text; });
  };
  EXPECT_EQ(name(""), "host_programs[1].name: expects a name, got nothing");
  EXPECT_EQ(name("train"),
            "host_programs[1].name: expects a name of its own, got train "
            "again");
}

TEST(CheckProgramTest, Blocks) {
  EXPECT_EQ(CheckProgram({}), "");
  EXPECT_EQ(CheckProgram({Line{.op = HostOp::end}}),
            "p.instructions[0]: expects an open block before its end, got "
            "none");
  EXPECT_EQ(CheckProgram(When(1, {}),
                         [](HostProgramSpec& p) { p.instructions.pop_back(); }),
            "p.instructions[0]: expects an end of each block, got none");
  const Line otherwise = {.op = HostOp::otherwise};
  const std::string error =
      ": expects an open `when` before `otherwise`, got "
      "none";
  EXPECT_EQ(CheckProgram(otherwise), "p.instructions[0]" + error);
  EXPECT_EQ(CheckProgram(Repeat("i", 2, otherwise)),
            "p.instructions[1]" + error);
  EXPECT_EQ(CheckProgram(When(1, {}, otherwise)), "p.instructions[2]" + error);
  EXPECT_EQ(CheckProgram(Leave()),
            "p.instructions[0]: expects a loop around `leave`, got none");
  EXPECT_EQ(CheckProgram(When(1, Leave())),
            "p.instructions[1]: expects a loop around `leave`, got none");
  EXPECT_EQ(CheckProgram(Repeat("i", 2, When(1, {}, Leave()))), "");

  Body nested;
  for (int i = 0; i < 32; ++i) nested = When(1, nested);
  EXPECT_EQ(CheckProgram(nested), "");
  EXPECT_EQ(CheckProgram(When(1, nested)),
            "p.instructions[32]: expects at most 32 nested blocks, got more");
  const auto repeat = [](size_t count) {
    return CheckProgram(Keep("best"), [=](HostProgramSpec& p) {
      p.instructions.resize(count, p.instructions[0]);
    });
  };
  EXPECT_EQ(repeat(65536), "");
  EXPECT_EQ(repeat(65537), "p.instructions: expects at most 65536, got 65537");
}

TEST(CheckProgramTest, LoopsOverStreams) {
  const auto index = [](HostProgramSpec& p) { p.instructions[0].index = 2; };
  EXPECT_EQ(CheckProgram(Batch({}), index),
            "p.instructions[0]: expects a stream below 2, got 2");
  EXPECT_EQ(CheckProgram(Batch(Batch({}))),
            "p.instructions[1]: expects no batch of a stream inside of "
            "another, got one");
  EXPECT_EQ(CheckProgram(Batch(WithBatch("train", 1, {}))),
            "p.instructions[1]: expects no batch of a stream inside of "
            "another, got one");
  EXPECT_EQ(CheckProgram(Batch(ForEachBatch("dev", 4, {}))), "");
  EXPECT_EQ(CheckProgram({Batch(WithBatch("dev", 4, MicroBatch({}))),
                          WithBatch("dev", 1, {}), WithBatch("dev", 1, {})}),
            "");
  EXPECT_EQ(CheckProgram({Batch({}), Batch({})}), "");
  EXPECT_EQ(CheckProgram(MicroBatch({}), index),
            "p.instructions[0]: expects a stream below 2, got 2");
  const std::string error =
      ": expects a batch around a loop over its micro-batches, got none";
  EXPECT_EQ(CheckProgram(MicroBatch({})), "p.instructions[0]" + error);
  EXPECT_EQ(CheckProgram(ForEachBatch("dev", 4, MicroBatch({}))),
            "p.instructions[1]" + error);
  EXPECT_EQ(CheckProgram(Batch(MicroBatch(MicroBatch({})))),
            "p.instructions[2]" + error);
  EXPECT_EQ(CheckProgram({Batch({MicroBatch({}), MicroBatch({})})}), "");
}

TEST(CheckProgramTest, WholeBatches) {
  const auto check = [](const Body& code, bool batch = true) {
    ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
    spec.sizes.push_back({"N", 8});
    if (batch) spec.streams[0].batch = 2;
    AddProgram("p", code, spec);
    return Check(spec);
  };
  const Body whole = WithWholeBatch("train", {});
  EXPECT_EQ(check({Batch({whole, MicroBatch({}), whole})}), "");
  EXPECT_EQ(check(Batch(whole), /*batch=*/false),
            "p.instructions[1]: expects a stream with a size of its whole "
            "batch, got train");
  const std::string error =
      ": expects a batch around what takes it at once, got none";
  EXPECT_EQ(check(whole), "p.instructions[0]" + error);
  EXPECT_EQ(check(Batch(MicroBatch(whole))), "p.instructions[2]" + error);
  EXPECT_EQ(check(Batch(WithWholeBatch("train", whole))),
            "p.instructions[2]" + error);
  EXPECT_EQ(check(Batch(WithWholeBatch("train", MicroBatch({})))),
            "p.instructions[2]: expects a batch around a loop over its "
            "micro-batches, got none");
  EXPECT_EQ(check(Batch(WithWholeBatch("train", Leave()))), "");
  EXPECT_EQ(check(WithWholeBatch("train", Leave())),
            "p.instructions[0]" + error);
  // What counts examples of micro-batches.
  EXPECT_EQ(check(Batch(WithWholeBatch("train", Call("predict")))),
            "p.instructions[2]: expects a loop over micro-batches of train "
            "around the call of predict, got none");
}

TEST(CheckProgramTest, RegistersThatAreWritten) {
  const auto target = [](size_t at, uint32_t index) {
    return [=](HostProgramSpec& p) { p.instructions[at].target = index; };
  };
  const std::vector<Body> writers = {Set("i", 1), Repeat("i", 1, {}),
                                     TestFinite("gradient", "i")};
  for (const Body& code : writers) {
    EXPECT_EQ(CheckProgram(code), "");
    EXPECT_EQ(CheckProgram(code, target(0, 0)),
              "p.instructions[0]: expects a variable to write, got rate");
    EXPECT_EQ(CheckProgram(code, target(0, 1)),
              "p.instructions[0]: expects a variable to write, got "
              "save_every");
    EXPECT_THAT(CheckProgram(code, target(0, 99)),
                StartsWith("p.instructions[0]: expects a register below "));
  }
}

TEST(CheckProgramTest, Calls) {
  EXPECT_EQ(CheckProgram(Call("update", {{"loss", "sum", kAdd}})), "");
  EXPECT_EQ(
      CheckProgram(Call("update"),
                   [](HostProgramSpec& p) { p.instructions[0].index = 3; }),
      "p.instructions[0]: expects an entry below 3, got 3");
  const std::string error =
      ": expects a loop over micro-batches of train around the call of "
      "accumulate, got none";
  EXPECT_EQ(CheckProgram(Call("accumulate")), "p.instructions[0]" + error);
  EXPECT_EQ(CheckProgram(Batch(Call("accumulate"))),
            "p.instructions[1]" + error);
  EXPECT_EQ(CheckProgram(Batch(MicroBatch(Call("accumulate")))), "");
  EXPECT_EQ(CheckProgram({Batch({MicroBatch({}), Call("accumulate")})}),
            "p.instructions[3]" + error);
  EXPECT_EQ(CheckProgram(Call("update", {{"loss", "rate"}})),
            "p.instructions[0]: expects a variable to write, got rate");
  EXPECT_EQ(CheckProgram(Call("update", {{"gain", "sum"}})),
            "p.instructions[0]: expects a scalar result of update, got gain");
  // Four integers are no scalar of F32.
  EXPECT_EQ(
      CheckProgram(Batch(MicroBatch(Call("accumulate", {{"draw", "sum"}})))),
      "p.instructions[2]: expects a scalar result of accumulate, got "
      "draw");
}

TEST(CheckProgramTest, Evaluations) {
  const Body evaluate =
      Evaluate("predict", "dev", {{"loss", "a"}, {"score", "b"}});
  EXPECT_EQ(CheckProgram(evaluate), "");
  EXPECT_EQ(
      CheckProgram(evaluate,
                   [](HostProgramSpec& p) { p.instructions[0].index = 3; }),
      "p.instructions[0]: expects an entry below 3, got 3");
  EXPECT_EQ(
      CheckProgram(evaluate,
                   [](HostProgramSpec& p) { p.instructions[0].stream = 2; }),
      "p.instructions[0]: expects a stream below 2, got 2");
  EXPECT_EQ(CheckProgram(Evaluate("predict", "dev", {{"f1", "a"}})),
            "p.instructions[0]: expects loss or score of an evaluation, got "
            "f1");
  EXPECT_EQ(CheckProgram(Evaluate("predict", "dev", {{"loss", "rate"}})),
            "p.instructions[0]: expects a variable to write, got rate");
  ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  spec.streams.push_back({"texts", 0, -1});
  AddProgram("p", Evaluate("predict", "texts", {}), spec);
  EXPECT_EQ(Check(spec),
            "p.instructions[0]: expects a stream like train for predict, got "
            "texts");
}

TEST(CheckProgramTest, NamesOfCachesStatesAndFiles) {
  EXPECT_EQ(
      CheckProgram(FillCache("sums"),
                   [](HostProgramSpec& p) { p.instructions[0].index = 1; }),
      "p.instructions[0]: expects a cache below 1, got 1");
  for (const Body& code : {TestFinite("", "finite"), Reset("")})
    EXPECT_EQ(CheckProgram(code),
              "p.instructions[0]: expects the name of a state, got nothing");
  for (const auto& make : {Keep, Restore}) {
    EXPECT_EQ(CheckProgram(make("best_2")), "");
    EXPECT_EQ(CheckProgram(make(std::string(64, 'x'))), "");
    for (const std::string& name :
         {std::string(), std::string("../best"), std::string("be st"),
          std::string("a\0b", 3), std::string(65, 'x')})
      EXPECT_EQ(CheckProgram(make(name)),
                absl::StrCat("p.instructions[0]: expects a name of letters, "
                             "digits and _, got ",
                             name.size()));
  }
}

TEST(CheckProgramTest, ShownRegisters) {
  const std::vector<Named> shown = {{"step", "step"}};
  for (const Body& code :
       {LogLine("dev", shown), Mark(0, shown), Fail("expects x", shown)}) {
    EXPECT_EQ(CheckProgram(code), "");
    EXPECT_THAT(CheckProgram(code,
                             [](HostProgramSpec& p) {
                               p.instructions[0].assignments[0].target = 99;
                             }),
                StartsWith("p.instructions[0]: expects a register below "));
    EXPECT_EQ(CheckProgram(code,
                           [](HostProgramSpec& p) {
                             p.instructions[0].assignments[0].name = "";
                           }),
              "p.instructions[0]: expects a name, got nothing");
  }
  EXPECT_EQ(CheckProgram(Fail("")),
            "p.instructions[0]: expects a message, got nothing");
}

// Those who print or bind a program look at the parts of each instruction.
TEST(CheckProgramTest, NoOtherParts) {
  const auto expression = [](HostProgramSpec& p) {
    p.instructions[0].expression = {{.op = ExpressionOp::load, .index = 99}};
  };
  for (const Body& code :
       {FillCache("sums"), Evaluate("predict", "dev", {}),
        TestFinite("gradient", "i"), Reset("gradient"), LogLine("", {}),
        Keep("best"), Restore("best"), Fail("x")})
    EXPECT_EQ(CheckProgram(code, expression),
              "p.instructions[0]: expects no expression, got one");
  EXPECT_EQ(CheckProgram(Repeat("i", 1, {}),
                         [](HostProgramSpec& p) {
                           p.instructions[1].expression = {{.value = 1}};
                         }),
            "p.instructions[1]: expects no expression, got one");
  const auto assignments = [](HostProgramSpec& p) {
    p.instructions[0].assignments = {{"x", 99}};
  };
  for (const Body& code :
       {Set("i", 1), When(1, {}), Repeat("i", 1, {}), Batch({}),
        FillCache("sums"), TestFinite("gradient", "i"), Reset("gradient"),
        Keep("best"), Restore("best")})
    EXPECT_EQ(CheckProgram(code, assignments),
              "p.instructions[0]: expects no assignments, got 1");
}

TEST(CheckProgramTest, UnknownInstructions) {
  EXPECT_EQ(CheckProgram(Keep("best"),
                         [](HostProgramSpec& p) {
                           p.instructions[0].op = static_cast<HostOp>(99);
                         }),
            "p.instructions[0]: expects a known instruction, got 99");
}

// Where an expression is, and what is wrong with it.
TEST(CheckExpressionTest, EachInstructionsExpressionIsChecked) {
  const auto none = [](HostProgramSpec& p) {
    for (HostInstruction& instruction : p.instructions)
      if (!instruction.expression.empty()) instruction.expression.clear();
  };
  for (const Body& code :
       {Set("i", 1), When(1, {}), Repeat("i", 1, {}), Batch({}), Mark(1)})
    EXPECT_EQ(CheckProgram(code, none),
              "p.instructions[0].expression: expects one number, got 0");
  // The step of a call may be left out, and is checked if it is there.
  EXPECT_EQ(CheckProgram(CallAt("update", 1), none), "");
  EXPECT_EQ(CheckProgram(CallAt("update", 1),
                         [](HostProgramSpec& p) {
                           p.instructions[0].expression.resize(2);
                         }),
            "p.instructions[0].expression: expects one number, got 2");
}

// The error of `set i = steps`, inside of a batch of `train`.
std::string CheckSteps(const Expression& steps, bool in_batch = true) {
  const Body set = Set("i", 1);
  const std::string error =
      CheckProgram(in_batch ? Batch(set) : set, [&](HostProgramSpec& p) {
        p.fields = {"labels"};
        p.instructions[in_batch ? 1 : 0].expression = steps;
      });
  const std::string place =
      absl::StrCat("p.instructions[", in_batch ? 1 : 0, "].");
  if (error.empty()) return "";
  EXPECT_THAT(error, StartsWith(place));
  return error.substr(place.size());
}

TEST(CheckExpressionTest, Indices) {
  EXPECT_THAT(CheckSteps({{.op = ExpressionOp::load, .index = 99}}),
              StartsWith("expression[0]: expects an index below "));
  for (const ExpressionOp op : {ExpressionOp::rows, ExpressionOp::task_rows,
                                ExpressionOp::present, ExpressionOp::sum}) {
    EXPECT_EQ(CheckSteps({{.op = op, .index = 0}}), "");
    EXPECT_EQ(CheckSteps({{.op = op, .index = 2}}),
              "expression[0]: expects an index below 2, got 2");
  }
  for (const int32_t index : {-2, 1}) {
    const std::string error =
        absl::StrCat("expression[0]: expects an index below 1, got ", index);
    EXPECT_EQ(CheckSteps({{.op = ExpressionOp::sum, .field = index}}), error);
    EXPECT_EQ(CheckSteps({{.op = ExpressionOp::sum, .mask = index}}), error);
  }
  EXPECT_EQ(CheckSteps({{.op = ExpressionOp::sum, .field = 0, .mask = 0}}), "");
}

TEST(CheckExpressionTest, SumsAreOfABatch) {
  const std::string error =
      "expression[0]: expects a loop over batches around a sum of their "
      "examples, got none";
  EXPECT_EQ(CheckSteps({{.op = ExpressionOp::sum}}, /*in_batch=*/false), error);
  EXPECT_EQ(CheckSteps({{.op = ExpressionOp::sum, .index = 1}}), error);
  EXPECT_EQ(CheckSteps({{.op = ExpressionOp::rows}}, /*in_batch=*/false), "");
  // Neither the size of the batch nor what follows the loop knows one.
  EXPECT_EQ(CheckProgram(ForEachBatch("train", Sum("train"), {})),
            "p.instructions[0]." + error);
  EXPECT_EQ(CheckProgram({Batch({}), Set("i", Sum("train"))}),
            "p.instructions[2]." + error);
}

TEST(CheckExpressionTest, Operands) {
  const ExpressionStep one = {.value = 1};
  int64_t ops = 0;
  for (const ExpressionOp op : schema::EnumValuesExpressionOp()) {
    const int count = OperandCount(op);
    Expression steps;
    for (int given = 0; given < count; ++given) {
      EXPECT_EQ(CheckSteps([&] {
                  Expression less = steps;
                  less.push_back({.op = op});
                  return less;
                }()),
                absl::StrCat("expression[", given, "]: expects ", count,
                             " operands, got ", given));
      steps.push_back(one);
    }
    steps.push_back({.op = op});
    EXPECT_EQ(CheckSteps(steps), "") << schema::EnumNameExpressionOp(op);
    ++ops;
  }
  EXPECT_EQ(ops, 30);
  EXPECT_EQ(CheckSteps({}), "expression: expects one number, got 0");
  EXPECT_EQ(CheckSteps({one, one}), "expression: expects one number, got 2");
  Expression deep(kMaxExpressionStack, one);
  EXPECT_EQ(CheckSteps(deep), "expression: expects one number, got 32");
  deep.push_back(one);
  EXPECT_EQ(CheckSteps(deep),
            "expression[32]: expects at most 32 numbers at once, got 33");
}

}  // namespace
}  // namespace graft
