// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_GRAFT_DEVICE_OPTIONS_H_
#define GRAFT_TOOLS_GRAFT_DEVICE_OPTIONS_H_

#include "CLI/App.hpp"
#include "tools/open_device.h"

namespace graft {

// Adds --threads, --pin-threads and --device-plugin. `choice` must outlive the
// parsing.
void AddDeviceOptions(CLI::App& command, DeviceChoice& choice);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_DEVICE_OPTIONS_H_
