// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_CPU_CPU_QUOTA_H_
#define GRAFT_RUNTIME_DEVICE_CPU_CPU_QUOTA_H_

#include <string>

#include "absl/strings/string_view.h"

namespace graft {

// Whole processors' worth of time that Linux control groups leave this process,
// at least 1; INT_MAX without a limit. The tightest limit counts of its group
// and all above it. `membership` is what /proc/self/cgroup says, `root` where
// the groups are: version 2 (cpu.max), or version 1 (cpu.cfs_quota_us) in
// `root`/cpu. What cannot be read limits nothing.
int CpuQuota(absl::string_view membership, const std::string& root);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_CPU_QUOTA_H_
