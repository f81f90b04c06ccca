// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/thread_pool.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/base/count_allocations.h"
#include "test/runtime/data/examples_in_memory.h"
#include "test/runtime/host/training_program.h"

namespace graft {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr int32_t kT = 0, kS = 1;
constexpr int64_t kIds = 16;
constexpr int64_t kTokens = 8, kSequences = 3;  // capacity
constexpr uint64_t kWeightBytes = kIds * sizeof(float);

// accumulate(ids, segments, labels, total) -> loss and update(rate, step): one
// number w for each id, drawn to the labels of the sequences it is in.
ArtifactSpec MakeSpec(absl::Span<const uint8_t> code) {
  using namespace host_program;  // NOLINT: the language of a program
  ArtifactSpec spec;
  spec.sizes = {{"T", kTokens}, {"S", kSequences}};
  spec.slots = {MakeParameter("m", "w", {kIds})};
  spec.slots.push_back(MakeState(spec.slots, 0, "gradient"));
  spec.entries = {
      {"accumulate",
       {MakeTensor("ids", DType::kI32, {{kT, 0}}, kIds), MakeSegments(kT, kS),
        MakeTensor("labels", DType::kI32, {{kS, 0}}),
        MakeTensor("total", DType::kF32, {})},
       {MakeTensor("loss", DType::kF32, {})},
       0},
      {"update",
       {MakeTensor("rate", DType::kF32, {}),
        MakeTensor("step", DType::kI32, {})},
       {},
       0}};
  ProgramSpec accumulate;
  accumulate.buffers = {{Place::input, 0, 0, 0, kTokens * 4},
                        {Place::input, 0, 1, 0, (kSequences + 1) * 4},
                        {Place::input, 1, 1, 0, kSequences * 4},
                        {Place::input, 2, 1, 0, kTokens * 4},
                        {Place::input, 0, 2, 0, kSequences * 4},
                        {Place::input, 0, 3, 0, 4},
                        {Place::slot, 0, 0, 0, kWeightBytes},
                        {Place::slot, 0, 1, 0, kWeightBytes},
                        {Place::output, 0, 0, 0, 4}};
  accumulate.commands = {MakeKernel(0, {0, 1, 2, 3, 4, 5, 6, 7, 7}, 1, kIds),
                         MakeKernel(1, {0, 1, 2, 3, 4, 5, 6, 8})};
  ProgramSpec update;
  update.buffers = {{Place::slot, 0, 0, 0, kWeightBytes},
                    {Place::slot, 0, 1, 0, kWeightBytes},
                    {Place::input, 0, 0, 0, 4}};
  update.commands = {MakeKernel(2, {0, 1, 2, 0}, 1, kIds),
                     MakeFill(1, kWeightBytes)};
  TargetSpec target = MakeTarget(code, "tiny", {"learn", "squares", "update"});
  target.programs = {accumulate, update};
  spec.targets = {std::move(target)};
  TrainingProgram program;
  program.epochs = 20;
  program.batch_size = 4;
  program.peak = 0.5;
  AddTrainingProgram(program, spec);
  return spec;
}

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no known level here";
    directory_ = ::testing::TempDir() + "/graft_trainer_XXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    device_ = CreateCpuDevice({.threads = 3}).value();
    auto code = ReadFile(files_, GRAFT_TINY_KERNELS);
    ASSERT_TRUE(code.ok()) << code.status();
    code_ = *code;
    spec_ = MakeSpec(BytesOf(code_));
    Load();
    // Sequences of 1 to 4 tokens whose ids say the label.
    for (int32_t i = 0; i < 22; ++i) {
      const std::vector<int32_t> ids(1 + i % 4, i % kIds);
      train_.Add(ids, i % kIds % 2);
    }
    options_.registers = {{"log_every", 1}};
    options_.directory = directory_;
  }
  void TearDown() override {
    if (!directory_.empty()) RemoveTree(files_, directory_).IgnoreError();
  }

  // Makes an instance of spec_.
  void Load() {
    const std::string path = JoinPath(directory_, "program.graft");
    const auto zeros = [](size_t, WeightSink sink) {
      return sink(std::vector<uint8_t>(kWeightBytes));
    };
    absl::Status written = WriteArtifact(files_, path, spec_, zeros);
    ASSERT_TRUE(written.ok()) << written;
    LoadOptions load;
    load.device = device_.get();
    auto artifact = Artifact::Load(files_, path, load);
    ASSERT_TRUE(artifact.ok()) << artifact.status();
    instance_.reset();
    instance_ = Instance::Create(*artifact, {}).value();
  }

  absl::StatusOr<TrainSummary> Train(const TrainProgress& progress = {}) {
    Trainer trainer(files_, *instance_, streams_, options_);
    const std::atomic<bool> stop = false;
    return trainer.Run(progress, stop);
  }

  // Index of the first instruction with this operation.
  size_t Find(HostOp op, uint32_t index) {
    const auto& instructions = spec_.host_programs[0].instructions;
    for (size_t i = 0; i < instructions.size(); ++i)
      if (instructions[i].op == op && instructions[i].index == index) return i;
    ADD_FAILURE() << "no such instruction";
    return 0;
  }

  std::vector<uint8_t> Weights() {
    const absl::Span<const uint8_t> bytes = instance_->Slot(0).value();
    return {bytes.begin(), bytes.end()};
  }

  // The metrics of the run, a line for each record.
  std::string Metrics() {
    return ReadFile(files_, JoinPath(directory_, "metrics.jsonl")).value();
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Instance> instance_;
  std::string code_;
  ArtifactSpec spec_;  // borrows code_
  ExamplesInMemory train_;
  std::vector<TrainStream> streams_ = {{"train", &train_, /*shuffle=*/true, 0}};
  TrainOptions options_;
};

TEST_F(TrainerTest, AllocatesNothingAfterTheFirstStep) {
  // The counter sees all threads.
  int64_t before = CountAllocations();
  ThreadPool::Create(3).value()->Run([](int) {
    void* volatile memory = std::malloc(8);
    std::free(memory);
  });
  ASSERT_GE(CountAllocations(), before + 3);

  // Counted from the end of the first step to that of the last; in between lie
  // lines of metrics, new epochs, and several micro-batches.
  int64_t after = 0, first_steps = 0;
  TrainProgress progress;
  progress.step = [&](const StepReport& report) {
    if (report.step == 1) before = CountAllocations();
    after = CountAllocations();
    first_steps += report.step == 1;
  };
  auto summary = Train(progress);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(first_steps, 1);
  EXPECT_EQ(summary->steps, 120);
  EXPECT_EQ(after - before, 0);
}

TEST_F(TrainerTest, LearnsAndLogsEachStep) {
  auto summary = Train();
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_LT(summary->last_loss, 0.01);
  const float* w = reinterpret_cast<const float*>(instance_->Slot(0)->data());
  for (int64_t i = 0; i < kIds; ++i) EXPECT_NEAR(w[i], i % 2, 0.1) << i;
  EXPECT_EQ(summary->steps, 120);
  EXPECT_EQ(summary->first_step, 0);
  EXPECT_EQ(summary->examples, 20 * 22);
  EXPECT_FALSE(summary->interrupted);
  EXPECT_GT(summary->mean_loss, summary->last_loss);
  EXPECT_LT(summary->mean_loss, 1);
  const std::string lines = Metrics();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 120);
  EXPECT_EQ(lines.find("{\"step\":1,\"loss\":"), 0u) << lines.substr(0, 80);
  EXPECT_THAT(lines, HasSubstr(",\"learning_rate\":0.5,"));
}

// A second update in each step finds a gradient of zero; without an update the
// parameters stay what they were.
TEST_F(TrainerTest, DoesWhatTheHostProgramSays) {
  ASSERT_TRUE(Train().ok());
  const std::vector<uint8_t> once = Weights();
  auto& instructions = spec_.host_programs[0].instructions;
  const size_t update = Find(HostOp::call, /*index=*/1);
  instructions.insert(instructions.begin() + update, instructions[update]);
  Load();
  ASSERT_TRUE(Train().ok());
  EXPECT_EQ(Weights(), once);
  instructions.erase(instructions.begin() + update,
                     instructions.begin() + update + 2);
  Load();
  ASSERT_TRUE(Train().ok());
  EXPECT_THAT(Weights(), Each(0));
}

TEST_F(TrainerTest, StepsAreReported) {
  options_.registers.emplace_back("max_steps", 3);
  std::vector<StepReport> reports;
  TrainProgress progress;
  progress.step = [&](const StepReport& report) { reports.push_back(report); };
  auto summary = Train(progress);
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[1].step, 2);
  EXPECT_EQ(reports[1].total_steps, 3);
  EXPECT_EQ(reports[0].rate, 0.5);
  // Of 120 steps: max_steps does not change the schedule.
  EXPECT_EQ(reports[2].rate, 0.5 * (118.0 / 120));
  EXPECT_EQ(summary->steps, 3);
  EXPECT_EQ(summary->last_loss, reports[2].loss);
  EXPECT_DOUBLE_EQ(summary->mean_loss,
                   (reports[0].loss + reports[1].loss + reports[2].loss) / 3);
}

TEST_F(TrainerTest, RefusesAnArtifactWithoutAHostProgram) {
  const HostProgramSpec program = spec_.host_programs[0];
  spec_.host_programs.clear();
  Load();
  EXPECT_THAT(std::string(Train().status().message()),
              HasSubstr("program.graft: expects a program that trains, got one "
                        "of a strategy without transfer.phase"));
  spec_.host_programs = {program, program};
  spec_.host_programs[1].name = "second";
  Load();
  EXPECT_THAT(std::string(Train().status().message()),
              HasSubstr(", got train, second"));
}

TEST_F(TrainerTest, RefusesUnknownStreamsAndRegisters) {
  streams_[0].name = "source";
  EXPECT_EQ(Train().status(),
            absl::InvalidArgumentError(
                "expects data for the streams train, dev, got source"));
  streams_.clear();
  EXPECT_EQ(Train().status(),
            absl::InvalidArgumentError(
                "expects examples of the stream train, got none"));
  streams_ = {{"train", &train_, false, 0}};
  // A variable is no parameter.
  for (const char* name : {"momentum", "step"}) {
    options_.registers = {{name, 1}};
    EXPECT_EQ(Train().status(), absl::InvalidArgumentError(absl::StrCat(
                                    "expects a program with the parameter ",
                                    name, ", got none")));
  }
  for (const auto& [name, value, message] :
       {std::tuple{"warmup", 1.5,
                   "warmup: expects a number from 0 to 1, got "
                   "1.5"},
        {"warmup", std::nan(""),
         "warmup: expects a number from 0 to 1, got "
         "nan"},
        {"log_every", 0.0,
         "log_every: expects a number from 1 to 1e+15, got "
         "0"},
        {"batch_size", 2.5,
         "expects a batch of 1 to 1000000000 examples of "
         "the stream train, got 2.5"}}) {
    options_.registers = {{name, value}};
    EXPECT_EQ(Train().status(), absl::InvalidArgumentError(message));
  }
}

TEST_F(TrainerTest, ALossThatIsNotFiniteEndsTheRun) {
  options_.registers = {{"peak", 1e30}, {"checkpoint_every", 1}};
  const absl::Status status = Train().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  // The loss overflows as the square of a parameter does.
  EXPECT_THAT(
      std::string(status.message()),
      MatchesRegex("step [0-9]+: expects a finite loss, got inf; checkpoints "
                   "already written are kept"));
  EXPECT_FALSE(ListCheckpoints(files_, directory_)->empty());
  // A tensor that is the cause is named.
  Load();
  std::fill_n(reinterpret_cast<float*>(instance_->MutableSlot(0)->data()), kIds,
              std::nanf(""));
  EXPECT_EQ(Train().status(),
            absl::DataLossError(
                "step 1: expects a finite loss, got nan; first non-finite "
                "tensor: m.w; checkpoints already written are kept"));
}

// The loss of the step is finite, but its update overflows; neither the end of
// the run nor a checkpoint takes such parameters.
TEST_F(TrainerTest, AParameterThatIsNotFiniteAtTheEndIsAnError) {
  for (const char* option : {"max_steps", "checkpoint_every"}) {
    Load();
    auto* values =
        reinterpret_cast<float*>(instance_->MutableSlot(0).value().data());
    std::fill_n(values, kIds, 1e10f);
    options_.registers = {{"peak", 1e30}, {"log_every", 1}, {option, 1}};
    EXPECT_EQ(Train().status(),
              absl::DataLossError(
                  "step 1: expects finite parameters after the update; first "
                  "non-finite tensor: m.w"));
    EXPECT_TRUE(ListCheckpoints(files_, directory_)->empty());
  }
}

TEST_F(TrainerTest, WritesNothingBeforeTheRunBegins) {
  const std::vector<std::string> before = files_.List(directory_).value();
  int64_t begun = 0;
  options_.begin = [&](std::optional<int64_t> resumed) {
    EXPECT_FALSE(resumed);
    ++begun;
    return absl::UnavailableError("not now");
  };
  EXPECT_EQ(Train().status(), absl::UnavailableError("not now"));
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(files_.List(directory_).value(), before);
  options_.registers = {{"warmup", 2}};
  EXPECT_TRUE(absl::IsInvalidArgument(Train().status()));
  EXPECT_EQ(begun, 1);
}

// A run that is resumed from the checkpoint before the last records leaves each
// step once, whatever the killed one wrote behind it.
TEST_F(TrainerTest, MetricsHaveEachStepOnceAfterAResume) {
  options_.registers = {
      {"checkpoint_every", 2}, {"max_steps", 5}, {"log_every", 1}};
  ASSERT_TRUE(Train().ok());
  const std::string path = JoinPath(directory_, "metrics.jsonl");
  ASSERT_TRUE(WriteFile(files_, path, Metrics() + "{\"step\":6,\"lo").ok());
  options_.resume = true;
  options_.registers = {{"max_steps", 7}, {"log_every", 1}};
  Load();
  ASSERT_TRUE(Train().ok());
  std::vector<std::string> steps;
  for (const absl::string_view line :
       absl::StrSplit(Metrics(), '\n', absl::SkipEmpty()))
    steps.emplace_back(line.substr(0, line.find(',')));
  EXPECT_THAT(steps, ElementsAre("{\"step\":1", "{\"step\":2", "{\"step\":3",
                                 "{\"step\":4", "{\"step\":5", "{\"step\":6",
                                 "{\"step\":7"));
}

// A source that can be read a number of times.
class SourceThatFails final : public ExampleSource {
 public:
  SourceThatFails(ExampleSource& source, int64_t reads)
      : source_(source), reads_(reads) {}

  const Schema& schema() const override { return source_.schema(); }
  int64_t size() const override { return source_.size(); }
  int64_t longest() const override { return source_.longest(); }
  absl::Status Append(int64_t row, Examples& examples) override {
    if (reads_-- == 0) return absl::DataLossError("train.tsv:7: has changed");
    return source_.Append(row, examples);
  }

 private:
  ExampleSource& source_;
  int64_t reads_;
};

// An error of the data costs no step, also without checkpoints.
TEST_F(TrainerTest, ARunWhoseSourceFailsGoesOnWhereItWas) {
  ASSERT_TRUE(Train().ok());
  const std::vector<uint8_t> whole = Weights();
  for (const int64_t reads : {50, 23, 3}) {
    Load();
    SourceThatFails source(train_, reads);
    ExampleSource* const good = std::exchange(streams_.front().source, &source);
    options_.resume = false;
    const absl::Status failed = Train().status();
    // Batches of 4, and of 2 at the end of an epoch of 22 rows.
    const int64_t steps = reads / 22 * 6 + reads % 22 / 4;
    EXPECT_EQ(
        failed,
        absl::DataLossError(absl::StrCat(
            "train.tsv:7: has changed",
            steps == 0 ? ""
                       : absl::StrCat("; the run is saved at step ", steps,
                                      ": --resume continues it"))));
    EXPECT_EQ(ListCheckpoints(files_, directory_)->size(), steps == 0 ? 0 : 1);
    streams_.front().source = good;
    options_.resume = true;
    Load();
    const auto summary = Train();
    ASSERT_TRUE(summary.ok()) << summary.status();
    EXPECT_EQ(summary->first_step, steps);
    EXPECT_EQ(Weights(), whole);
    const auto paths = ListCheckpoints(files_, directory_);
    ASSERT_TRUE(paths.ok()) << paths.status();
    for (const std::string& path : *paths)
      ASSERT_TRUE(files_.Remove(path).ok());
  }
}

TEST_F(TrainerTest, ResumesFromTheNewestValidCheckpoint) {
  ASSERT_TRUE(Train().ok());
  const std::vector<uint8_t> whole = Weights();
  options_.registers = {{"checkpoint_every", 2}, {"max_steps", 5}};
  options_.run = {{"--epochs", "3"}, {"rows", "12ab", "the rows of t.tsv"}};
  Load();
  ASSERT_TRUE(Train().ok());
  auto paths = ListCheckpoints(files_, directory_);
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_THAT(*paths, ElementsAre(CheckpointPath(directory_, 4),
                                  CheckpointPath(directory_, 2)));

  options_.resume = true;
  options_.registers = {};
  options_.run = {{"--epochs", "4"}, {"rows", "12ac", "the rows of t.tsv"}};
  EXPECT_EQ(Train().status(),
            absl::InvalidArgumentError(absl::StrCat(
                paths->front(),
                ": expects a checkpoint of this run, got one of another: "
                "--epochs: this run has 4, the checkpoint's run 3; the rows of "
                "t.tsv differ from those of the checkpoint's run")));

  options_.run = {{"--epochs", "3"}, {"rows", "12ab", "the rows of t.tsv"}};
  options_.seed = 8;
  EXPECT_EQ(Train().status(),
            absl::InvalidArgumentError(absl::StrCat(
                paths->front(),
                ": expects a checkpoint of the seed 8, got one of 0")));

  // A damaged one is left out, with a warning.
  options_.seed = 0;
  std::string bytes = ReadFile(files_, paths->front()).value();
  bytes.back() ^= 1;
  ASSERT_TRUE(WriteFile(files_, paths->front(), bytes).ok());
  Load();
  auto summary = Train();
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->first_step, 2);
  EXPECT_EQ(summary->steps, 120);
  EXPECT_THAT(summary->warnings,
              ElementsAre(AllOf(HasSubstr("skipped a checkpoint: "),
                                HasSubstr(paths->front()),
                                HasSubstr("the file is damaged"))));
  EXPECT_EQ(Weights(), whole);

  // Without a valid one there is nothing to resume.
  for (const std::string& path : *paths)
    ASSERT_TRUE(WriteFile(files_, path, "damaged").ok());
  const absl::Status none = Train().status();
  EXPECT_EQ(none.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(none.message()),
              HasSubstr(absl::StrCat("no valid checkpoint in ", directory_)));
}

}  // namespace
}  // namespace graft
