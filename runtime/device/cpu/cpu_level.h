// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Levels of processors that native code is generated for.

#ifndef GRAFT_RUNTIME_DEVICE_CPU_CPU_LEVEL_H_
#define GRAFT_RUNTIME_DEVICE_CPU_CPU_LEVEL_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// All known levels, of any architecture; of one architecture, better first.
absl::Span<const absl::string_view> CpuLevels();

// Whether this processor and its system run code of `level`; where the system
// wants to be asked for the use of registers (AMX), this asks. False for
// unknown levels. Thread-safe.
bool CpuHasLevel(absl::string_view level);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_CPU_LEVEL_H_
