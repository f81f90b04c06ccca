// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The host programs of a module in an artifact's form.

#ifndef GRAFT_PASSES_EXPORT_EXPORT_HOST_H_
#define GRAFT_PASSES_EXPORT_EXPORT_HOST_H_

#include "absl/status/status.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/artifact/spec.h"

namespace graft {

// Adds streams, caches, registers, parameters and host programs of all
// `exec.host` ops of `module`, and the sources of the inputs of its
// `exec.program` ops. `spec` has the sizes and entries of the module.
//
// INVALID_ARGUMENT: two host programs declare one name, or a program has a name
// that no host program declares, which the verifier of a module refuses, too.
absl::Status exportHost(mlir::ModuleOp module, ArtifactSpec& spec);

}  // namespace graft

#endif  // GRAFT_PASSES_EXPORT_EXPORT_HOST_H_
