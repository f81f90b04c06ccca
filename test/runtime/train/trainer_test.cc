// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/trainer.h"

#include <algorithm>
#include <cstdlib>

#include "absl/algorithm/container.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/device/cpu/thread_pool.h"
#include "test/runtime/base/count_allocations.h"
#include "test/runtime/data/examples_in_memory.h"

namespace graft {
namespace {

constexpr int32_t kT = 0, kS = 1;
constexpr int64_t kIds = 16;
constexpr int64_t kTokens = 8, kSequences = 3;  // capacity
constexpr uint64_t kWeightBytes = kIds * sizeof(float);

ValueSpec MakeTensor(const std::string& name, DType dtype,
                     std::vector<DimSpec> dims, int64_t limit = 0) {
  ValueSpec value;
  value.name = name;
  value.dtype = dtype;
  value.dims = std::move(dims);
  value.limit = limit;
  return value;
}

SlotSpec MakeSlot(const std::string& name, SlotKind kind, int32_t parameter) {
  SlotSpec slot;
  slot.model = "m";
  slot.name = name;
  slot.kind = kind;
  slot.shape = {kIds};
  slot.parameter = parameter;
  slot.trainable = true;
  return slot;
}

CommandSpec MakeKernel(uint32_t kernel, std::vector<uint32_t> buffers,
                       int64_t items) {
  CommandSpec command;
  command.kernel = kernel;
  command.buffers = std::move(buffers);
  command.results = 1;
  command.grid.count = items;
  return command;
}

// accumulate(ids, segments, labels, total) -> loss and update(rate, step): one
// number w for each id, drawn to the labels of the sequences it is in.
ArtifactSpec MakeSpec(absl::Span<const uint8_t> code,
                      const std::string& level) {
  ValueSpec segments;
  segments.name = "segments";
  segments.kind = ValueKind::segments;
  segments.tokens = kT;
  segments.sequences = kS;
  ArtifactSpec spec;
  spec.sizes = {{"T", kTokens}, {"S", kSequences}};
  spec.slots = {MakeSlot("w", SlotKind::parameter, -1),
                MakeSlot("w.gradient", SlotKind::gradient, 0)};
  spec.entries = {{"accumulate",
                   {MakeTensor("ids", DType::kI32, {{kT, 0}}, kIds), segments,
                    MakeTensor("labels", DType::kI32, {{kS, 0}}),
                    MakeTensor("total", DType::kF32, {})},
                   {MakeTensor("loss", DType::kF32, {{-1, 1}})},
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
  accumulate.commands = {MakeKernel(0, {0, 1, 2, 3, 4, 5, 6, 7, 7}, kIds),
                         MakeKernel(1, {0, 1, 2, 3, 4, 5, 6, 8}, 1)};
  ProgramSpec update;
  update.buffers = {{Place::slot, 0, 0, 0, kWeightBytes},
                    {Place::slot, 0, 1, 0, kWeightBytes},
                    {Place::input, 0, 0, 0, 4}};
  CommandSpec clear;
  clear.kind = CommandKind::fill;
  clear.buffers = {1};
  clear.results = 1;
  clear.grid.count = kWeightBytes;
  update.commands = {MakeKernel(2, {0, 1, 2, 0}, kIds), clear};
  TargetSpec target;
  target.level = level;
  target.triple = "x86_64-unknown-linux-gnu";
  target.code = code;
  for (const char* name : {"learn", "squares", "update"})
    target.kernels.push_back({name, std::string("tiny_") + name});
  target.programs = {accumulate, update};
  spec.targets = {std::move(target)};
  spec.config = "{}";
  return spec;
}

// Gradients of all micro-batches, then the update.
const std::vector<HostInstruction> kStep = {{HostOp::for_each_micro_batch, 0},
                                            {HostOp::call, 0},
                                            {HostOp::end, 0},
                                            {HostOp::call, 1},
                                            {HostOp::mark, 0}};

// The level of some code that runs here; the C compiler made it for any.
std::string AnyLevel() {
  for (absl::string_view level : CpuLevels())
    if (CpuHasLevel(level)) return std::string(level);
  return "";
}

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no known level here";
    directory_ = ::testing::TempDir() + "/graft_trainer_XXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    device_ = CreateCpuDevice({.threads = 3}).value();
    Load(kStep);
    // Sequences of 1 to 4 tokens whose ids say the label.
    for (int32_t i = 0; i < 22; ++i) {
      const std::vector<int32_t> ids(1 + i % 4, i % kIds);
      train_.Add(ids, i % kIds % 2);
    }
    options_.batch_size = 4;
    options_.epochs = 20;
    options_.shuffle = true;
    options_.learning_rate = 0.5;
    options_.log_every = 1;
    options_.directory = directory_;
  }
  void TearDown() override {
    if (!directory_.empty()) RemoveTree(files_, directory_).IgnoreError();
  }

  // Makes an instance whose host program `train` is this, or which has none.
  void Load(std::vector<HostInstruction> program) {
    auto code = ReadFile(files_, GRAFT_TINY_KERNELS);
    ASSERT_TRUE(code.ok()) << code.status();
    ArtifactSpec spec = MakeSpec(
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(code->data()),
                            code->size()),
        AnyLevel());
    if (!program.empty()) spec.host_programs = {{"train", std::move(program)}};
    const std::string path = JoinPath(directory_, "program.graft");
    const auto zeros = [](size_t, WeightSink sink) {
      return sink(std::vector<uint8_t>(kWeightBytes));
    };
    absl::Status written = WriteArtifact(files_, path, spec, zeros);
    ASSERT_TRUE(written.ok()) << written;
    LoadOptions load;
    load.device = device_.get();
    auto artifact = Artifact::Load(files_, path, load);
    ASSERT_TRUE(artifact.ok()) << artifact.status();
    instance_.reset();
    instance_ = Instance::Create(*artifact, {}).value();
  }

  absl::StatusOr<TrainSummary> Train() {
    Trainer trainer(files_, *instance_, train_, {}, nullptr, options_);
    const std::atomic<bool> stop = false;
    return trainer.Run({}, stop);
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Instance> instance_;
  ExamplesInMemory train_;
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
  Trainer trainer(files_, *instance_, train_, {}, nullptr, options_);
  const std::atomic<bool> stop = false;
  auto summary = trainer.Run(
      [&](const StepReport& report) {
        if (report.step == 1) before = CountAllocations();
        after = CountAllocations();
        first_steps += report.step == 1;
      },
      stop);
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
  auto lines = ReadFile(files_, JoinPath(directory_, "metrics.jsonl"));
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(std::count(lines->begin(), lines->end(), '\n'), 120);
  EXPECT_EQ(lines->find("{\"step\":1,\"loss\":"), 0u) << lines->substr(0, 80);
}

// A second update in each step finds a gradient of zero; without an update the
// parameters stay what they were.
TEST_F(TrainerTest, DoesWhatTheHostProgramSays) {
  ASSERT_TRUE(Train().ok());
  const absl::Span<const uint8_t> trained = instance_->Slot(0).value();
  const std::vector<uint8_t> once(trained.begin(), trained.end());
  std::vector<HostInstruction> twice = kStep;
  twice.insert(twice.end() - 1, {HostOp::call, 1});
  Load(twice);
  ASSERT_TRUE(Train().ok());
  EXPECT_TRUE(absl::c_equal(*instance_->Slot(0), once));
  std::vector<HostInstruction> never = kStep;
  never.erase(never.end() - 2);
  Load(never);
  ASSERT_TRUE(Train().ok());
  EXPECT_FALSE(absl::c_equal(*instance_->Slot(0), once));
  EXPECT_TRUE(absl::c_all_of(*instance_->Slot(0),
                             [](uint8_t byte) { return byte == 0; }));
}

TEST_F(TrainerTest, RefusesAProgramThatIsNoStep) {
  Load({});
  EXPECT_EQ(Train().status().message(),
            "expects an artifact with the host program \"train\", got none");
  std::vector<HostInstruction> early = kStep;
  std::swap(early[3], early[4]);
  Load(early);
  EXPECT_EQ(Train().status().message(),
            "host program \"train\": expects one mark, at its end, got 1");
}

}  // namespace
}  // namespace graft
