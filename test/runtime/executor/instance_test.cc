// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/instance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "runtime/device/cpu/cpu_device.h"
#include "runtime/executor/trace.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/artifact/tiny_artifact.h"
#include "test/runtime/base/count_allocations.h"

namespace graft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class InstanceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (AnyLevel().empty()) return;
    auto code = ReadFile(FileSystem::Posix(), GRAFT_TINY_KERNELS);
    ASSERT_TRUE(code.ok()) << code.status();
    const ArtifactSpec spec = TinySpec(
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(code->data()),
                            code->size()),
        AnyLevel());
    path_ = ::testing::TempDir() + "/instance_test.graft";
    ASSERT_TRUE(
        WriteArtifact(FileSystem::Posix(), path_, spec, TinyWeights).ok());
    device_ = CreateCpuDevice({.threads = 1}).value();
    artifact_ = Load(*device_);
  }
  static void TearDownTestSuite() {
    artifact_.reset();
    device_.reset();
    (void)FileSystem::Posix().Remove(path_);
  }
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no known level here";
    ASSERT_NE(artifact_, nullptr);
  }

  static std::shared_ptr<const Artifact> Load(Device& device) {
    LoadOptions options;
    options.device = &device;
    auto loaded = Artifact::Load(FileSystem::Posix(), path_, options);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *std::move(loaded);
  }
  static std::unique_ptr<Instance> Make(const InstanceOptions& options = {}) {
    auto instance = Instance::Create(artifact_, options);
    EXPECT_TRUE(instance.ok()) << instance.status();
    return *std::move(instance);
  }

  std::string RunError(Instance& instance, size_t entry,
                       absl::Span<const Feed> feeds) {
    return std::string(instance.Run(entry, feeds).status().message());
  }

  static std::string path_;
  static std::unique_ptr<Device> device_;
  static std::shared_ptr<const Artifact> artifact_;

  const std::vector<float> x_ = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                                 1, 0, 1, 1, 1, 1, 2, 2, 2, 2};
  const int64_t shape_[2] = {5, 4};
  const std::vector<int32_t> offsets_ = {0, 2, 5};
};

std::string InstanceTest::path_;
std::unique_ptr<Device> InstanceTest::device_;
std::shared_ptr<const Artifact> InstanceTest::artifact_;

TEST_F(InstanceTest, PredictsWithAnyNumberOfThreads) {
  for (int threads : {1, 2, 7}) {
    const auto device = CreateCpuDevice({.threads = threads}).value();
    auto instance =
        Instance::Create(Load(*device), {.training = false}).value();
    auto outputs =
        instance->Run(0, {Feed::Tensor(DType::kF32, shape_, x_.data()),
                          Feed::Segments(offsets_)});
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    ASSERT_EQ(outputs->size(), 1u);
    EXPECT_EQ((*outputs)[0].name, "sums");
    EXPECT_THAT((*outputs)[0].shape, ElementsAre(2, 4));
    EXPECT_THAT((*outputs)[0].floats(),
                ElementsAre(2, 3, 1, 1, 4.5, 7.5, 13.5, 13.5));
  }
}

TEST_F(InstanceTest, TrainsAndKeepsItsOwnState) {
  auto first = Make(), second = Make();
  const std::vector<int32_t> labels = {-100};  // The exception.
  const int64_t one[1] = {1};
  const Feed feeds[] = {Feed::Tensor(DType::kF32, shape_, x_.data()),
                        Feed::Tensor(DType::kI32, one, labels.data())};
  first->SetRandom(42, 9);
  for (int i = 0; i < 2; ++i) {
    auto outputs = first->Run(1, feeds);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    const auto* draw = static_cast<const int32_t*>((*outputs)[0].data);
    EXPECT_THAT(absl::MakeConstSpan(draw, 4), ElementsAre(42, 9, 7, 11));
  }
  float gradient[4];
  std::memcpy(gradient, first->Slot(2)->data(), sizeof(gradient));
  EXPECT_THAT(gradient, ElementsAre(8, 8, 8, 6));

  const float rate = 0.25;
  ASSERT_TRUE(first->Run(2, {Feed::Tensor(DType::kF32, {}, &rate)}).ok());
  float w[4];
  std::memcpy(w, first->Slot(0)->data(), sizeof(w));
  EXPECT_THAT(w, ElementsAre(-1, 0, 1, 2.5));
  std::memcpy(gradient, first->Slot(2)->data(), sizeof(gradient));
  EXPECT_THAT(gradient, ElementsAre(0, 0, 0, 0));
  std::memcpy(w, second->Slot(0)->data(), sizeof(w));
  EXPECT_THAT(w, ElementsAre(1, 2, 3, 4));

  EXPECT_EQ(first->MutableSlot(1)->size(), 0u);  // Frozen.
  EXPECT_EQ(first->Slot(1)->data(), artifact_->SlotData(1).data());
  (*first->MutableSlot(2))[0] = 1;
  ASSERT_TRUE(first->ZeroStates("gradient").ok());
  EXPECT_EQ((*first->Slot(2))[0], 0);
}

// What depends on parameters alone is computed again when they were written, or
// when another entry has used the arena.
TEST_F(InstanceTest, RunsThePrologueWhenParametersChange) {
  auto code = ReadFile(FileSystem::Posix(), GRAFT_TINY_KERNELS).value();
  ArtifactSpec spec =
      TinySpec(absl::MakeConstSpan(
                   reinterpret_cast<const uint8_t*>(code.data()), code.size()),
               AnyLevel());
  AddPrologue(spec);
  const std::string path = ::testing::TempDir() + "/prologue_test.graft";
  ASSERT_TRUE(WriteArtifact(FileSystem::Posix(), path, spec, TinyWeights).ok());
  LoadOptions load;
  load.device = device_.get();
  auto artifact = Artifact::Load(FileSystem::Posix(), path, load).value();
  auto instance = Instance::Create(artifact, {}).value();
  int copies = 0;
  instance->SetProfiler([&](const CommandTiming& timing) {
    copies += timing.label == "prologue";
  });
  const Feed x = Feed::Tensor(DType::kF32, shape_, x_.data());
  const Feed predict[] = {x, Feed::Segments(offsets_)};
  auto first_sum = [&] {
    auto outputs = instance->Run(0, predict);
    EXPECT_TRUE(outputs.ok()) << outputs.status();
    return (*outputs)[0].floats()[0];
  };
  EXPECT_EQ(first_sum(), 2);
  EXPECT_EQ(first_sum(), 2);
  EXPECT_EQ(copies, 1);

  const float w[] = {3, 2, 3, 4};
  std::memcpy(instance->MutableSlot(0)->data(), w, sizeof(w));
  EXPECT_EQ(first_sum(), 4);
  EXPECT_EQ(copies, 2);

  const int64_t one[1] = {1};
  const std::vector<int32_t> labels = {1};
  const float rate = 0.5;
  ASSERT_TRUE(
      instance->Run(1, {x, Feed::Tensor(DType::kI32, one, labels.data())})
          .ok());
  EXPECT_EQ(first_sum(), 4);
  EXPECT_EQ(copies, 3);
  ASSERT_TRUE(instance->Run(2, {Feed::Tensor(DType::kF32, {}, &rate)}).ok());
  EXPECT_EQ(first_sum(), 2);  // w = 3 - 0.5 * 4.
  EXPECT_EQ(copies, 4);

  // A call that is refused has run nothing.
  EXPECT_FALSE(instance->Run(1, {}).ok());
  EXPECT_EQ(first_sum(), 2);
  EXPECT_EQ(copies, 4);
  (void)FileSystem::Posix().Remove(path);
}

TEST_F(InstanceTest, RunAllocatesNothing) {
  const auto device = CreateCpuDevice({.threads = 2}).value();
  auto instance = Instance::Create(Load(*device), {}).value();
  const Feed feeds[] = {Feed::Tensor(DType::kF32, shape_, x_.data()),
                        Feed::Segments(offsets_)};
  ASSERT_TRUE(instance->Run(0, feeds).ok());
  const int64_t before = CountAllocations();
  const bool ok = instance->Run(0, feeds).ok();
  const int64_t after = CountAllocations();
  EXPECT_EQ(after, before);
  EXPECT_TRUE(ok);
}

TEST_F(InstanceTest, PredictionRefusesToTrain) {
  auto instance = Make({.training = false});
  const float rate = 1;
  auto status =
      instance->Run(2, {Feed::Tensor(DType::kF32, {}, &rate)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("entry update: expects a training instance"));
  EXPECT_EQ(instance->memory().states, 0u);
  EXPECT_EQ(instance->memory().mapped, 32u);
  EXPECT_EQ(instance->memory().arena, 128u);
  EXPECT_EQ(instance->Slot(0)->data(), artifact_->SlotData(0).data());
}

TEST_F(InstanceTest, WrongFeedsAreNamed) {
  auto instance = Make();
  const Feed x = Feed::Tensor(DType::kF32, shape_, x_.data());
  const Feed segments = Feed::Segments(offsets_);
  EXPECT_THAT(RunError(*instance, 9, {}),
              HasSubstr("expects an entry below 3"));
  EXPECT_EQ(RunError(*instance, 0, {x}), "predict: expects 2 inputs, got 1");
  EXPECT_EQ(RunError(*instance, 0, {segments, x}),
            "predict: input x: expects a tensor, got segments");
  EXPECT_EQ(RunError(*instance, 0,
                     {Feed::Tensor(DType::kI32, shape_, x_.data()), segments}),
            "predict: input x: expects F32 [T, 4], got I32 [5, 4]");
  const int64_t wide[2] = {4, 5}, many[2] = {9, 4}, few[2] = {3, 4};
  EXPECT_EQ(RunError(*instance, 0,
                     {Feed::Tensor(DType::kF32, wide, x_.data()), segments}),
            "predict: input x: expects F32 [T, 4], got F32 [4, 5]");
  EXPECT_EQ(RunError(*instance, 0,
                     {Feed::Tensor(DType::kF32, many, x_.data()), segments}),
            "predict: input x: expects T up to 8, for which the program was "
            "planned, got 9");
  EXPECT_EQ(RunError(*instance, 0,
                     {Feed::Tensor(DType::kF32, few, x_.data()), segments}),
            "predict: input segments: expects T = 3 as in other inputs, got 5");
  const std::vector<int32_t> flat = {0, 2, 2, 5}, late = {1, 5}, none = {0};
  EXPECT_EQ(RunError(*instance, 0, {x, Feed::Segments(flat)}),
            "predict: input segments: expects increasing offsets, got 2 after "
            "2 at 2");
  EXPECT_THAT(RunError(*instance, 0, {x, Feed::Segments(late)}),
              HasSubstr("expects offsets of at least one sequence, from 0"));
  EXPECT_THAT(RunError(*instance, 0, {x, Feed::Segments(none)}),
              HasSubstr("expects offsets of at least one sequence, from 0"));
  const std::vector<int32_t> sequences = {0, 1, 2, 3, 5}, length = {0, 7};
  EXPECT_THAT(RunError(*instance, 0, {x, Feed::Segments(sequences)}),
              HasSubstr("expects S up to 3"));
  EXPECT_EQ(RunError(*instance, 0, {x, Feed::Segments(length)}),
            "predict: input segments: expects sequences of up to 6, got 7 "
            "tokens in 0");
  const std::vector<int32_t> ordinals = {4};
  EXPECT_EQ(RunError(*instance, 0, {x, Feed::Segments(offsets_, ordinals)}),
            "predict: input segments: expects no ordinals or 2, got 1");
  const int32_t label = 10;
  const int64_t one[1] = {1};
  EXPECT_EQ(RunError(*instance, 1, {x, Feed::Tensor(DType::kI32, one, &label)}),
            "accumulate: input labels: expects numbers from 0 to 9 or -100, "
            "got 10 at "
            "0");
}

TEST(KernelProfileTest, SumsCallsOfAKernel) {
  KernelProfile profile;
  for (auto [kernel, ns] : {std::pair<const char*, int64_t>{"add", 1000000},
                            {"matmul", 6000000},
                            {"copy", 500000},
                            {"add", 2500000}}) {
    CommandTiming timing;
    timing.kernel = kernel;
    timing.begin_ns = 7;
    timing.end_ns = 7 + ns;
    timing.flops = 12e6;
    timing.bytes = 3.5e6;
    profile.Add(timing);
  }
  const std::string column(34, ' ');
  EXPECT_EQ(
      profile.Summary(),
      "kernel" + column + "  calls         ms  share  GFLOP/s    GB/s\n" +
          "matmul" + column + "      1      6.000  60.0%      2.0     0.6\n" +
          "add   " + column + "      2      3.500  35.0%      6.9     2.0\n" +
          "copy  " + column + "      1      0.500   5.0%     24.0     7.0\n" +
          "all   " + column + "      4     10.000 100.0%      4.8     1.4\n");
  EXPECT_THAT(profile.Summary(1), AllOf(HasSubstr("2 others"),
                                        HasSubstr("     3      4.000  40.0%"),
                                        Not(HasSubstr("copy"))));
}

TEST_F(InstanceTest, ProfilesEachCommand) {
  auto instance = Make();
  std::vector<std::string> seen;
  instance->SetProfiler([&](const CommandTiming& timing) {
    seen.push_back(std::string(timing.kernel) + " " +
                   std::string(timing.label) + " " +
                   std::to_string(timing.items));
    EXPECT_LE(timing.begin_ns, timing.end_ns);
  });
  const float rate = 1;
  ASSERT_TRUE(instance->Run(2, {Feed::Tensor(DType::kF32, {}, &rate)}).ok());
  EXPECT_THAT(seen, ElementsAre("copy  16", "update update 4", "fill  16"));
  seen.clear();
  instance->SetProfiler({});
  ASSERT_TRUE(instance->Run(2, {Feed::Tensor(DType::kF32, {}, &rate)}).ok());
  EXPECT_TRUE(seen.empty());
}

TEST_F(InstanceTest, CostsFollowTheSizesOfTheCall) {
  auto instance = Make();
  std::vector<std::pair<double, double>> costs;
  instance->SetProfiler([&](const CommandTiming& timing) {
    costs.push_back({timing.flops, timing.bytes});
    EXPECT_EQ(timing.unit, timing.flops > 0 ? "bf16" : "");
    EXPECT_EQ(timing.unit_count, timing.flops > 0 ? 6 : 0);
  });
  // 5 tokens in sequences of 2 and 3.
  ASSERT_TRUE(instance
                  ->Run(0, {Feed::Tensor(DType::kF32, shape_, x_.data()),
                            Feed::Segments(offsets_)})
                  .ok());
  EXPECT_THAT(costs, ElementsAre(Pair(0, 0),
                                 Pair(2 * (4 + 9) + 100 * 2 * 5, 16 * 5 + 5)));
  costs.clear();
  const float rate = 1;
  ASSERT_TRUE(instance->Run(2, {Feed::Tensor(DType::kF32, {}, &rate)}).ok());
  // A copy reads and writes, a fill writes.
  EXPECT_THAT(costs, ElementsAre(Pair(0, 32), Pair(0, 0), Pair(0, 16)));
}

TEST_F(InstanceTest, InstancesRunAtTheSameTime) {
  auto work = [&] {
    auto instance = Make();
    for (int i = 0; i < 200; ++i) {
      auto outputs =
          instance->Run(0, {Feed::Tensor(DType::kF32, shape_, x_.data()),
                            Feed::Segments(offsets_)});
      ASSERT_TRUE(outputs.ok());
      ASSERT_EQ((*outputs)[0].floats()[4], 4.5f);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

// Two libraries in one process, loaded and dropped in turn: neither answers
// for the other.
TEST_F(InstanceTest, CodeOfSeveralArtifactsDoesNotMix) {
  for (int i = 0; i < 3; ++i) {
    auto again = Load(*device_);
    ASSERT_NE(again, nullptr);
    EXPECT_NE(again->kernels()[0].value, artifact_->kernels()[0].value);
    EXPECT_NE(again->kernels()[0].value, nullptr);
  }
}

TEST_F(InstanceTest, NeedsCode) {
  auto bare = Artifact::Load(FileSystem::Posix(), path_).value();
  auto instance = Instance::Create(bare, {});
  EXPECT_EQ(instance.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace graft
