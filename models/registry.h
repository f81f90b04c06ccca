// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_MODELS_REGISTRY_H_
#define GRAFT_MODELS_REGISTRY_H_

#include "frontend/model_family.h"

namespace graft {

// Adds every family of this folder. Those of plug-ins come beside them
// (passes/plugin.h).
void registerAllFamilies(FamilyRegistry& families);

}  // namespace graft

#endif  // GRAFT_MODELS_REGISTRY_H_
