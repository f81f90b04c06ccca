// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What the compiler writes as text, to options.output.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_EMIT_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_EMIT_H_

#include "absl/status/status.h"
#include "frontend/model_family.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "tools/graft-compile/compile.h"

namespace graft {

// Prints the module, with the names of its values.
absl::Status WriteModule(mlir::ModuleOp module, const CompileOptions& options);

// Writes the parameters that the strategy of the options declares, after the
// settings. Without a file it is that of a regression where one label is asked
// for, else of a classification; options by the scopes of a model are left out.
absl::Status WriteSettings(mlir::MLIRContext& context,
                           const CompileOptions& options);

// Writes the facts of a strategy, which is not compared with models, as JSON:
// {"streams": [{"name", "labels": "classes", "number" or "none", "classes":
// count, where it is known, "weights": whether it has them}], "unlabelled":
// whether a loss leaves out examples without a label, "batch_size": the value
// of the parameter of that name, where there is one, "models": [{"name",
// "trained", "declared": by the text itself}] in the order of their calls,
// "predicted": name}.
absl::Status WriteStrategyFacts(mlir::MLIRContext& context,
                                const CompileOptions& options);

// Writes the facts of the checkpoint directory's configuration.
absl::Status WriteFacts(const FamilyRegistry& families,
                        const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_EMIT_H_
