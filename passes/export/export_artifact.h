// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Stage 8: planned modules and their code become an artifact.

#ifndef GRAFT_PASSES_EXPORT_EXPORT_ARTIFACT_H_
#define GRAFT_PASSES_EXPORT_EXPORT_ARTIFACT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/file.h"

namespace graft {

// One target of a program: a module after plan-memory, and the code of its
// `exec.kernels`.
struct ExportTarget {
  mlir::ModuleOp module;
  std::string kind;     // of the device: "cpu"
  std::string format;   // of `library`: "elf"
  std::string level;    // "avx2", ...
  std::string triple;   // of LLVM
  std::string library;  // the code
  // Symbol of each kernel, in the order of `exec.kernels`.
  std::vector<std::string> symbols;
};

// Returns the spec of an artifact with these targets: sizes, slots in the order
// of their declarations, an entry for each `exec.program`, their programs, and
// the host programs of `exec.host` with their streams, caches, registers and
// parameters. The caller adds tokenizer, heads, config and provenance. Borrows
// the targets' libraries.
//
// INVALID_ARGUMENT: the modules differ in more than kernels and memory, or a
// program has types or sizes that an artifact cannot represent.
absl::StatusOr<ArtifactSpec> makeArtifactSpec(
    const std::vector<ExportTarget>& targets);

}  // namespace graft

#endif  // GRAFT_PASSES_EXPORT_EXPORT_ARTIFACT_H_
