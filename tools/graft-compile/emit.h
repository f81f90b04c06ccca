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

// Writes the text of options.input, a page of the compiler, or, of the prefix
// alone, the name, summary and data of each page. INVALID_ARGUMENT: there is no
// such page.
absl::Status WritePage(mlir::MLIRContext& context,
                       const CompileOptions& options);

// Writes the facts of a strategy, which is not compared with models, as JSON:
// {"streams": [{"name", "labels": "classes", "sets", "number" or "none",
// "classes": count, where it is known, "size": the size K of labels<K>, where
// there is one, "open": whether there is one that no call binds, "unlabelled":
// whether a loss leaves out examples without a label, "whole": whether one
// relates the examples of a batch, "weights": whether it has them}],
// "batch_size": the value of the parameter of that name, where there is one,
// "batch": examples that a loss relates in two passes, where the text says so,
// "models": [{"name",
// "trained", "declared": by the text itself, "complete": whether it needs no
// directory, since all of its parameters have initial values there, "head":
// whether the strategy calls more of it than @encode and @pooled,
// "tracked": the model whose directory it shares, or empty, "initialised":
// parameters that the text declares with initial values}] in the
// order of their calls, "predictions": [{"head": name or empty, "streams": that
// it depends on}], "predicted": the model that reads the texts of the first,
// "settings": what WriteSettings writes, "checkpoints": {directory: what
// WriteFacts writes of it}, of each directory of --model that nothing is wrong
// with}.
absl::Status WriteStrategyFacts(mlir::MLIRContext& context,
                                const FamilyRegistry& families,
                                const CompileOptions& options);

// Checks the encoder of the checkpoint directory, values of its weights
// included, and writes what else a training must know of it, as JSON:
// {"model_type", "vocab_size", "type_vocab_size" and "max_position_embeddings"
// (where there is a maximum), "pooler": whether the files have it, or the
// family has none, "head": {"scope": of its parameters, "labels": rows, 0
// without a head that serves, "found": what there is, in words, "names": of its
// rows, "named": whether the configuration names them, "problem_type", "error":
// what is wrong with the names}, "settings": what WriteSettings writes}.
absl::Status WriteFacts(mlir::MLIRContext& context,
                        const FamilyRegistry& families,
                        const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_EMIT_H_
