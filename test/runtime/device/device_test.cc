// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The conformance suite on all devices there are, and what is special about
// some of them.

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>

#include "runtime/base/file.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/device/registry.h"
#include "test/runtime/device/conformance.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::unique_ptr<Device>> CreateToy() {
  DeviceRegistry registry;
  absl::StatusOr<std::string> name = registry.AddPlugin(GRAFT_TOY_DEVICE);
  if (!name.ok()) return name.status();
  return registry.Create(*name, {.threads = 2});
}

DeviceProvider CpuProvider(const std::string& name, int threads) {
  return HostCodeProvider(
      name, [threads] { return CreateCpuDevice({.threads = threads}); });
}

INSTANTIATE_TEST_SUITE_P(All, DeviceConformance,
                         ::testing::Values(CpuProvider("Cpu1", 1),
                                           CpuProvider("Cpu3", 3),
                                           HostCodeProvider("Toy", CreateToy)),
                         ProviderName);

TEST(CpuDeviceTest, RunsOneIsaLevelIfAskedTo) {
  const CodeImage avx2 = {"cpu", "elf", "avx2", "", {}};
  const CodeImage avx512 = {"cpu", "elf", "avx512", "", {}};
  const auto one = CreateCpuDevice({.level = "avx2"}).value();
  EXPECT_EQ(one->RankCode(avx512), 0);
  EXPECT_EQ(one->RankCode(avx2) > 0, CpuHasLevel("avx2"));
  const auto any = CreateCpuDevice({}).value();
  EXPECT_EQ(any->RankCode(avx2) > 0, CpuHasLevel("avx2"));
  if (CpuHasLevel("avx512"))
    EXPECT_GT(any->RankCode(avx512), any->RankCode(avx2));
  setenv("GRAFT_CPU_LEVEL", "avx2", 1);
  const auto variable = CreateCpuDevice({}).value();
  unsetenv("GRAFT_CPU_LEVEL");
  EXPECT_EQ(variable->RankCode(avx512), 0);
  EXPECT_EQ(CreateCpuDevice({.level = "sse9"}).status().message(),
            "ISA level: expects one of amx_bf16, avx512_bf16, avx512, avx2, "
            "aarch64, got sse9");
  EXPECT_FALSE(CreateCpuDevice({.threads = 5000}).value()->CreateQueue().ok());
}

TEST(DeviceRegistryTest, NamesAreUniqueAndKnown) {
  DeviceRegistry registry;
  ASSERT_TRUE(registry.Add("cpu", CreateCpuDevice).ok());
  EXPECT_EQ(registry.Add("cpu", CreateCpuDevice).message(),
            "device: expects a new name, got cpu");
  EXPECT_EQ(registry.AddPlugin(GRAFT_TOY_DEVICE).value(), "toy");
  EXPECT_THAT(
      std::string(registry.AddPlugin(GRAFT_TOY_DEVICE).status().message()),
      HasSubstr("toy_device.so: device: expects a new name, got toy"));
  EXPECT_EQ(registry.Create("cpu", {}).value()->name(), "cpu");
  EXPECT_EQ(registry.Create("tpu", {}).status().message(),
            "device: expects one of cpu, toy, got tpu");
}

TEST(DeviceRegistryTest, OtherFilesAreNoPlugins) {
  DeviceRegistry registry;
  auto error = [&](const std::string& path) {
    return std::string(registry.AddPlugin(path).status().message());
  };
  const std::string none = ::testing::TempDir() + "/none.so";
  EXPECT_EQ(error(none), none + ": no such file");
  EXPECT_THAT(error(GRAFT_SOURCE_DIR "/LICENSE"),
              HasSubstr("LICENSE: expects a shared library, got: "));
  EXPECT_THAT(error(GRAFT_CONFORMANCE_KERNELS),
              HasSubstr(": expects a device plug-in, which defines "
                        "graftGetDevicePlugin, got a library without it"));
  EXPECT_THAT(error(GRAFT_OTHER_VERSION),
              HasSubstr(": expects a device plug-in for API version 1, got one "
                        "for 9999"));
}

class ToyDeviceTest : public DeviceConformance {};

INSTANTIATE_TEST_SUITE_P(All, ToyDeviceTest,
                         ::testing::Values(HostCodeProvider("Toy", CreateToy)),
                         ProviderName);

// What makes it worth testing with.
TEST_P(ToyDeviceTest, LaunchesReturnBeforeTheKernel) {
  std::atomic<int> gate{0};
  void* const address = &gate;
  const auto buffer = Reserve(sizeof(address));
  Write(*queue_, buffer->data(), &address, sizeof(address));
  const DevicePointer buffers[] = {buffer->data()};
  const GraftRandomState random = {};
  const auto event = device_->CreateEvent().value();
  ASSERT_TRUE(
      queue_->Launch({Find("conformance_await"), buffers, {}, &random, 1})
          .ok());
  ASSERT_TRUE(queue_->Record(*event).ok());
  EXPECT_FALSE(event->done());
  gate = 1;
  ASSERT_TRUE(event->Wait().ok());
  EXPECT_TRUE(event->done());
}

TEST_P(ToyDeviceTest, FailedCommandsFailTheirQueueOnly) {
  const auto other = device_->CreateQueue().value();
  const auto event = device_->CreateEvent().value();
  const auto buffer = Reserve(8);
  int64_t value = 0;
  // Not memory of the device.
  (void)queue_->CopyToDevice({&value}, &value, sizeof(value));
  (void)queue_->Record(*event);
  const absl::Status first = queue_->Wait();
  EXPECT_THAT(std::string(first.message()),
              HasSubstr("toy: expects device memory, got 8 bytes at "));
  EXPECT_EQ(queue_->Fill(buffer->data(), 1, 8), first);
  EXPECT_EQ(event->Wait(), first);
  EXPECT_TRUE(other->Fill(buffer->data(), 1, 8).ok());
  EXPECT_TRUE(other->Fill(buffer->data(), 1, 9).ok());  // Found when it runs.
  EXPECT_FALSE(other->Wait().ok());
}

}  // namespace
}  // namespace graft
