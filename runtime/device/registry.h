// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_REGISTRY_H_
#define GRAFT_RUNTIME_DEVICE_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/device/device.h"

namespace graft {

using DeviceFactory = std::function<absl::StatusOr<std::unique_ptr<Device>>(
    const DeviceOptions& options)>;

// The devices that a program can open, by name. Thread-compatible.
class DeviceRegistry {
 public:
  // ALREADY_EXISTS if the name is taken.
  absl::Status Add(const std::string& name, DeviceFactory factory);

  // Loads the shared library at `path` and adds its device (plugin.h). Returns
  // the device's name. The library stays loaded. INVALID_ARGUMENT names the
  // file, what was expected and what was found.
  absl::StatusOr<std::string> AddPlugin(const std::string& path);

  // NOT_FOUND lists the names there are; other errors are the factory's.
  absl::StatusOr<std::unique_ptr<Device>> Create(
      const std::string& name, const DeviceOptions& options) const;

 private:
  std::map<std::string, DeviceFactory> factories_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_REGISTRY_H_
