// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Builds one function of the expanded strategy.

#ifndef GRAFT_PASSES_TRANSFER_ENTRY_H_
#define GRAFT_PASSES_TRANSFER_ENTRY_H_

#include <string>

#include "dialects/transfer/transfer_analysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace graft::transfer {

// How values of the strategy are computed in an entry.
struct EntryMode {
  // Without random draws: prediction, evaluation, what a cache keeps.
  bool deterministic;
  // A loss is one value an example, without weights, instead of a scalar.
  bool lossPerExample;
};

// A function of the module in the making. Arguments come first, then any
// computations through `builder` and `compute`, last `finish`.
class Entry {
 public:
  // The function `name` before `strategy`, with `graft.phase` = `name`.
  Entry(StrategyOp strategy, llvm::StringRef name, EntryMode mode);

  // A new argument that the runtime feeds under `name`.
  mlir::Value addArgument(llvm::StringRef name, mlir::Type type);

  // An argument for each field of `stream` but those in `without`.
  void addFields(StreamOp stream, llvm::ArrayRef<llvm::StringRef> without);

  // An argument for each cache behind `value`, named `cached.<cache>`.
  void addCaches(mlir::Value value);

  // The arguments that mean losses behind `loss` are divided by: `total`, and
  // `labelled` for those that ignore a label.
  void addTotals(mlir::Value loss);

  // Emits what `value` of the strategy is computed from and returns it in the
  // entry. Computes nothing twice. Fails with a diagnostic at the op that has
  // no meaning in the entry's mode.
  mlir::FailureOr<mlir::Value> compute(mlir::Value value);

  // Returns `values` under `names`; the entry is complete.
  void finish(llvm::ArrayRef<mlir::Value> values,
              llvm::ArrayRef<llvm::StringRef> names);

  // Inserts at the end of the entry.
  mlir::ImplicitLocOpBuilder builder;
  mlir::func::FuncOp function;

 private:
  mlir::LogicalResult emit(mlir::Operation* op);
  mlir::LogicalResult emitLoss(LossOp loss);
  mlir::LogicalResult emitCombination(CombineOp combine);
  mlir::Value emitRows(LossOp loss);

  EntryMode mode;
  mlir::IRMapping mapping;
  mlir::Value total, labelled;
};

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_ENTRY_H_
