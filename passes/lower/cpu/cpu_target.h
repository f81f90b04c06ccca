// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Processors as targets, one for each ISA level.

#ifndef GRAFT_PASSES_LOWER_CPU_CPU_TARGET_H_
#define GRAFT_PASSES_LOWER_CPU_CPU_TARGET_H_

namespace graft {

// Registers a target named as each ISA level. Calls after the first do nothing.
void registerCpuTargets();

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_CPU_TARGET_H_
