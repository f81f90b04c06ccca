// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/device_options.h"

#include "tools/option_checks.h"

namespace graft {

void AddDeviceOptions(CLI::App& command, DeviceChoice& choice) {
  command
      .add_option("--threads", choice.options.threads,
                  "threads (default: all processors)")
      ->check(WholeNumber(1, kMostThreads));
  command.add_flag("--pin-threads", choice.options.pin_threads,
                   "keep each thread but the first on a processor of its own");
  command
      .add_option("--device-plugin", choice.plugin,
                  "shared library with the device to compute on (default: "
                  "the CPU)")
      ->type_name("FILE");
}

}  // namespace graft
