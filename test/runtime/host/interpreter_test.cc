// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Registers, branches, loops, and what a program asks of its run.

#include "runtime/host/interpreter.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/runtime/host/host_fixture.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using namespace host_program;  // NOLINT: the language of a program

// A record of the registers.
Body Show(std::vector<Named> shown) { return LogLine("", std::move(shown)); }

class InterpreterTest : public HostFixture {};

TEST_F(InterpreterTest, NothingToDo) {
  EXPECT_THAT(Run({}), IsEmpty());
  EXPECT_EQ(interpreter_->state().at, 0u);
  EXPECT_TRUE(interpreter_->Run().value());
}

TEST_F(InterpreterTest, SetsRegisters) {
  AddRegister("rate", RegisterKind::parameter, 0.5, 0, 1, spec_);
  EXPECT_THAT(Run({Set("a", 2), Set("b", "a"_r + "rate"_r), Set("a", "a"_r * 4),
                   Show({"a", "b", "rate"})}),
              ElementsAre("log a=8 b=2.5 rate=0.5"));
}

TEST_F(InterpreterTest, TakesOneBranch) {
  const auto branch = [&](double a, double b) {
    return Run({Set("a", a), Set("b", b),
                When("a"_r, {Keep("x"), When("b"_r, Keep("xx")), Keep("y")},
                     {Keep("z"), When("b"_r, Keep("zz"), Keep("zzz"))}),
                When("a"_r, {}), When("a"_r, {}, Keep("last"))});
  };
  EXPECT_THAT(branch(1, 1), ElementsAre("keep x", "keep xx", "keep y"));
  EXPECT_THAT(branch(-0.5, 0), ElementsAre("keep x", "keep y"));
  EXPECT_THAT(branch(0, 1), ElementsAre("keep z", "keep zz", "keep last"));
  EXPECT_THAT(branch(0, 0), ElementsAre("keep z", "keep zzz", "keep last"));
}

TEST_F(InterpreterTest, Repeats) {
  EXPECT_THAT(Run({Set("i", 7), Repeat("i", 3, Show({"i"})), Show({"i"})}),
              ElementsAre("log i=0", "log i=1", "log i=2", "log i=3"));
  // No turn: zero, less than zero, no number.
  for (const double count : {0.0, -1.0})
    EXPECT_THAT(Run({Set("i", 7), Repeat("i", count, Keep("x")), Show({"i"})}),
                ElementsAre("log i=0"));
  EXPECT_THAT(Run({Repeat("i", Expr(0) / 0, Keep("x"))}), IsEmpty());
  // The count is asked for again after each turn, and need not be whole.
  EXPECT_THAT(Run({Set("n", 1.5),
                   Repeat("i", "n"_r, {Show({"i"}), Set("n", "n"_r - 0.25)})}),
              ElementsAre("log i=0", "log i=1"));
}

TEST_F(InterpreterTest, LoopsInLoops) {
  EXPECT_THAT(Run(Repeat("i", 2, {Repeat("j", "i"_r + 1, Show({"i", "j"}))})),
              ElementsAre("log i=0 j=0", "log i=1 j=0", "log i=1 j=1"));
}

TEST_F(InterpreterTest, LeavesAllLoops) {
  EXPECT_THAT(
      Run({Repeat("i", 5,
                  {Repeat("j", 5,
                          {Show({"i", "j"}),
                           When("i"_r == 1 && "j"_r == 1, Leave())})}),
           Keep("behind"), Repeat("i", 1, Leave())}),
      ElementsAre("log i=0 j=0", "log i=0 j=1", "log i=0 j=2", "log i=0 j=3",
                  "log i=0 j=4", "log i=1 j=0", "log i=1 j=1", "keep behind"));
  // To the end of the branch that the loop is in.
  EXPECT_THAT(Run({When(1, {Repeat("i", 3, Leave()), Keep("x")}, Keep("y"))}),
              ElementsAre("keep x"));
  EXPECT_THAT(Run({When(1, Repeat("i", 3, Leave()), Keep("y")), Keep("z")}),
              ElementsAre("keep z"));
}

TEST_F(InterpreterTest, AsksItsServices) {
  EXPECT_THAT(
      Run({Evaluate("first", "dev", {{"loss", "a"}, {"score", "b"}}),
           Evaluate("first", "dev", {{"score", "b", kAdd}}),
           Evaluate("copied", "train", {}), TestFinite("gradient", "c"),
           Reset("moment"), Keep("best"), Restore("best"),
           LogLine("dev", {{"loss", "a"}, {"score", "b"}}), LogLine("", {"c"}),
           Mark("a"_r > 1, {"a"}), Mark("a"_r == 1)}),
      ElementsAre("evaluate first on dev", "evaluate first on dev",
                  "evaluate copied on train", "test gradient", "reset moment",
                  "keep best", "restore best", "log dev loss=1 score=30",
                  "log c=1", "mark a=1", "mark save"));
  EXPECT_EQ(interpreter_->state().marks, 2);
}

TEST_F(InterpreterTest, TestsOfStates) {
  Load({TestFinite("gradient", "a"), TestFinite("moment", "b")});
  bool finite = false;
  services_->finite = [&] { return std::exchange(finite, true); };
  interpreter_ = Create().value();
  ASSERT_TRUE(interpreter_->Run().value());
  EXPECT_EQ(Register("a"), 0);
  EXPECT_EQ(Register("b"), 1);
}

TEST_F(InterpreterTest, FailsWithItsMessage) {
  EXPECT_EQ(RunError({Set("a", 3), Keep("x"), Fail("expects less", {"a"}),
                      Keep("y")}),
            absl::DataLossError("expects less a=3"));
  EXPECT_THAT(services_->calls, ElementsAre("keep x"));
}

TEST_F(InterpreterTest, AMarkIsPassedBeforeItIsShown) {
  // What a service saves at a mark goes on behind it.
  Load({Keep("x"), Mark(1), Keep("y")});
  interpreter_ = Create().value();
  services_->fail = [&](const std::string& call) {
    if (call == "mark save") {
      EXPECT_EQ(interpreter_->state().at, 2u);
      EXPECT_EQ(interpreter_->state().marks, 1);
    }
    return absl::OkStatus();
  };
  EXPECT_TRUE(interpreter_->Run().value());
}

// Every service, whose error ends the run before the instruction is done, and
// where CANCELLED stops it there.
TEST_F(InterpreterTest, ErrorsOfServices) {
  const Body code = {FillCache("copied"),
                     Evaluate("first", "dev", {{"loss", "a"}}),
                     TestFinite("gradient", "c"),
                     Reset("moment"),
                     Keep("best"),
                     Restore("best"),
                     LogLine("", {"a"})};
  const std::vector<std::string> calls = Run(code);
  ASSERT_EQ(calls.size(), 7u);
  for (size_t i = 0; i < calls.size(); ++i) {
    SCOPED_TRACE(calls[i]);
    for (const bool stops : {false, true}) {
      Load(code);
      services_->fail = [&](const std::string& call) -> absl::Status {
        if (call != calls[i]) return absl::OkStatus();
        return stops ? absl::CancelledError("a signal")
                     : absl::ResourceExhaustedError("no room");
      };
      interpreter_ = Create().value();
      const auto finished = interpreter_->Run();
      EXPECT_EQ(services_->calls.size(), i);
      EXPECT_EQ(interpreter_->state().at, i);
      if (!stops) {
        EXPECT_EQ(finished.status(), absl::ResourceExhaustedError("no room"));
        continue;
      }
      ASSERT_TRUE(finished.ok()) << finished.status();
      EXPECT_FALSE(*finished);
      // It can go on, but for the rows that it fills again.
      services_->fail = {};
      EXPECT_TRUE(interpreter_->Run().value());
      EXPECT_EQ(services_->calls.size(), i == 0 ? 7u : 8u);
    }
  }
}

TEST_F(InterpreterTest, StopsBeforeAnInstruction) {
  const Body code = Repeat("i", 2, {Set("a", "i"_r), Show({"i", "a"})});
  Load(code);
  interpreter_ = Create().value();
  std::vector<size_t> places;
  services_->stop = [&](size_t at) {
    EXPECT_EQ(at, interpreter_->state().at);
    places.push_back(at);
    return places.size() == 6;
  };
  EXPECT_FALSE(interpreter_->Run().value());
  EXPECT_THAT(places, ElementsAre(0, 1, 2, 3, 1, 2));
  EXPECT_THAT(services_->calls, ElementsAre("log i=0 a=0"));
  EXPECT_EQ(Register("a"), 1);
  EXPECT_TRUE(interpreter_->Run().value());
  EXPECT_THAT(services_->calls, ElementsAre("log i=0 a=0", "log i=1 a=1"));
}

}  // namespace
}  // namespace graft
