// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/registry.h"

#include "models/bert/family.h"

namespace graft {

void registerAllFamilies(FamilyRegistry& families) {
  families.add(createBertFamily());
}

}  // namespace graft
