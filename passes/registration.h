// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What a tool calls to know every dialect, target and pass of Graft.

#ifndef GRAFT_PASSES_REGISTRATION_H_
#define GRAFT_PASSES_REGISTRATION_H_

namespace mlir {
class DialectRegistry;
}  // namespace mlir

namespace graft {

/// Adds Graft's dialects and their interface implementations to `registry`, and
/// registers its targets. Not thread-safe.
void registerAllDialects(mlir::DialectRegistry& registry);

/// Adds Graft's passes and pipelines to MLIR's global pass registry. Call it
/// once, before options are parsed; not thread-safe.
void registerAllPasses();

}  // namespace graft

#endif  // GRAFT_PASSES_REGISTRATION_H_
