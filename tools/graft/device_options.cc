// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/device_options.h"

#include "CLI/Validators.hpp"

namespace graft {

void AddDeviceOptions(CLI::App& command, DeviceChoice& choice) {
  command
      .add_option("--threads", choice.options.threads,
                  "threads (default: all processors)")
      ->check(CLI::Range(1, 1024));
  command.add_flag("--pin-threads", choice.options.pin_threads,
                   "keep each thread but the first on a processor of its own");
  command.add_option("--device-plugin", choice.plugin,
                     "shared library with the device to compute on (default: "
                     "the CPU)");
}

}  // namespace graft
