// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Instances on devices with and without host-visible memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/registry.h"
#include "runtime/executor/instance.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/artifact/tiny_artifact.h"
#include "test/runtime/device/faulty_device.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kPredict = 0, kAccumulate = 1, kUpdate = 2;
constexpr size_t kW = 0, kB = 1, kGradient = 2;
absl::StatusOr<std::unique_ptr<Device>> Open(const std::string& name) {
  DeviceRegistry registry;
  GRAFT_RETURN_IF_ERROR(registry.Add("cpu", CreateCpuDevice));
  GRAFT_RETURN_IF_ERROR(registry.AddPlugin(GRAFT_TOY_DEVICE).status());
  return registry.Create(name, {.threads = 2});
}

std::vector<float> Floats(absl::Span<const uint8_t> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// The parameter is a name of the registry.
class InstanceDeviceTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no known ISA level here";
    device_ = Open(GetParam()).value();
    const std::string code =
        ReadFile(FileSystem::Posix(), GRAFT_TINY_KERNELS).value();
    ArtifactSpec spec = TinySpec(
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(code.data()),
                            code.size()),
        AnyLevel());
    AddPrologue(spec);
    path_ = absl::StrCat(::testing::TempDir(), "/instance_device_", GetParam(),
                         ".graft");
    ASSERT_TRUE(
        WriteArtifact(FileSystem::Posix(), path_, spec, TinyWeights).ok());
  }
  void TearDown() override {
    if (!path_.empty()) (void)FileSystem::Posix().Remove(path_);
  }

  absl::StatusOr<std::unique_ptr<Instance>> Make(Device& device,
                                                 InstanceOptions options) {
    LoadOptions load;
    load.device = &device;
    GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                           Artifact::Load(FileSystem::Posix(), path_, load));
    return Instance::Create(artifact, options);
  }

  absl::StatusOr<std::vector<float>> Predict(Instance& instance) {
    GRAFT_ASSIGN_OR_RETURN(
        auto outputs,
        instance.Run(kPredict, {Feed::Tensor(DType::kF32, shape_, x_),
                                Feed::Segments(offsets_)}));
    return std::vector<float>(outputs[0].floats().begin(),
                              outputs[0].floats().end());
  }
  absl::Status Accumulate(Instance& instance) {
    static constexpr int32_t kLabel = 1;
    static constexpr int64_t kOne[] = {1};
    return instance
        .Run(kAccumulate, {Feed::Tensor(DType::kF32, shape_, x_),
                           Feed::Tensor(DType::kI32, kOne, &kLabel)})
        .status();
  }
  absl::Status Update(Instance& instance, float rate) {
    return instance.Run(kUpdate, {Feed::Tensor(DType::kF32, {}, &rate)})
        .status();
  }

  std::unique_ptr<Device> device_;
  std::string path_;
  const int64_t shape_[2] = {5, 4};
  const float x_[20] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                        1, 0, 1, 1, 1, 1, 2, 2, 2, 2};
  const std::vector<int32_t> offsets_ = {0, 2, 5};
};

TEST_P(InstanceDeviceTest, PredictsFromTheFilesParameters) {
  auto instance = Make(*device_, {.training = false}).value();
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(Predict(*instance).value(),
                ElementsAre(2, 3, 1, 1, 4.5, 7.5, 13.5, 13.5));
  EXPECT_THAT(Floats(instance->Slot(kB).value()),
              ElementsAre(0.5, 0.5, 0.5, 0.5));
  EXPECT_TRUE(instance->MutableSlot(kW)->empty());
  // What the device does not map it copies.
  EXPECT_EQ(instance->memory().mapped, device_->host_visible() ? 32u : 0u);
  EXPECT_EQ(instance->memory().parameters, device_->host_visible() ? 0u : 128u);
}

TEST_P(InstanceDeviceTest, HostAndDeviceShareSlots) {
  auto instance = Make(*device_, {}).value();
  ASSERT_TRUE(Accumulate(*instance).ok());
  EXPECT_THAT(Floats(instance->Slot(kGradient).value()),
              ElementsAre(4, 4, 4, 3));
  ASSERT_TRUE(Accumulate(*instance).ok());
  EXPECT_THAT(Floats(instance->Slot(kGradient).value()),
              ElementsAre(8, 8, 8, 6));
  // What the host writes is what the next call starts from.
  const float gradient[] = {1, 2, 3, 4}, w[] = {10, 10, 10, 10};
  std::memcpy(instance->MutableSlot(kGradient)->data(), gradient, 16);
  std::memcpy(instance->MutableSlot(kW)->data(), w, 16);
  EXPECT_THAT(Floats(instance->Slot(kW).value()), ElementsAre(10, 10, 10, 10));
  ASSERT_TRUE(Update(*instance, 1).ok());
  EXPECT_THAT(Floats(instance->Slot(kW).value()), ElementsAre(9, 8, 7, 6));
  EXPECT_THAT(Floats(instance->Slot(kGradient).value()),
              ElementsAre(0, 0, 0, 0));
  // x w + b with the new w, although packed weights were kept.
  EXPECT_EQ(Predict(*instance).value()[0], 10);
  std::memcpy(instance->MutableSlot(kW)->data(), w, 16);
  EXPECT_EQ(Predict(*instance).value()[0], 11);
  // Zeroing wins over what was written before, and is read back as such.
  std::memcpy(instance->MutableSlot(kGradient)->data(), gradient, 16);
  ASSERT_TRUE(instance->ZeroStates("gradient").ok());
  EXPECT_THAT(Floats(instance->Slot(kGradient).value()),
              ElementsAre(0, 0, 0, 0));
  ASSERT_TRUE(Accumulate(*instance).ok());
  EXPECT_THAT(Floats(instance->Slot(kGradient).value()),
              ElementsAre(4, 4, 4, 3));
}

TEST_P(InstanceDeviceTest, InstancesRunAtTheSameTime) {
  auto work = [&] {
    auto instance = Make(*device_, {}).value();
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(Accumulate(*instance).ok());
      ASSERT_TRUE(Update(*instance, 0).ok());
      ASSERT_EQ(Predict(*instance).value()[4], 4.5f);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

// Each call to the device in turn fails: that is an error, never a result.
TEST_P(InstanceDeviceTest, EveryErrorOfTheDeviceIsReported) {
  auto job = [&](Device& device) -> absl::StatusOr<std::vector<float>> {
    GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance,
                           Make(device, {}));
    GRAFT_RETURN_IF_ERROR(Accumulate(*instance));
    GRAFT_RETURN_IF_ERROR(instance->ZeroStates("gradient"));
    GRAFT_ASSIGN_OR_RETURN(absl::Span<uint8_t> w, instance->MutableSlot(kW));
    std::memset(w.data(), 0, w.size());
    GRAFT_RETURN_IF_ERROR(Update(*instance, 1));
    GRAFT_RETURN_IF_ERROR(instance->Slot(kW).status());
    return Predict(*instance);
  };
  FaultyDevice sound(*device_, -1);
  EXPECT_THAT(job(sound).value(), ElementsAre(1, 1, 1, 1, 1.5, 1.5, 1.5, 1.5));
  ASSERT_GT(sound.calls(), 15);
  for (int64_t i = 0; i < sound.calls(); ++i) {
    FaultyDevice faulty(*device_, i);
    const absl::Status status = job(faulty).status();
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("call ", i, ": ")));
  }
}

INSTANTIATE_TEST_SUITE_P(All, InstanceDeviceTest,
                         ::testing::Values("cpu", "toy"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace graft
