// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Options that name parts of a model, as settings of a strategy.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_SCOPES_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_SCOPES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "frontend/model_family.h"
#include "tools/graft-compile/compile.h"

namespace graft {

// The settings that the options mean for a model of `facts`, some of whose
// parameters are `initialised`.
absl::StatusOr<std::vector<Setting>> ScopeSettings(
    const ScopeOptions& options, const ModelFacts& facts,
    absl::Span<const std::string> initialised);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_SCOPES_H_
