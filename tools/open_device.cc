// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/open_device.h"

#include "runtime/base/status_macros.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/registry.h"

namespace graft {

absl::StatusOr<std::unique_ptr<Device>> OpenDevice(const DeviceChoice& choice) {
  // The devices that Graft is built with, one line each.
  DeviceRegistry registry;
  GRAFT_RETURN_IF_ERROR(registry.Add("cpu", CreateCpuDevice));

  std::string name = "cpu";
  if (!choice.plugin.empty()) {
    GRAFT_ASSIGN_OR_RETURN(name, registry.AddPlugin(choice.plugin));
  }
  return registry.Create(name, choice.options);
}

}  // namespace graft
