// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Typed random inputs: what lets any phase function run, and two versions of
// it be compared, without data.

#ifndef GRAFT_PASSES_INTERPRET_RANDOM_INPUTS_H_
#define GRAFT_PASSES_INTERPRET_RANDOM_INPUTS_H_

#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/interpret/interpreter.h"

namespace graft::interpret {

struct RandomInputOptions {
  uint64_t seed = 0;
  // Lengths of the sequences of each `!graft.segments` argument. Empty: three
  // to five sequences of one to eight tokens, cut to the shortest table that
  // positions index.
  llvm::SmallVector<int32_t> lengths;
  // Values of named sizes that no segments bind; those missing are 4.
  llvm::StringMap<int64_t> sizes;
};

// The `graft.name` of argument or result `index`, or "arg<index>" and
// "result<index>".
std::string argumentName(mlir::func::FuncOp function, unsigned index);
std::string resultName(mlir::func::FuncOp function, unsigned index);

// The number of values that `value`, an i32 tensor, may hold as an id: the
// height of the tables it indexes, the classes of the losses that it labels.
// Follows calls. A step number has no users that bound it: the result is null.
std::optional<int64_t> idBound(mlir::Value value,
                               const llvm::StringMap<int64_t>& sizes);

// Arguments that `function` accepts, from `options.seed` alone:
//   - segments of consistent offsets, with ordinals that do not start at 0,
//   - ids and labels below their bound; other i32 values are 1,
//   - targets of a binary cross-entropy in [0, 1],
//   - arguments named "total" or "labelled" the number of rows of the labels,
//   "rate" 1e-3,
//   - other floats normal with deviation 1.
// An argument with the attribute `graft.value` (elements, or offsets of
// segments) has that value. Fails with a diagnostic for other types.
mlir::FailureOr<llvm::SmallVector<Value>> makeRandomInputs(
    mlir::func::FuncOp function, const RandomInputOptions& options);

// Sets every parameter and state of the module's models that has no value yet:
// matrices normal with deviation 1 / sqrt(columns), vectors normal with
// deviation 0.1, plus 1 where they scale a normalisation; gradients and first
// moments normal with deviation 0.01, second moments uniform in [0, 1e-3). The
// values of a slot depend on the seed and its name only.
void setRandomSlots(mlir::ModuleOp module, uint64_t seed,
                    Interpreter& interpreter);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_RANDOM_INPUTS_H_
