// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_PASSES_EXPORT_COMPARE_INTERFACES_H_
#define GRAFT_PASSES_EXPORT_COMPARE_INTERFACES_H_

#include "runtime/artifact/spec.h"

namespace graft {

// Whether two specs have the same sizes, slots and entries, as those of the
// targets of one program have.
bool haveEqualInterfaces(const ArtifactSpec& a, const ArtifactSpec& b);

}  // namespace graft

#endif  // GRAFT_PASSES_EXPORT_COMPARE_INTERFACES_H_
