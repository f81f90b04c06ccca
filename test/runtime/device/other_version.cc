// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A device plug-in of an API version that there never was.

#include "runtime/device/plugin.h"

extern "C" const graft::DevicePlugin* graftGetDevicePlugin() {
  static constexpr graft::DevicePlugin kPlugin = {9999, "other", nullptr};
  return &kPlugin;
}
