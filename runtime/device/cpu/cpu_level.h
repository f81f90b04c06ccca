// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// ISA levels that native code is generated for, such as avx2.

#ifndef GRAFT_RUNTIME_DEVICE_CPU_CPU_LEVEL_H_
#define GRAFT_RUNTIME_DEVICE_CPU_CPU_LEVEL_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// All known ISA levels of all architectures; within one, better levels first.
absl::Span<const absl::string_view> CpuLevels();

// Returns whether this processor and its system run code of an ISA level.
// Requests the use of tile registers from the system if the level needs them
// (AMX). False for unknown levels. Thread-safe.
bool CpuHasLevel(absl::string_view level);

// All levels for which that is so, better ones first. Thread-safe.
std::vector<absl::string_view> CpuLevelsHere();

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_CPU_LEVEL_H_
