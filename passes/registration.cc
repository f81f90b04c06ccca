// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/registration.h"

namespace graft {

void registerAllDialects(mlir::DialectRegistry& registry) {}

void registerAllPasses() {}

}  // namespace graft
