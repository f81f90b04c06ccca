// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Parts of one op as programs of their own: what the slicing test runs.

#ifndef GRAFT_PASSES_INTERPRET_SLICING_PART_H_
#define GRAFT_PASSES_INTERPRET_SLICING_PART_H_

#include "dialects/graft/sharding_rule.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/interpret/slicing/slicing.h"

namespace graft::interpret {

// Examples of a batch that is cut.
inline constexpr int64_t kExamples = 5;

// Positions [begin, end) along a factor.
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};
// The range of each factor of a rule, by its number.
using Share = llvm::SmallVector<Range>;

// A function that holds one op. Its arguments are the op's operands, and then a
// tensor for each named size of the results, which binds the size.
struct Part {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
};

// Returns `op` with the shapes and attributes of `share`, where `whole` is all
// of each factor.
Part isolate(mlir::Operation* op, const ShardingRule& rule, const Share& whole,
             const Share& share);

// Verifies and runs `part` on its operands in double precision. Fails with a
// diagnostic if it does not verify or cannot be run.
mlir::FailureOr<llvm::SmallVector<Value>> run(
    Part& part, llvm::ArrayRef<Value> operands, const RandomState& random,
    const llvm::StringMap<int64_t>& sizes);

// Returns the size of a factor of `rule` for these operands.
int64_t sizeOf(const ShardingRule& rule, unsigned factor,
               const SlicingInputs& inputs);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_SLICING_PART_H_
