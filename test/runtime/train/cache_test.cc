// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/cache.h"

#include <filesystem>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/binding/run_batches.h"
#include "runtime/data/sampler.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/parameters.h"
#include "runtime/train/trainer.h"
#include "test/runtime/data/examples_in_memory.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int32_t kT = 0, kS = 1;
constexpr uint32_t kTeacher = 0, kStudent = 1, kGradient = 2;
constexpr float kSaid = 2;  // the teacher's parameter
constexpr uint64_t kFingerprint = 1;

std::string AnyLevel() {
  for (absl::string_view level : CpuLevels())
    if (CpuHasLevel(level)) return std::string(level);
  return "";
}

SlotSpec Slot(const std::string& model, const std::string& name, SlotKind kind,
              int32_t parameter, bool trainable) {
  SlotSpec slot;
  slot.model = model;
  slot.name = name;
  slot.kind = kind;
  slot.shape = {1};
  slot.parameter = parameter;
  slot.trainable = trainable;
  return slot;
}

ValueSpec Tensor(const std::string& name, DType dtype,
                 std::vector<DimSpec> dims) {
  ValueSpec value;
  value.name = name;
  value.dtype = dtype;
  value.dims = std::move(dims);
  return value;
}

ProgramSpec Program(std::vector<BufferSpec> buffers, uint32_t kernel,
                    std::vector<uint32_t> order, uint32_t results) {
  ProgramSpec program;
  program.buffers = std::move(buffers);
  CommandSpec command;
  command.kernel = kernel;
  command.buffers = std::move(order);
  command.results = results;
  program.commands = {command};
  return program;
}

// ids, offsets, the parameter, rows.
ProgramSpec Say(uint32_t slot) {
  return Program({{Place::input, 0, 0, 0, 32},
                  {Place::input, 0, 1, 0, 16},
                  {Place::slot, 0, slot, 0, 4},
                  {Place::output, 0, 0, 0, 24}},
                 0, {0, 1, 2, 3}, 1);
}

// Sizes T up to 8 and S up to 3; a teacher and a student with one number each,
// both of the name "w"; see teaching_kernels.c.
ArtifactSpec TeachingSpec(absl::Span<const uint8_t> code) {
  ArtifactSpec spec;
  spec.sizes = {{"T", 8}, {"S", 3}};
  spec.slots = {
      Slot("teacher", "w", SlotKind::parameter, -1, false),
      Slot("student", "w", SlotKind::parameter, -1, true),
      Slot("student", "w.gradient", SlotKind::gradient, kStudent, true)};
  const ValueSpec ids = Tensor("ids", DType::kI32, {{kT, 0}});
  const ValueSpec rows = Tensor("", DType::kF32, {{kS, 0}, {-1, 2}});
  ValueSpec segments;
  segments.name = "segments";
  segments.kind = ValueKind::segments;
  segments.tokens = kT;
  segments.sequences = kS;
  ValueSpec said = rows, logits = rows;
  said.name = "cached.said";
  logits.name = "logits";
  spec.entries = {
      {"said", {ids, segments}, {said}, 0},
      {"predict", {ids, segments}, {logits}, 0},
      {"accumulate",
       {Tensor("labels", DType::kI32, {{kS, 0}}), said,
        Tensor("total", DType::kF32, {}), Tensor("labelled", DType::kF32, {})},
       {Tensor("loss", DType::kF32, {})},
       0},
      {"update", {Tensor("rate", DType::kF32, {})}, {}, 0}};
  TargetSpec target;
  target.level = AnyLevel();
  target.triple = "x86_64-unknown-linux-gnu";
  target.code = code;
  for (const char* name : {"say", "learn", "update"})
    target.kernels.push_back({name, std::string("teaching_") + name});
  target.programs = {Say(kTeacher), Say(kStudent),
                     Program({{Place::input, 0, 1, 0, 24},
                              {Place::input, 0, 0, 0, 12},
                              {Place::input, 0, 2, 0, 4},
                              {Place::input, 0, 3, 0, 4},
                              {Place::slot, 0, kGradient, 0, 4},
                              {Place::output, 0, 0, 0, 4}},
                             1, {0, 1, 2, 3, 4, 5, 4}, 2),
                     Program({{Place::slot, 0, kStudent, 0, 4},
                              {Place::slot, 0, kGradient, 0, 4},
                              {Place::input, 0, 0, 0, 4}},
                             2, {0, 1, 2, 0, 1}, 2)};
  spec.targets = {std::move(target)};
  spec.host_programs = {{"train",
                         {{HostOp::for_each_micro_batch, 0},
                          {HostOp::call, 2},
                          {HostOp::end, 0},
                          {HostOp::call, 3},
                          {HostOp::mark, 0}}}};
  return spec;
}

class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no level of code runs here";
    directory_ =
        ::testing::TempDir() + "/cache_test." +
        ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    instance_ = MakeInstance(kSaid);
    // Sums of ids 3, 4, 10, 6, 7.
    examples_.Add({1, 2}, 4);
    examples_.Add({4}, kNoLabel);
    examples_.Add({5, 5}, 1);
    examples_.Add({1, 2, 3}, kNoLabel);
    examples_.Add({7}, kNoLabel);
  }

  std::unique_ptr<Instance> MakeInstance(float said) {
    auto code = ReadFile(files_, GRAFT_TEACHING_KERNELS);
    EXPECT_TRUE(code.ok()) << code.status();
    const ArtifactSpec spec = TeachingSpec(absl::MakeConstSpan(
        reinterpret_cast<const uint8_t*>(code->data()), code->size()));
    const std::string path = directory_ + "/program.graft";
    EXPECT_TRUE(
        WriteArtifact(files_, path, spec, [&](size_t slot, WeightSink sink) {
          const float value = slot == kTeacher ? said : 1.0f;
          return sink(absl::MakeConstSpan(
              reinterpret_cast<const uint8_t*>(&value), sizeof(value)));
        }).ok());
    LoadOptions load;
    load.device = device_.get();
    auto artifact = Artifact::Load(files_, path, load);
    EXPECT_TRUE(artifact.ok()) << artifact.status();
    auto instance = Instance::Create(*artifact, {});
    EXPECT_TRUE(instance.ok()) << instance.status();
    return *std::move(instance);
  }

  absl::StatusOr<CacheReport> Fill(uint64_t fingerprint = kFingerprint) {
    return FillCaches(files_, *instance_, directory_, examples_, fingerprint,
                      {}, stop_);
  }

  std::string KeptPath() const { return directory_ + "/cached.safetensors"; }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
  std::unique_ptr<Device> device_ = CreateCpuDevice({.threads = 1}).value();
  std::unique_ptr<Instance> instance_;
  ExamplesInMemory examples_;
  std::atomic<bool> stop_{false};
};

constexpr float kRows[] = {6, 2, 8, 1, 20, 2, 12, 3, 14, 1};

TEST_F(CacheTest, ComputesEachExampleOnceAndKeepsIt) {
  std::vector<int64_t> done;
  auto report = FillCaches(
      files_, *instance_, directory_, examples_, kFingerprint,
      [&](int64_t ready, int64_t all) {
        done.push_back(ready);
        EXPECT_EQ(all, 5);
      },
      stop_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->computed, ElementsAre("said"));
  EXPECT_THAT(report->warnings, IsEmpty());
  EXPECT_THAT(done, ElementsAre(3, 5));
  ASSERT_EQ(report->caches.size(), 1u);
  EXPECT_EQ(report->caches[0].width, 2);
  EXPECT_THAT(report->caches[0].values, ElementsAreArray(kRows));

  auto kept = Fill();
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_THAT(kept->computed, IsEmpty());
  EXPECT_THAT(kept->warnings, IsEmpty());
  EXPECT_THAT(kept->caches[0].values, ElementsAreArray(kRows));
}

TEST_F(CacheTest, ComputesAgainForOtherExamplesOrAnotherTeacher) {
  ASSERT_TRUE(Fill().ok());
  auto report = Fill(kFingerprint + 1);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->computed, ElementsAre("said"));
  EXPECT_THAT(report->warnings,
              ElementsAre(HasSubstr("cached.safetensors: expects key ")));

  ASSERT_TRUE(Fill().ok());
  instance_ = MakeInstance(3 * kSaid);
  report = Fill();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->computed, ElementsAre("said"));
  EXPECT_EQ(report->caches[0].values[0], 3 * kRows[0]);
}

TEST_F(CacheTest, ComputesAgainWhatIsDamaged) {
  ASSERT_TRUE(Fill().ok());
  const std::string whole = *ReadFile(files_, KeptPath());
  std::string flipped = whole;
  flipped.back() ^= 1;
  for (const std::string& text : {flipped, whole.substr(0, whole.size() - 4),
                                  std::string("no tensors")}) {
    ASSERT_TRUE(WriteFile(files_, KeptPath(), text).ok());
    auto report = Fill();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->computed, ElementsAre("said"));
    EXPECT_THAT(report->warnings, ElementsAre(HasSubstr("cached.safetensors")));
    EXPECT_THAT(report->caches[0].values, ElementsAreArray(kRows));
    EXPECT_EQ(*ReadFile(files_, KeptPath()), whole);
  }
}

TEST_F(CacheTest, StopsWithoutAFile) {
  stop_ = true;
  EXPECT_EQ(Fill().status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(files_.Exists(KeptPath()));
}

// Losses of the steps of one epoch in the order of the examples.
std::vector<float> Losses(FileSystem& files, Instance& instance,
                          ExampleSource& examples,
                          absl::Span<const CachedRows> caches,
                          TrainOptions options) {
  std::vector<float> losses;
  Trainer trainer(files, instance, examples, caches, nullptr, options);
  std::atomic<bool> stop{false};
  auto summary = trainer.Run(
      [&](const StepReport& step) {
        losses.push_back(static_cast<float>(step.loss));
      },
      stop);
  EXPECT_TRUE(summary.ok()) << summary.status();
  return losses;
}

TEST_F(CacheTest, EachLossIsDividedByItsOwnTotal) {
  auto report = Fill();
  ASSERT_TRUE(report.ok()) << report.status();
  TrainOptions options;
  options.batch_size = 4;  // over the capacity of 3: two launches
  // Soft (6 + 8 + 20 + 12) / 4, hard (5 + 2) / 2; then 14 / 1 and no label.
  EXPECT_THAT(Losses(files_, *instance_, examples_, report->caches, options),
              ElementsAre(FloatEq(11.5 + 3.5), FloatEq(14)));
}

TEST_F(CacheTest, RowsFollowTheirExamplesWhenShuffled) {
  auto report = Fill();
  ASSERT_TRUE(report.ok()) << report.status();
  TrainOptions options;
  options.batch_size = 1;
  options.shuffle = true;
  options.seed = 3;
  // A row alone has the loss of its own teacher and label.
  EXPECT_THAT(Losses(files_, *instance_, examples_, report->caches, options),
              UnorderedElementsAre(FloatEq(6 + 5), FloatEq(8), FloatEq(20 + 2),
                                   FloatEq(12), FloatEq(14)));
}

TEST_F(CacheTest, TrainingWithoutTheRowsIsRefused) {
  Trainer trainer(files_, *instance_, examples_, {}, nullptr, TrainOptions());
  auto summary = trainer.Run({}, stop_);
  EXPECT_EQ(summary.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(summary.status().message()),
              HasSubstr("expects a batch with rows of cached.said, got none"));
}

TEST_F(CacheTest, TheTrainedArtifactLeavesTheTeacherBehind) {
  auto report = Fill();
  ASSERT_TRUE(report.ok()) << report.status();
  TrainOptions options;
  options.learning_rate = 0.5;
  options.schedule = ScheduleKind::kConstant;
  Losses(files_, *instance_, examples_, report->caches, options);
  const std::string path = directory_ + "/model.graft";
  ASSERT_TRUE(
      WriteTrainedArtifact(files_, path, *instance_, {"no", "yes"}).ok());
  LoadOptions load;
  load.verify_weights = true;
  load.device = device_.get();
  auto artifact = Artifact::Load(files_, path, load);
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  const ArtifactSpec& spec = (*artifact)->spec();
  ASSERT_EQ(spec.slots.size(), 2u);
  EXPECT_EQ(spec.slots[0].model, "student");
  EXPECT_EQ(spec.slots[1].parameter, 0);
  std::vector<std::string> entries;
  for (const EntrySpec& entry : spec.entries) entries.push_back(entry.name);
  EXPECT_THAT(entries, ElementsAre("predict", "accumulate", "update"));
  ASSERT_EQ(spec.host_programs.size(), 1u);
  EXPECT_EQ(spec.host_programs[0].instructions[1].entry, 1u);

  auto instance = Instance::Create(*artifact, {.training = false});
  ASSERT_TRUE(instance.ok()) << instance.status();
  // w = 1 - 0.5 * ((6 + 8 + 20 + 12 + 14) / 5 + 7 / 2) = -6.75.
  std::vector<float> said;
  auto predict = EntryCaller::Create(**instance, "predict");
  ASSERT_TRUE(predict.ok()) << predict.status();
  ASSERT_TRUE(RunBatches(*predict, {8, 3}, InOrder(examples_),
                         [&](const Examples& batch) {
                           const auto rows = predict->Output("logits");
                           for (int64_t i = 0; i < batch.size(); ++i)
                             said.push_back(rows[2 * i]);
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_THAT(said, ElementsAre(FloatEq(-6.75 * 3), FloatEq(-6.75 * 4),
                                FloatEq(-6.75 * 10), FloatEq(-6.75 * 6),
                                FloatEq(-6.75 * 7)));
}

TEST_F(CacheTest, InitialValuesAreThoseOfTheStudent) {
  const float value = 5;
  TensorView view;
  view.name = "w";
  view.dtype = DType::kF32;
  view.shape = {1};
  view.data = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(&value),
                                  sizeof(value));
  const std::string path = directory_ + "/initial.safetensors";
  ASSERT_TRUE(WriteSafetensors(files_, path, {view}).ok());
  ASSERT_TRUE(LoadInitialParameters(files_, path, *instance_).ok());
  auto read = [&](size_t slot) {
    return *reinterpret_cast<const float*>(instance_->Slot(slot)->data());
  };
  EXPECT_EQ(read(kStudent), 5);
  EXPECT_EQ(read(kTeacher), kSaid);
}

}  // namespace
}  // namespace graft
