// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What goes into the compiler.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_INPUT_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_INPUT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontend/huggingface_import.h"
#include "tools/graft-compile/compile.h"

namespace graft {

struct CompilerInput {
  ImportedModel model;
  std::string directory;  // of the checkpoint
};

// Imports the directory, or parses the module; `families` read config.json. The
// context must have all dialects. Errors name the file, what was expected and
// what was found.
absl::StatusOr<CompilerInput> ReadInput(mlir::MLIRContext& context,
                                        const FamilyRegistry& families,
                                        const CompileOptions& options);

// Adds the strategy of options.recipe, unless the module has one.
absl::Status AddStrategy(CompilerInput& input, const CompileOptions& options);

// Writes `text` to options.output.
absl::Status WriteText(const std::string& text, const CompileOptions& options);
// The same of the module, printed.
absl::Status WriteModule(mlir::ModuleOp module, const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_INPUT_H_
