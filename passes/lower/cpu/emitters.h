// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// All emitters of this library.

#ifndef GRAFT_PASSES_LOWER_CPU_EMITTERS_H_
#define GRAFT_PASSES_LOWER_CPU_EMITTERS_H_

#include "passes/lower/kernel_emitter.h"

namespace graft {

// The emitter of each op of the graft dialect that has one. Made once;
// thread-safe.
const KernelEmitters& getKernelEmitters();

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_EMITTERS_H_
