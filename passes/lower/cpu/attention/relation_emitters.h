// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Emitters of graft.relation_divergence and its gradient.

#ifndef GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_EMITTERS_H_
#define GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_EMITTERS_H_

#include "passes/lower/cpu/builder/cpu_context.h"

namespace graft {

void populateRelationEmitters(KernelEmitters& emitters);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_EMITTERS_H_
