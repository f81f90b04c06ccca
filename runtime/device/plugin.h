// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Device plug-ins: shared libraries that bring a device to Graft's tools
// (`--device-plugin=FILE.so`). README.md shows one from the start.

#ifndef GRAFT_RUNTIME_DEVICE_PLUGIN_H_
#define GRAFT_RUNTIME_DEVICE_PLUGIN_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "runtime/device/device.h"

namespace graft {

// Grows when `DevicePlugin` or device.h changes so that a plug-in must be built
// again.
inline constexpr uint32_t kDevicePluginApiVersion = 1;

// What a plug-in brings. Lives as long as the process: a plug-in is never
// unloaded.
struct DevicePlugin {
  uint32_t api_version;  // kDevicePluginApiVersion; first in every version
  const char* name;      // of the device, for messages
  absl::StatusOr<std::unique_ptr<Device>> (*create)(
      const DeviceOptions& options);
};

}  // namespace graft

// The one symbol that a plug-in defines. Never null.
extern "C" const graft::DevicePlugin* graftGetDevicePlugin();

#endif  // GRAFT_RUNTIME_DEVICE_PLUGIN_H_
