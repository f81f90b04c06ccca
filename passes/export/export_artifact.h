// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Planned modules and their code -> a .graft file.

#ifndef GRAFT_PASSES_EXPORT_EXPORT_ARTIFACT_H_
#define GRAFT_PASSES_EXPORT_EXPORT_ARTIFACT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/file.h"

namespace graft {

// One CPU level of a program: a module after plan-memory, and the code of its
// `exec.kernels`.
struct ExportTarget {
  mlir::ModuleOp module;
  std::string level;    // "avx2", ...
  std::string triple;   // of LLVM
  std::string library;  // an ELF shared object
  // Symbol of each kernel, in the order of `exec.kernels`.
  std::vector<std::string> symbols;
};

// The spec of an artifact with these targets: sizes, slots in the order of
// their declarations, an entry for each `exec.program`, their programs, and the
// host program "train" where there are entries `accumulate` and `update`.
// Tokenizer, labels, config and provenance are left to the caller. Borrows the
// targets' libraries. INVALID_ARGUMENT when modules differ in more than
// kernels and memory, or a program uses what an artifact cannot hold.
absl::StatusOr<ArtifactSpec> makeArtifactSpec(
    const std::vector<ExportTarget>& targets);

}  // namespace graft

#endif  // GRAFT_PASSES_EXPORT_EXPORT_ARTIFACT_H_
