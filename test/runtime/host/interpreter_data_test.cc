// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Streams, calls and caches of host programs.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/data/sampler.h"
#include "runtime/host/interpreter.h"
#include "test/runtime/base/count_allocations.h"
#include "test/runtime/host/host_fixture.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;
using namespace host_program;  // NOLINT: the language of a program

// A record of the registers.
Body Show(std::vector<Named> shown) { return LogLine("", std::move(shown)); }

// A record of the sum and the number of a batch's values.
Body ShowBatch(const std::string& stream = "train") {
  return {Set("sum", Sum(stream, "value")), Set("n", Sum(stream)),
          Show({"sum", "n"})};
}

class InterpreterDataTest : public HostFixture {
 protected:
  // Runs the program, or stops it before its instruction number `at` of those
  // that it runs; another interpreter then goes on with a copy of the state and
  // of the batch's rows. False: it has fewer instructions.
  bool RunStopped(const Body& code, int64_t at) {
    Load(code);
    interpreter_ = Create().value();
    services_->stop = [&](size_t) { return at-- == 0; };
    if (interpreter_->Run().value()) return false;
    const HostState state = interpreter_->state();
    stopped_marks_ = state.marks;
    stopped_at_ = state.at;
    stopped_rows_.clear();
    for (const CachedRows* rows : interpreter_->batch_rows())
      stopped_rows_.push_back(rows->values);
    interpreter_ = Create().value();
    interpreter_->state() = state;
    for (size_t i = 0; i < stopped_rows_.size(); ++i)
      interpreter_->batch_rows()[i]->values = stopped_rows_[i];
    services_->stop = {};
    EXPECT_TRUE(interpreter_->Run().value());
    return true;
  }

  std::vector<std::vector<float>> stopped_rows_;
  int64_t stopped_marks_ = 0;
  size_t stopped_at_ = 0;
};

// Seven examples, 1 to 7, in batches of three.
TEST_F(InterpreterDataTest, BatchesOverEpochs) {
  const std::vector<std::string> epoch = {"log sum=6 n=3", "log sum=15 n=3",
                                          "log sum=7 n=1"};
  std::vector<std::string> two = epoch;
  two.insert(two.end(), epoch.begin(), epoch.end());
  EXPECT_EQ(Run(ForEachBatch("train", 3, ShowBatch())), epoch);
  EXPECT_EQ(Run(Repeat("epoch", 2, {ForEachBatch("train", 3, ShowBatch())})),
            two);
  // Two loops, one after the other.
  EXPECT_EQ(Run({ForEachBatch("train", 3, ShowBatch()),
                 ForEachBatch("train", 3, ShowBatch())}),
            two);
  EXPECT_EQ(interpreter_->examples(), 14);
  EXPECT_EQ(interpreter_->state().streams[0], (StreamPosition{6, -1, 3}));
  EXPECT_THAT(Run(ForEachBatch("train", 1e9, ShowBatch())),
              ElementsAre("log sum=28 n=7"));
}

TEST_F(InterpreterDataTest, ShuffledAnewEachEpoch) {
  data_[0].shuffle = true;
  const Body code = Repeat("epoch", 2, {ForEachBatch("train", 1, ShowBatch())});
  const std::vector<std::string> first = Run(code);
  ASSERT_EQ(first.size(), 14u);
  const std::vector<std::string> epochs[] = {{first.begin(), first.begin() + 7},
                                             {first.begin() + 7, first.end()}};
  std::vector<std::string> all;
  for (int i = 1; i <= 7; ++i)
    all.push_back(absl::StrCat("log sum=", i, " n=1"));
  for (const auto& epoch : epochs)
    EXPECT_THAT(epoch, UnorderedElementsAreArray(all));
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_EQ(Run(code), first);
  ++seed_;
  EXPECT_NE(Run(code), first);
}

// A loop over batches begins with an epoch.
TEST_F(InterpreterDataTest, LoopsBeginAnEpoch) {
  EXPECT_THAT(Run({ForEachBatch("train", 3, {}),
                   ForEachBatch("train", 4, {ShowBatch()})}),
              ElementsAre("log sum=10 n=4", "log sum=18 n=3"));
  // Also where the first was left.
  EXPECT_THAT(Run({ForEachBatch("train", 3, {ShowBatch(), Leave()}),
                   ForEachBatch("train", 4, {ShowBatch()})}),
              ElementsAre("log sum=6 n=3", "log sum=10 n=4", "log sum=18 n=3"));
  EXPECT_THAT(Run({ForEachBatch("train", 3, {ShowBatch(), Leave()}),
                   ForEachBatch("train", 3, {ShowBatch()})}),
              ElementsAre("log sum=6 n=3", "log sum=6 n=3", "log sum=15 n=3",
                          "log sum=7 n=1"));
  // Or where it went round beside another stream.
  EXPECT_THAT(
      Run({ForEachBatch("train", 4, {WithBatch("other", 1, {})}),
           ForEachBatch("other", 1, ShowBatch("other"))}),
      ElementsAre("log sum=101 n=1", "log sum=102 n=1", "log sum=103 n=1",
                  "log sum=104 n=1", "log sum=105 n=1"));
}

TEST_F(InterpreterDataTest, StreamsInStreams) {
  EXPECT_THAT(
      Run(ForEachBatch("train", 4,
                       {Set("outer", Sum("train", "value")),
                        ForEachBatch("other", 3,
                                     {Set("inner", Sum("other", "value")),
                                      Set("both", Sum("train") + Sum("other")),
                                      Show({"outer", "inner", "both"})})})),
      ElementsAre("log outer=10 inner=306 both=7",
                  "log outer=10 inner=209 "
                  "both=6",
                  "log outer=18 inner=306 both=6",
                  "log outer=18 inner=209 both=5"));
}

// Seven examples beside five: the shorter stream begins again within an epoch
// of the longer one, and goes on where that one has ended.
TEST_F(InterpreterDataTest, StreamsThatGoRound) {
  const Body code =
      Repeat("epoch", 2,
             {ForEachBatch("train", 3,
                           {WithBatch("other", 2,
                                      {Set("a", Sum("train", "value")),
                                       Set("b", Sum("other", "value")),
                                       Set("n", Sum("train") + Sum("other")),
                                       Show({"a", "b", "n"})})})});
  EXPECT_THAT(Run(code),
              ElementsAre("log a=6 b=203 n=5", "log a=15 b=207 n=5",
                          "log a=7 b=105 n=2", "log a=6 b=203 n=5",
                          "log a=15 b=207 n=5", "log a=7 b=105 n=2"));
  EXPECT_EQ(interpreter_->state().streams[2], (StreamPosition{6, -1, 2}));
  EXPECT_EQ(interpreter_->examples(), 24);
  data_[2].shuffle = true;
  const std::vector<std::string> shuffled =
      Run(Repeat("i", 10, {WithBatch("other", 1, ShowBatch("other"))}));
  const std::vector<std::string> rounds[] = {
      {shuffled.begin(), shuffled.begin() + 5},
      {shuffled.begin() + 5, shuffled.end()}};
  EXPECT_THAT(rounds[0], UnorderedElementsAreArray(rounds[1]));
  EXPECT_NE(rounds[0], rounds[1]);
}

// Examples of two streams that belong together by their number do not stay
// together.
TEST_F(InterpreterDataTest, StreamsHaveOrdersOfTheirOwn) {
  data_[1] = data_[0];
  data_[0].shuffle = data_[1].shuffle = true;
  const auto order = [&](const std::string& stream) {
    return Run(ForEachBatch(stream, 1, ShowBatch(stream)));
  };
  EXPECT_NE(order("train"), order("dev"));
}

// Row i is of the task that the character i names.
StreamTasks TasksOf(absl::string_view names, int64_t part = 0,
                    int64_t parts = 1) {
  TaskCollector collector;
  for (size_t i = 0; i < names.size(); ++i) collector.Add(names.substr(i, 1));
  StreamTasks tasks;
  tasks.rows = collector.Finish().value();
  tasks.part = part;
  tasks.parts = parts;
  return tasks;
}

// Two streams that count their batches apart, since each begins an epoch of its
// own, meet in one task; and so they do after a stop at any instruction.
TEST_F(InterpreterDataTest, StreamsMeetInOneTask) {
  const StreamTasks tasks = TasksOf("aabbbab");
  const StreamTasks others = TasksOf("abbba");
  data_[0].tasks = &tasks;
  data_[2].tasks = &others;
  const Body both = {Set("a", Sum("train", "value")),
                     Set("b", Sum("other", "value")), Show({"a", "b"})};
  const Body code = {
      ForEachBatch("other", 2, {Leave()}),
      Repeat("epoch", 2,
             {ForEachBatch("train", 2, {WithBatch("other", 2, both)})})};
  // Rows 1 2 6 | 3 4 5 7 and 101 105 | 102 103 104.
  const std::vector<std::string> expected = {
      "log a=3 b=206", "log a=7 b=205", "log a=7 b=206", "log a=12 b=206",
      "log a=3 b=206", "log a=7 b=205", "log a=7 b=206", "log a=12 b=206"};
  EXPECT_EQ(Run(code), expected);
  int64_t at = 0;
  for (; RunStopped(code, at); ++at) EXPECT_EQ(services_->calls, expected);
  EXPECT_GT(at, 40);
  data_[0].shuffle = data_[2].shuffle = true;
  const std::vector<std::string> shuffled = Run(code);
  EXPECT_NE(shuffled, expected);
  for (at = 0; RunStopped(code, at); ++at)
    EXPECT_EQ(services_->calls, shuffled);
}

TEST_F(InterpreterDataTest, StreamsOfOneTableHaveOtherRows) {
  const StreamTasks first = TasksOf("aabbbab", 0, 2);
  const StreamTasks second = TasksOf("aabbbab", 1, 2);
  data_[0].tasks = &first;
  data_[1] = data_[0];
  data_[1].tasks = &second;
  const Body both = {Set("a", Sum("train", "value")),
                     Set("b", Sum("dev", "value")), Show({"a", "b"})};
  EXPECT_THAT(Run(ForEachBatch("train", 2, {WithBatch("dev", 2, both)})),
              ElementsAre("log a=1 b=2", "log a=7 b=12", "log a=6 b=1",
                          "log a=7 b=12"));
  EXPECT_THAT(RunError(ForEachBatch("train", 2, {WithBatch("dev", 3, both)}))
                  .ToString(),
              HasSubstr("expects batches of 2 examples of the stream dev, as "
                        "those of train with the same task have, got 3"));
  interpreter_.reset();  // reads ahead in what goes away here
}

TEST_F(InterpreterDataTest, RefusesTasksThatDoNotMeet) {
  const StreamTasks tasks = TasksOf("aabbbab");
  const StreamTasks others = TasksOf("abcba");
  data_[0].tasks = &tasks;
  data_[2].tasks = &others;
  Load(Keep("x"));
  EXPECT_THAT(Create().status().ToString(),
              HasSubstr("expects 2 tasks of the stream other, as train has, "
                        "got 3"));
  const StreamTasks few = TasksOf("aaaaaab", 0, 2);
  data_[0].tasks = &few;
  EXPECT_THAT(Create().status().ToString(),
              HasSubstr("train: expects at least 2 rows of the task 'b'"));
}

TEST_F(InterpreterDataTest, LeavesInsideOfABatchThatGoesRound) {
  EXPECT_THAT(
      Run({WithBatch("other", 2,
                     {ForEachBatch("train", 3, {Set("n", 1), Leave()}),
                      Set("b", Sum("other", "value")), Show({"b"})}),
           ForEachBatch("train", 3,
                        {WithBatch("other", 2, {ShowBatch("other"), Leave()})}),
           WithBatch("other", 2, ShowBatch("other"))}),
      ElementsAre("log b=203", "log sum=207 n=2", "log sum=105 n=1"));
}

// Of 8 tokens and 3 examples at most: lengths are 1 2 3 4 1 2 3.
TEST_F(InterpreterDataTest, MicroBatches) {
  const Body call = Call("first", {{"value", "value"}});
  EXPECT_THAT(
      Run(ForEachBatch("train", 7,
                       {ForEachMicroBatch("train", {call, Show({"value"})})})),
      ElementsAre("log value=1", "log value=4", "log value=7"));
  EXPECT_EQ(interpreter_->tokens(), 16);
  // Twice over the same batch, and with a sum over all of it.
  EXPECT_THAT(
      Run(ForEachBatch(
          "train", 4,
          {Repeat("i", 2,
                  {ForEachMicroBatch(
                      "train", {Call("first", {{"value", "sum", kAdd}})})}),
           Set("n", Sum("train")), Show({"sum", "n"})})),
      ElementsAre("log sum=10 n=4", "log sum=20 n=3"));
}

TEST_F(InterpreterDataTest, LeavesInsideOfAMicroBatch) {
  EXPECT_THAT(
      Run({ForEachBatch("train", 7, {ForEachMicroBatch("train", {Leave()})}),
           Keep("x"), ForEachBatch("train", 7, {ShowBatch()})}),
      ElementsAre("keep x", "log sum=28 n=7"));
  EXPECT_EQ(interpreter_->state().streams[0], (StreamPosition{2, -1, 7}));
}

TEST_F(InterpreterDataTest, CallsWithSeveralStreams) {
  EXPECT_THAT(
      Run(ForEachBatch(
          "train", 7,
          {ForEachMicroBatch(
              "train",
              {ForEachBatch(
                  "other", 4,
                  {ForEachMicroBatch("other", {Call("others", {{"value", "a"},
                                                               {"other", "b"}}),
                                               Show({"a", "b"})})})})})),
      ElementsAre("log a=1 b=101", "log a=1 b=104", "log a=1 b=105",
                  "log a=4 b=101", "log a=4 b=104", "log a=4 b=105",
                  "log a=7 b=101", "log a=7 b=104", "log a=7 b=105"));
}

TEST_F(InterpreterDataTest, CallsWithRegistersAndSteps) {
  EXPECT_THAT(
      Run({Set("x", 2.5), Call("scalar", {{"value", "a"}}), Set("x", 0.125),
           Call("scalar", {{"value", "b"}}), Call("scalar"), Show({"a", "b"})}),
      ElementsAre("log a=2.5 b=0.125"));
  EXPECT_EQ(Register("b"), 0.125);
  const auto step = [&](const Expr& expr) {
    Run({Set("i", expr), CallAt("step", "i"_r, {{"value", "a"}})});
    return Register("a");
  };
  EXPECT_EQ(step(0), 0);
  EXPECT_EQ(step(77), 77);
  EXPECT_EQ(step(4294967040.0), 4294967040.0);
  // Numbers that are no step.
  for (const Expr& expr : {Expr(-1), Expr(4294967296.0), Expr(0) / 0})
    EXPECT_EQ(step(expr), 0);
  Run({CallAt("step", 5), Call("step", {{"value", "a"}})});
  EXPECT_EQ(Register("a"), 0);
}

TEST_F(InterpreterDataTest, FillsCaches) {
  const Body code = {
      FillCache("copied"),
      ForEachBatch(
          "train", 4,
          {ForEachMicroBatch(
              "train", {Call("cached", {{"value", "a"}}),
                        Call("first", {{"value", "b"}}), Show({"a", "b"})})})};
  EXPECT_THAT(Run(code), ElementsAre("fill copied", "log a=1000 b=1",
                                     "log a=4000 b=4", "log a=5000 b=5"));
  EXPECT_THAT(interpreter_->state().filled, ElementsAre(true, false, false));
  data_[0].shuffle = true;
  for (const std::string& call : Run(code)) {
    if (!absl::StartsWith(call, "log")) continue;
    const std::string value = call.substr(call.find("b=") + 2);
    EXPECT_EQ(call, absl::StrCat("log a=", value, "000 b=", value));
  }
  // A cache that is filled while its stream is in a loop.
  data_[0].shuffle = false;
  EXPECT_THAT(Run(ForEachBatch(
                  "train", 4,
                  {FillCache("copied"),
                   ForEachMicroBatch("train", {Call("cached", {{"value", "a"}}),
                                               Show({"a"})}),
                   Leave()})),
              ElementsAre("fill copied", "log a=1000", "log a=4000"));
  EXPECT_EQ(RunError(ForEachBatch(
                "train", 4, {ForEachMicroBatch("train", {Call("cached")})})),
            absl::InvalidArgumentError("cached: expects a batch with rows of "
                                       "the cache copied, got none"));
}

TEST_F(InterpreterDataTest, StreamsThatAreAbsent) {
  EXPECT_THAT(
      Run({Set("a", Present("dev")), Set("b", Present("train")),
           Set("c", Rows("dev")), Show({"a", "b", "c"}),
           When(Present("dev"), {ForEachBatch("dev", 1, ShowBatch("dev"))})}),
      ElementsAre("log a=0 b=1 c=0"));
  EXPECT_EQ(RunError(ForEachBatch("dev", 1, {})),
            absl::InvalidArgumentError(
                "expects examples of the stream dev, got none"));
  NumberedExamples none({}, 1);
  data_[1].source = &none;
  EXPECT_EQ(RunError(ForEachBatch("dev", 1, {})),
            absl::InvalidArgumentError(
                "expects examples of the stream dev, got none"));
  data_[0].source = nullptr;
  EXPECT_EQ(RunError(FillCache("copied")),
            absl::InvalidArgumentError(
                "expects data for the stream train, got none"));
}

TEST_F(InterpreterDataTest, RefusesSizesOfBatches) {
  for (const auto& [size, text] : {std::pair{Expr(0), "0"},
                                   {Expr(-1), "-1"},
                                   {Expr(2.5), "2.5"},
                                   {Expr(2e9), "2e+09"},
                                   {1 / Expr(0), "inf"}})
    EXPECT_EQ(RunError(ForEachBatch("train", size, {})),
              absl::InvalidArgumentError(absl::StrCat(
                  "expects a batch of 1 to 1000000000 examples of the stream "
                  "train, got ",
                  text)));
  EXPECT_THAT(
      std::string(RunError(ForEachBatch("train", Expr(0) / 0, {})).message()),
      HasSubstr("nan"));
}

TEST_F(InterpreterDataTest, RefusesDataWithoutAField) {
  Load(ForEachBatch("train", 1, {Set("a", Sum("train", "weights"))}));
  EXPECT_EQ(Create().status(),
            absl::InvalidArgumentError(
                "expects the stream train with one number of weights per "
                "example, got value"));
  Load(ForEachBatch("train", 1,
                    {Set("a", SumWhere("train", "value", "labels", 1))}));
  EXPECT_EQ(Create().status(),
            absl::InvalidArgumentError(
                "expects the stream train with one number of labels per "
                "example, got value"));
  // Nobody asks for a field of a stream that is absent.
  Load({When(Present("dev"),
             {ForEachBatch("dev", 1, {Set("a", Sum("dev", "weights"))})})});
  EXPECT_TRUE(Create().ok());
  for (ValueSpec& input : spec_.entries[0].inputs) input.field = "score";
  Load(ForEachBatch("train", 1, {ForEachMicroBatch("train", {Call("first")})}));
  EXPECT_EQ(Create().status(),
            absl::InvalidArgumentError("first: expects a stream with the field "
                                       "score, got value"));
}

TEST_F(InterpreterDataTest, AnExampleThatIsTooLong) {
  NumberedExamples longer({1, 9}, 1);
  data_[0].source = &longer;
  EXPECT_THAT(std::string(RunError(ForEachBatch("train", 1, {})).message()),
              HasSubstr("expects examples of at most 8 tokens, the program's "
                        "capacity, got 9 in example 1"));
  interpreter_.reset();  // before what it borrows
}

// Two streams inside of each other, a cache, a size that changes inside of its
// loop, micro-batches and leaving: stopped anywhere, another interpreter goes
// on with a copy of the state.
TEST_F(InterpreterDataTest, ResumesAnywhere) {
  data_[0].shuffle = data_[2].shuffle = true;
  const Body code = {
      FillCache("copied"), Set("size", 3),
      Repeat("epoch", 2,
             {ForEachBatch(
                 "train", "size"_r,
                 {Set("size", "size"_r + 1), Set("a", Sum("train", "value")),
                  ForEachMicroBatch(
                      "train",
                      {Call("cached", {{"value", "c", kAdd}}),
                       WithBatch("other", 2,
                                 {Set("c", "c"_r + Sum("other", "value"))}),
                       ForEachBatch(
                           "other", 2,
                           {ForEachMicroBatch("other",
                                              {Call("others", {{"other", "b"}}),
                                               Show({"a", "b", "c"})}),
                            When("b"_r == 105 && "epoch"_r == 1 && "a"_r == 28,
                                 Leave())})}),
                  Mark(1, {"a"})})}),
      ForEachBatch("other", 3, ShowBatch("other"))};
  const auto shown = [](const std::vector<std::string>& calls) {
    std::vector<std::string> result;
    std::copy_if(calls.begin(), calls.end(), std::back_inserter(result),
                 [](const std::string& call) {
                   return !absl::StartsWith(call, "fill");
                 });
    return result;
  };
  const std::vector<std::string> whole = shown(Run(code));
  const HostState end = interpreter_->state();
  ASSERT_GT(whole.size(), 15u);
  int64_t stops = 0;
  for (bool stopped = true; stopped; ++stops) {
    stopped = RunStopped(code, stops);
    ASSERT_EQ(shown(services_->calls), whole) << stops;
    EXPECT_EQ(interpreter_->state().registers, end.registers) << stops;
    EXPECT_EQ(interpreter_->state().streams, end.streams) << stops;
    EXPECT_EQ(interpreter_->state().marks, end.marks) << stops;
  }
  EXPECT_GT(stops, 100);
}

// Steps that take one stream each, whose marks are behind the batch. A run that
// goes on inside of a batch counts it, too, and those that it draws.
TEST_F(InterpreterDataTest, TakesStreamsInTurn) {
  const auto take = [](const std::string& stream, int64_t size) {
    return WithBatch(stream, static_cast<double>(size),
                     {Set("a", Sum(stream, "value")), Show({"i", "a"})});
  };
  const Body code = Repeat(
      "i", 6,
      {When("i"_r % 3 == 0, take("other", 2)),
       When("i"_r % 3 != 0, take("train", 3)), Set("j", "i"_r), Mark(1)});
  const std::vector<std::string> whole = Run(code);
  EXPECT_THAT(whole, ElementsAre("log i=0 a=203", "mark save", "log i=1 a=6",
                                 "mark save", "log i=2 a=15", "mark save",
                                 "log i=3 a=207", "mark save", "log i=4 a=7",
                                 "mark save", "log i=5 a=6", "mark save"));
  const int64_t examples[] = {2, 3, 3, 2, 1, 3};
  EXPECT_EQ(interpreter_->examples(), 14);
  int64_t stops = 0;
  for (bool stopped = true; stopped; ++stops) {
    stopped = RunStopped(code, stops);
    ASSERT_EQ(services_->calls, whole) << stops;
    if (!stopped) break;
    int64_t left = 0;
    for (int64_t step = stopped_marks_; step < 6; ++step)
      left += examples[step];
    // Behind its end, the run before has counted it.
    const bool behind = interpreter_->examples() != left;
    if (behind) left -= examples[stopped_marks_];
    EXPECT_EQ(interpreter_->examples(), left) << stops;
    const HostOp next = interpreter_->program().instructions[stopped_at_].op;
    EXPECT_FALSE(behind && (next == HostOp::with_batch || next == HostOp::log ||
                            next == HostOp::repeat))
        << stops;
  }
  EXPECT_GT(stops, 40);
}

// Rows of micro-batches, related at once, and given back to micro-batches.
TEST_F(InterpreterDataTest, RelatesRowsOfABatch) {
  const Body code = ForEachBatch(
      "train", 4,
      {ForEachMicroBatch("train", Call("represent")),
       WithWholeBatch("train", {Call("relate", {{"value", "a"}}), Show({"a"})}),
       ForEachMicroBatch("train",
                         {Call("push", {{"value", "b"}}), Show({"b"})}),
       Mark(1)});
  // Examples 1 to 3 and 4; 5 and 6, 7.
  const std::vector<std::string> whole = {"log a=1",   "log b=1", "log b=4",
                                          "mark save", "log a=5", "log b=5",
                                          "mark save"};
  std::vector<std::string> got = Run(code);
  EXPECT_EQ(got, whole);
  EXPECT_EQ(interpreter_->examples(), 7);
  EXPECT_EQ(interpreter_->tokens(), 16);
  // Nothing of a step is left behind its mark.
  ASSERT_EQ(interpreter_->batch_rows().size(), 2u);
  for (const CachedRows* rows : interpreter_->batch_rows())
    EXPECT_THAT(rows->values, ::testing::Each(0.0f)) << rows->name;

  int64_t stops = 0, with_rows = 0;
  for (bool stopped = true; stopped; ++stops) {
    stopped = RunStopped(code, stops);
    if (stopped)
      with_rows +=
          stopped_rows_[0] != std::vector<float>(stopped_rows_[0].size());
    ASSERT_EQ(services_->calls, whole) << stops;
  }
  EXPECT_GT(with_rows, 10);
}

// A batch larger than what a program relates.
TEST_F(InterpreterDataTest, RefusesABatchOfTooManyRows) {
  EXPECT_THAT(std::string(RunError(ForEachBatch(
                                       "train", 6,
                                       WithWholeBatch("train", Call("relate"))))
                              .message()),
              HasSubstr("expects a batch of at most 5 examples of the stream "
                        "train, which the loss relates, got 6"));
}

// Leaving a loop from inside of a whole batch.
TEST_F(InterpreterDataTest, LeavesAWholeBatch) {
  EXPECT_THAT(Run({ForEachBatch("train", 4, WithWholeBatch("train", Leave())),
                   ForEachBatch("train", 4, ShowBatch())}),
              ElementsAre("log sum=10 n=4", "log sum=18 n=3"));
}

// A signal while the caches of a resumed run are filled.
TEST_F(InterpreterDataTest, StopsWhileItEnters) {
  Load({FillCache("copied"),
        ForEachBatch("train", 3, {Set("a", Sum("train"))})});
  HostState state;
  {
    interpreter_ = Create().value();
    services_->stop = [](size_t at) { return at == 3; };
    ASSERT_FALSE(interpreter_->Run().value());
    state = interpreter_->state();
  }
  interpreter_ = Create().value();
  interpreter_->state() = state;
  services_->fail = [](const std::string&) {
    return absl::CancelledError("a signal");
  };
  EXPECT_FALSE(interpreter_->Run().value());
  EXPECT_EQ(interpreter_->state().at, state.at);
  EXPECT_EQ(interpreter_->state().streams, state.streams);
  services_->fail = {};
  services_->stop = {};
  EXPECT_TRUE(interpreter_->Run().value());
  EXPECT_EQ(Register("a"), 1);
}

TEST_F(InterpreterDataTest, RefusesAStateThatItsDataDoesNotHave) {
  Load(ForEachBatch("train", 3, {ForEachMicroBatch("train", {Call("first")})}));
  interpreter_ = Create().value();
  HostState& state = interpreter_->state();
  state.at = 2;
  state.streams[0] = {1, 5, 3};
  EXPECT_EQ(interpreter_->Run().status(),
            absl::InvalidArgumentError(
                "stream train: expects a micro-batch below 1, got 5"));
}

TEST_F(InterpreterDataTest, LaterTurnsAllocateNothing) {
  Load({FillCache("copied"),
        Repeat(
            "epoch", 40,
            {ForEachBatch("train", 4,
                          {Set("a", Sum("train", "value")),
                           ForEachMicroBatch(
                               "train", {Call("cached", {{"value", "a", kAdd}}),
                                         Call("first", {{"value", "b"}}),
                                         Call("represent")}),
                           WithWholeBatch("train", Call("relate")),
                           ForEachMicroBatch("train", Call("push")),
                           When("a"_r > 10, {}, {Set("b", 0)})})})});
  interpreter_ = Create().value();
  int64_t before = 0, turns = 0, after = 0;
  services_->stop = [&](size_t at) {
    // Two epochs warm up what reads ahead, too.
    if (at == 2 && ++turns == 3) before = CountAllocations();
    if (at == 2) after = CountAllocations();
    return false;
  };
  ASSERT_TRUE(interpreter_->Run().value());
  EXPECT_EQ(turns, 40);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace graft
