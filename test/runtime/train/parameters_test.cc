// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/parameters.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/formats/safetensors.h"
#include "test/runtime/artifact/spec_parts.h"

namespace graft {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ne;

constexpr uint32_t kHead = 1, kSteps = 2, kNorm = 3, kNoise = 4;

// A frozen parameter, one that the checkpoint lacks, and states of it that
// begin as zeros, ones and random numbers.
class ParametersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no level of code runs here";
    const std::string code = ReadFile(files_, GRAFT_TINY_KERNELS).value();
    ArtifactSpec spec;
    spec.slots = {MakeParameter("m", "body", {2}, /*trainable=*/false),
                  MakeParameter("m", "head", {4})};
    for (const char* state : {"steps", "norm", "noise"})
      spec.slots.push_back(MakeState(spec.slots, kHead, state));
    spec.slots[kHead].initial = "normal";
    spec.slots[kHead].deviation = 0.5f;
    spec.slots[kSteps].initial = "zeros";
    spec.slots[kNorm].initial = "ones";
    spec.slots[kNoise].initial = "normal";
    spec.slots[kNoise].deviation = 2;
    // A state of its own type and shape, of no parameter.
    SlotSpec count = spec.slots[kSteps];
    count.name = "count";
    count.state = "count";
    count.dtype = DType::kI32;
    count.shape = {1};
    count.parameter = -1;
    count.initial = "";
    spec.slots.push_back(count);
    spec.targets = {MakeTarget(BytesOf(code), "tiny", {})};
    path_ = ::testing::TempDir() + "/parameters_test.graft";
    const absl::Status status =
        WriteArtifact(files_, path_, spec, [&](size_t slot, WeightSink sink) {
          return sink(std::vector<uint8_t>(SlotBytes(spec.slots[slot])));
        });
    ASSERT_TRUE(status.ok()) << status;
    LoadOptions load;
    load.device = device_.get();
    instance_ =
        Instance::Create(Artifact::Load(files_, path_, load).value(), {})
            .value();
  }
  void TearDown() override { files_.Remove(path_).IgnoreError(); }

  std::vector<float> Values(size_t slot) {
    const absl::Span<const uint8_t> bytes = instance_->Slot(slot).value();
    const auto* values = reinterpret_cast<const float*>(bytes.data());
    return {values, values + bytes.size() / sizeof(float)};
  }
  void Fill(size_t slot, float value) {
    const absl::Span<uint8_t> bytes = instance_->MutableSlot(slot).value();
    std::fill_n(reinterpret_cast<float*>(bytes.data()),
                bytes.size() / sizeof(float), value);
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string path_;
  std::unique_ptr<Device> device_ = CreateCpuDevice({.threads = 1}).value();
  std::unique_ptr<Instance> instance_;
};

TEST_F(ParametersTest, InitialValuesOfParametersAndStates) {
  EXPECT_THAT(InitialiseSlots(*instance_, /*seed=*/1).value(),
              ElementsAre("m.head"));
  EXPECT_THAT(Values(kHead), Each(Ne(0)));
  EXPECT_THAT(Values(kSteps), Each(0));
  EXPECT_THAT(Values(kNorm), Each(1));
  EXPECT_THAT(Values(kNoise), Each(Ne(0)));
}

TEST_F(ParametersTest, TakesValuesUnderBothNames) {
  const std::string path = ::testing::TempDir() + "/initial.safetensors";
  float value = 5;
  for (const char* name : {"head", "m.head"}) {
    const std::vector<float> values(4, value);
    TensorView view;
    view.name = name;
    view.dtype = DType::kF32;
    view.shape = {4};
    view.data = BytesOf({reinterpret_cast<const char*>(values.data()),
                         values.size() * sizeof(float)});
    ASSERT_TRUE(WriteSafetensors(files_, path, {view}).ok());
    const absl::Status status = LoadInitialParameters(files_, path, *instance_);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_THAT(Values(kHead), Each(value++));
  }
  files_.Remove(path).IgnoreError();
}

TEST_F(ParametersTest, ResetsTheStatesOfAName) {
  ASSERT_TRUE(InitialiseSlots(*instance_, 1).ok());
  const std::vector<float> noise = Values(kNoise);
  for (const size_t slot : {kSteps, kNorm, kNoise}) Fill(slot, 7);
  ASSERT_TRUE(ResetStates(*instance_, "norm", 1).ok());
  EXPECT_THAT(Values(kNorm), Each(1));
  EXPECT_THAT(Values(kSteps), Each(7));
  EXPECT_THAT(Values(kNoise), Each(7));
  ASSERT_TRUE(ResetStates(*instance_, "noise", 1).ok());
  EXPECT_EQ(Values(kNoise), noise);
  ASSERT_TRUE(ResetStates(*instance_, "steps", 1).ok());
  EXPECT_THAT(Values(kSteps), Each(0));
  EXPECT_TRUE(ResetStates(*instance_, "none", 1).ok());
}

TEST_F(ParametersTest, NamesWhatIsNotFinite) {
  const auto first = [&](const char* state) {
    return FirstNonFinite(*instance_, state).value();
  };
  EXPECT_EQ(first(""), "");
  Fill(kNorm, INFINITY);
  EXPECT_EQ(first(""), "m.head.norm");
  EXPECT_EQ(first("norm"), "m.head.norm");
  EXPECT_EQ(first("steps"), "");
  Fill(kHead, std::nanf(""));
  EXPECT_EQ(first("steps"), "m.head");
}

TEST_F(ParametersTest, TensorsOfARun) {
  const std::vector<StateTensor> parameters =
      TrainableTensors(*instance_, /*with_states=*/false).value();
  ASSERT_EQ(parameters.size(), 1u);
  EXPECT_EQ(parameters[0].name, "m.head");
  std::vector<std::pair<std::string, bool>> names;
  const std::vector<StateTensor> tensors =
      TrainableTensors(*instance_, /*with_states=*/true).value();
  for (const StateTensor& tensor : tensors)
    names.emplace_back(tensor.name, tensor.from_zero);
  EXPECT_THAT(names, ElementsAre(std::pair("m.head", false),
                                 std::pair("m.head.steps", true),
                                 std::pair("m.head.norm", false),
                                 std::pair("m.head.noise", false),
                                 std::pair("m.count", true)));
  EXPECT_EQ(tensors.back().dtype, DType::kI32);
  EXPECT_THAT(tensors.back().shape, ElementsAre(1));
}

}  // namespace
}  // namespace graft
