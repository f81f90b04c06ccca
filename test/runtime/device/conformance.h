// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What every device must do: the contracts of runtime/device/device.h as tests.
// To check a device, link conformance.cc into a test program and instantiate:
//
//   INSTANTIATE_TEST_SUITE_P(Cpu, DeviceConformance,
//                            ::testing::Values(CpuProvider()), ProviderName);

#ifndef GRAFT_TEST_RUNTIME_DEVICE_CONFORMANCE_H_
#define GRAFT_TEST_RUNTIME_DEVICE_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/device/device.h"

namespace graft {

// A device under test, and code that it runs.
struct DeviceProvider {
  std::string name;  // letters and digits only
  std::function<absl::StatusOr<std::unique_ptr<Device>>()> create;
  // Of the kernels that conformance_kernels.c defines.
  std::string code_kind, code_format, code_level;
  std::function<std::string()> code;  // bytes
  // More bytes than the device can ever reserve.
  uint64_t too_many_bytes = uint64_t{1} << 62;
};

std::string ProviderName(const ::testing::TestParamInfo<DeviceProvider>& info);

// The code of conformance_kernels.c, which the C compiler made for any ISA
// level of this machine; `code_level` is empty if Graft knows no such level.
DeviceProvider HostCodeProvider(
    std::string name,
    std::function<absl::StatusOr<std::unique_ptr<Device>>()> create);

class DeviceConformance : public ::testing::TestWithParam<DeviceProvider> {
 protected:
  void SetUp() override;

  CodeImage Image() const;
  KernelHandle Find(const std::string& symbol) const;
  std::unique_ptr<Buffer> Reserve(uint64_t bytes) const;
  // Copies to the device and back, and waits.
  void Write(Queue& queue, DevicePointer to, const void* from, uint64_t bytes);
  std::vector<uint8_t> ReadBytes(Queue& queue, DevicePointer from,
                                 uint64_t bytes);
  std::vector<int32_t> ReadInts(Queue& queue, DevicePointer from, size_t count);

  std::unique_ptr<Device> device_;
  std::unique_ptr<Queue> queue_;
  std::string code_bytes_;
  std::unique_ptr<Code> code_;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DEVICE_CONFORMANCE_H_
