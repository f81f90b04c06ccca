// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/cache.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/binding/run_batches.h"
#include "runtime/data/sampler.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/formats/safetensors.h"
#include "runtime/train/parameters.h"
#include "runtime/train/trained_artifact.h"
#include "runtime/train/trainer.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/data/examples_in_memory.h"
#include "test/runtime/host/training_program.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr int32_t kT = 0, kS = 1;
constexpr uint32_t kTeacher = 0, kStudent = 1, kGradient = 2;
constexpr float kSaid = 2;  // the teacher's parameter
constexpr uint64_t kFingerprint = 1;

ProgramSpec Program(std::vector<BufferSpec> buffers, uint32_t kernel,
                    std::vector<uint32_t> order, uint32_t results) {
  ProgramSpec program;
  program.buffers = std::move(buffers);
  program.commands = {MakeKernel(kernel, std::move(order), results)};
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
  using namespace host_program;  // NOLINT: the language of a program
  ArtifactSpec spec;
  spec.sizes = {{"T", 8}, {"S", 3}};
  spec.slots = {MakeParameter("teacher", "w", {1}, /*trainable=*/false),
                MakeParameter("student", "w", {1})};
  spec.slots.push_back(MakeState(spec.slots, kStudent, "gradient"));
  const ValueSpec ids = MakeTensor("ids", DType::kI32, {{kT, 0}});
  const ValueSpec segments = MakeSegments(kT, kS);
  const auto rows = [](const std::string& name) {
    return MakeTensor(name, DType::kF32, {{kS, 0}, {-1, 2}});
  };
  spec.entries = {{"said", {ids, segments}, {rows("said")}, 0},
                  {"predict", {ids, segments}, {rows("logits")}, 0},
                  {"accumulate",
                   {MakeTensor("labels", DType::kI32, {{kS, 0}}),
                    rows("cached.said"), MakeTensor("total", DType::kF32, {}),
                    MakeTensor("labelled", DType::kF32, {})},
                   {MakeTensor("loss", DType::kF32, {})},
                   0},
                  {"update", {MakeTensor("rate", DType::kF32, {})}, {}, 0}};
  TargetSpec target = MakeTarget(code, "teaching", {"say", "learn", "update"});
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
  spec.caches = {{"said", /*stream=*/0, /*entry=*/0, /*output=*/0,
                  /*batch=*/false, "graph"}};
  TrainingProgram program;
  program.schedule = Schedule::kConstant;
  program.epochs = 1;
  AddTrainingProgram(program, spec);
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
    auto code = ReadFile(files_, GRAFT_TEACHING_KERNELS);
    ASSERT_TRUE(code.ok()) << code.status();
    code_ = *code;
    spec_ = TeachingSpec(BytesOf(code_));
    instance_ = MakeInstance(kSaid);
    // Sums of ids 3, 4, 10, 6, 7.
    examples_.Add({1, 2}, 4);
    examples_.Add({4}, kNoLabel);
    examples_.Add({5, 5}, 1);
    examples_.Add({1, 2, 3}, kNoLabel);
    examples_.Add({7}, kNoLabel);
  }

  std::unique_ptr<Instance> MakeInstance(float said) {
    const std::string path = directory_ + "/program.graft";
    EXPECT_TRUE(
        WriteArtifact(files_, path, spec_, [&](size_t slot, WeightSink sink) {
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
    return FillCache(files_, *instance_, /*cache=*/0, {directory_, shared_},
                     examples_, fingerprint, {}, [&] { return stop_; });
  }

  std::string KeptPath() const {
    return directory_ + "/cached.said.safetensors";
  }

  // Losses of the steps of one epoch.
  std::vector<float> Losses(double batch_size, double peak = 5e-5,
                            bool shuffle = false) {
    std::vector<float> losses;
    options_.seed = 3;
    options_.registers = {{"batch_size", batch_size}, {"peak", peak}};
    TrainProgress progress;
    progress.step = [&](const StepReport& step) {
      losses.push_back(static_cast<float>(step.loss));
    };
    const auto summary = Train(progress, shuffle);
    EXPECT_TRUE(summary.ok()) << summary.status();
    return losses;
  }

  absl::StatusOr<TrainSummary> Train(const TrainProgress& progress,
                                     bool shuffle = false) {
    Trainer trainer(files_, *instance_,
                    {{"train", &examples_, shuffle, kFingerprint}}, options_);
    const std::atomic<bool> stop = false;
    return trainer.Run(progress, stop);
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
  std::unique_ptr<Device> device_ = CreateCpuDevice({.threads = 1}).value();
  std::unique_ptr<Instance> instance_;
  ExamplesInMemory examples_;
  std::string code_;
  ArtifactSpec spec_;  // borrows code_
  TrainOptions options_;
  bool stop_ = false, shared_ = false;
};

std::vector<float> ValuesOf(const CacheReport& report) {
  const CachedRows& rows = report.rows;
  return {rows.data(), rows.data() + 5 * rows.width};
}

constexpr float kRows[] = {6, 2, 8, 1, 20, 2, 12, 3, 14, 1};

TEST_F(CacheTest, ComputesEachExampleOnceAndKeepsIt) {
  std::vector<int64_t> done;
  auto report =
      FillCache(files_, *instance_, 0, {directory_}, examples_, kFingerprint,
                [&](int64_t ready, int64_t all) {
                  done.push_back(ready);
                  EXPECT_EQ(all, 5);
                },
                {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->computed);
  EXPECT_EQ(report->warning, "");
  EXPECT_THAT(done, ElementsAre(3, 5));
  EXPECT_EQ(report->rows.name, "said");
  EXPECT_EQ(report->rows.width, 2);
  EXPECT_THAT(ValuesOf(*report), ElementsAreArray(kRows));

  auto kept = Fill();
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_FALSE(kept->computed);
  EXPECT_EQ(kept->warning, "");
  EXPECT_THAT(ValuesOf(*kept), ElementsAreArray(kRows));
}

TEST_F(CacheTest, ComputesAgainForOtherExamplesOrAnotherTeacher) {
  ASSERT_TRUE(Fill().ok());
  auto report = Fill(kFingerprint + 1);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->computed);
  EXPECT_THAT(report->warning,
              HasSubstr("cached.said.safetensors: expects key "));

  ASSERT_TRUE(Fill().ok());
  instance_ = MakeInstance(3 * kSaid);
  report = Fill();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->computed);
  EXPECT_EQ(ValuesOf(*report)[0], 3 * kRows[0]);
}

// Of another program, whose code and losses may differ.
TEST_F(CacheTest, RowsOfTheSameGraphAreShared) {
  shared_ = true;
  ASSERT_TRUE(Fill().ok());
  spec_.caches[0].name = "told";
  spec_.host_programs[0] = {};
  spec_.host_programs[0].name = "other";
  spec_.targets[0].programs[1].commands.clear();
  instance_ = MakeInstance(kSaid);
  auto report = Fill();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->computed);
  EXPECT_EQ(report->rows.name, "told");
  EXPECT_THAT(ValuesOf(*report), ElementsAreArray(kRows));

  // Other graphs, parameters and examples stand beside them.
  spec_.caches[0].key = "another";
  instance_ = MakeInstance(kSaid);
  EXPECT_TRUE(Fill()->computed);
  spec_.caches[0].key = "graph";
  instance_ = MakeInstance(kSaid + 1);
  EXPECT_TRUE(Fill()->computed);
  instance_ = MakeInstance(kSaid);
  EXPECT_TRUE(Fill(kFingerprint + 1)->computed);
  report = Fill();
  EXPECT_FALSE(report->computed);
  EXPECT_EQ(report->warning, "");
}

TEST_F(CacheTest, ComputesAgainWhatIsDamaged) {
  ASSERT_TRUE(Fill().ok());
  const std::string whole = *ReadFile(files_, KeptPath());
  std::string flipped = whole;
  flipped[whole.size() - 20] ^= 1;  // a row; the checksum is last
  std::string checksum = whole;
  checksum.back() ^= 1;
  for (const std::string& text :
       {flipped, checksum, whole.substr(0, whole.size() - 4),
        std::string("no tensors")}) {
    ASSERT_TRUE(WriteFile(files_, KeptPath(), text).ok());
    auto report = Fill();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->computed);
    EXPECT_THAT(report->warning, HasSubstr("cached.said.safetensors"));
    EXPECT_THAT(ValuesOf(*report), ElementsAreArray(kRows));
    EXPECT_EQ(*ReadFile(files_, KeptPath()), whole);
  }
}

TEST_F(CacheTest, StopsWithoutAFile) {
  stop_ = true;
  EXPECT_EQ(Fill().status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(files_.Exists(KeptPath()));
}

TEST_F(CacheTest, WithoutADirectoryItIsComputedOnly) {
  auto report =
      FillCache(files_, *instance_, 0, {}, examples_, kFingerprint, {}, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->computed);
  EXPECT_THAT(ValuesOf(*report), ElementsAreArray(kRows));
  EXPECT_FALSE(files_.Exists(KeptPath()));
}

TEST_F(CacheTest, EachLossIsDividedByItsOwnTotal) {
  // Over the capacity of 3: two launches. Soft (6 + 8 + 20 + 12) / 4, hard
  // (5 + 2) / 2; then 14 / 1 and no label.
  EXPECT_THAT(Losses(/*batch_size=*/4),
              ElementsAre(FloatEq(11.5 + 3.5), FloatEq(14)));
}

TEST_F(CacheTest, RowsFollowTheirExamplesWhenShuffled) {
  // A row alone has the loss of its own teacher and label.
  EXPECT_THAT(Losses(/*batch_size=*/1, /*peak=*/5e-5, /*shuffle=*/true),
              UnorderedElementsAre(FloatEq(6 + 5), FloatEq(8), FloatEq(20 + 2),
                                   FloatEq(12), FloatEq(14)));
}

TEST_F(CacheTest, TrainingTellsOfItsCaches) {
  options_.directory = directory_;
  std::vector<std::string> told;
  TrainProgress progress;
  progress.cache = [&](const std::string& cache, int64_t done, int64_t all) {
    told.push_back(absl::StrCat(cache, " ", done, " of ", all));
  };
  progress.cache_filled = [&](const std::string& cache, bool computed) {
    told.push_back(absl::StrCat(cache, computed ? " computed" : " read"));
  };
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Train(progress).ok());
  EXPECT_THAT(told, ElementsAre("said 3 of 5", "said 5 of 5", "said computed",
                                "said read"));
}

TEST_F(CacheTest, TrainingWithoutTheRowsIsRefused) {
  // All but the instruction that fills the cache.
  auto& instructions = spec_.host_programs[0].instructions;
  ASSERT_EQ(instructions[0].op, HostOp::fill_cache);
  instructions.erase(instructions.begin());
  instance_ = MakeInstance(kSaid);
  EXPECT_EQ(Train({}).status(),
            absl::InvalidArgumentError("accumulate: expects a batch with rows "
                                       "of the cache said, got none"));
}

TEST_F(CacheTest, TheTrainedArtifactLeavesTheTeacherBehind) {
  Losses(/*batch_size=*/32, /*peak=*/0.5);
  const std::string path = directory_ + "/model.graft";
  DataSettingsSpec data;
  data.text_column = "gloss";
  ASSERT_TRUE(WriteTrainedArtifact(files_, path, *instance_, data).ok());
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
  EXPECT_EQ(spec.data->text_column, "gloss");
  // What filled the cache is gone, and with it the training.
  EXPECT_TRUE(spec.caches.empty());
  EXPECT_TRUE(spec.host_programs.empty());
  EXPECT_EQ(spec.entries[1].inputs[1].source, SourceKind::caller);

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
