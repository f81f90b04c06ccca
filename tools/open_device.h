// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_OPEN_DEVICE_H_
#define GRAFT_TOOLS_OPEN_DEVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/device/device.h"

namespace graft {

// The device that a user asks a tool to compute on.
struct DeviceChoice {
  std::string plugin;  // --device-plugin: FILE.so; empty: the CPU
  DeviceOptions options;
};

// Errors of a plug-in name its file.
absl::StatusOr<std::unique_ptr<Device>> OpenDevice(const DeviceChoice& choice);

}  // namespace graft

#endif  // GRAFT_TOOLS_OPEN_DEVICE_H_
