// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_CPU_CPU_DEVICE_H_
#define GRAFT_RUNTIME_DEVICE_CPU_CPU_DEVICE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/device/device.h"

namespace graft {

// The processor of the host. Its memory is the host's: buffers are host
// visible, mapped host memory is read in place, and pages of a buffer count
// only once touched.
//
// It runs kind "cpu" in format "elf" for the ISA levels of cpu_level.h that
// this processor has; `options.level`, or else the environment variable
// GRAFT_CPU_LEVEL, restricts it to one.
//
// Each queue has a thread pool of its own, of which the caller is one. Calls
// return when their command has run, and allocate nothing.
//
// INVALID_ARGUMENT: an unknown level. Creating a queue fails as
// ThreadPool::Create does.
absl::StatusOr<std::unique_ptr<Device>> CreateCpuDevice(
    const DeviceOptions& options);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_CPU_DEVICE_H_
