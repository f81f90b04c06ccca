// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Builds one function of the expanded strategy.

#ifndef GRAFT_PASSES_TRANSFER_ENTRY_H_
#define GRAFT_PASSES_TRANSFER_ENTRY_H_

#include <string>

#include "dialects/transfer/transfer_analysis.h"
#include "llvm/ADT/MapVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/transfer/host_program.h"

namespace graft::transfer {

// How an entry computes values of the strategy.
struct EntryMode {
  // Without dropout: prediction, evaluation, the contents of a cache.
  bool deterministic;
  // A loss is one value per example, without weights, instead of a scalar.
  bool lossPerExample;
  // Computes kept values, instead of taking them for arguments.
  bool keeps;
};
inline constexpr EntryMode kPredict = {/*deterministic=*/true,
                                       /*lossPerExample=*/true,
                                       /*keeps=*/false};
inline constexpr EntryMode kTrain = {/*deterministic=*/false,
                                     /*lossPerExample=*/false,
                                     /*keeps=*/false};
inline constexpr EntryMode kKeep = {/*deterministic=*/false,
                                    /*lossPerExample=*/false, /*keeps=*/true};

// The state of `parameter` that a training keeps under `name`.
mlir::SymbolRefAttr getState(const Parameter& parameter,
                             const llvm::Twine& name);
// Phases share the gradient, which is zero between them. Of losses that are
// weighed each has one of its own, `loss` counts them.
mlir::SymbolRefAttr getGradient(const Parameter& parameter, size_t loss = 0);

// A function of the module under construction. Call the `add` functions first,
// then use `builder` and `compute` in any order, and call `finish` last.
class Entry {
 public:
  // Inserts the function `name` before `strategy`, with `graft.phase` = `name`.
  Entry(StrategyOp strategy, llvm::StringRef name, EntryMode mode);

  // Lets `compute` leave out all terms of `loss`, which may be a sum of sums,
  // but `kept`. Other sums are whole.
  void restrictTo(mlir::Value loss, llvm::ArrayRef<mlir::Value> kept);

  // Sets its part of the keys of random numbers: only entries of one `ordinal`
  // draw the same in a step.
  void setOrdinal(int64_t ordinal);

  // Adds an argument `name` that comes from `source`.
  mlir::Value addArgument(llvm::StringRef name, mlir::Type type,
                          exec::SourceAttr source);

  // The number of an update: an argument `name` that comes from `source`, which
  // further calls for this source return, too.
  mlir::Value addStep(llvm::StringRef name, exec::SourceAttr source);

  // Adds an argument for each field of `stream` except those in `without`. The
  // names of a second stream begin with its own: "target.ids".
  void addFields(StreamOp stream, llvm::ArrayRef<llvm::StringRef> without);

  // Adds an argument for each field of `stream` that the computation of
  // `values` reads.
  void addFieldsOf(StreamOp stream, llvm::ArrayRef<mlir::Value> values);
  // The same for those that a prediction may read.
  void addInputs(StreamOp stream);
  // The same for what an evaluation of `loss` takes: all that a prediction may
  // read, labels, and soft targets if the loss reads them. Each example counts
  // once, without its weight.
  void addTruths(StreamOp stream, mlir::Value loss);

  // Adds an argument `name` from `source` that stands for `value`: what this
  // depends on is no part of a computation then.
  void addGiven(mlir::Value value, llvm::StringRef name,
                exec::SourceAttr source);

  // Adds an argument, named `cached.<cache>`, for each cache that `value`
  // depends on, and `kept.<value>` for each kept value.
  void addCaches(mlir::Value value);

  // Adds the divisors of the mean losses in `loss`, of examples of the streams
  // that have been added: `total`, and others for losses with weights or with a
  // label that they ignore. Fails with a diagnostic at a loss whose divisor
  // `host` cannot compute.
  mlir::LogicalResult addTotals(mlir::Value loss, HostProgram& host);

  // Adds an argument for `number` if it changes during a training; `host`
  // computes it before each turn of `phase`, or for null when a step begins,
  // and ends the run where it leaves `range`.
  void addFactor(mlir::Attribute number, PhaseOp phase, HostProgram& host,
                 HostProgram::Range range = HostProgram::Range::finite);

  // Adds an argument for each factor in the computation of `value`, a part of
  // the loss of `phase`, or for null a kept value, that changes during a
  // training.
  void addFactors(mlir::Value value, PhaseOp phase, HostProgram& host);

  // Emits the computation of `value` of the strategy and returns the value in
  // the entry. Never emits an op twice. Fails with a diagnostic at an op that
  // has no meaning in the entry's mode.
  mlir::FailureOr<mlir::Value> compute(mlir::Value value);

  // The same for the term `index` of `sum`, times its factor.
  mlir::FailureOr<mlir::Value> computeTerm(CombineOp sum, size_t index);

  // The number `number` of `op` as a scalar of the entry: the argument that
  // `addFactor` has added, or a constant.
  mlir::Value scalarOf(mlir::Operation* op, mlir::Attribute number);

  // Element `index` of a vector, as a scalar.
  mlir::Value elementOf(mlir::Value vector, int64_t index);

  // Adds the derivatives of `loss` with respect to those `trained` parameters
  // that are `reached` to their gradients, which `slotOf` names. Returns those
  // with respect to `rows`.
  llvm::SmallVector<mlir::Value> addGradients(
      mlir::Value loss, llvm::ArrayRef<GroupedParameter> trained,
      const ParameterSet& reached, mlir::ValueRange rows = {},
      llvm::function_ref<mlir::SymbolRefAttr(const Parameter&)> slotOf =
          [](const Parameter& parameter) { return getGradient(parameter); });

  // Returns `values` under `names`; the entry is complete.
  void finish(llvm::ArrayRef<mlir::Value> values,
              llvm::ArrayRef<llvm::StringRef> names);

  // Inserts at the end of the entry.
  mlir::ImplicitLocOpBuilder builder;
  mlir::func::FuncOp function;

 private:
  // Values of parameters, by their names.
  using Place = llvm::MapVector<mlir::SymbolRefAttr, mlir::Value>;

  // Whether the entry needs the operand.
  bool takes(mlir::OpOperand& use) const;
  // Whether a term that is kept is `loss` or, in a sum of the loss, in it.
  bool keeps(mlir::Value loss) const;
  // The ops that the entry needs for `value`, caches without what they hold.
  llvm::SmallVector<mlir::Operation*> getOps(mlir::Value value) const;
  // Whether the entry takes the value of `op` from elsewhere.
  bool isTaken(mlir::Operation* op) const;
  mlir::LogicalResult emit(mlir::Operation* op);
  mlir::LogicalResult emitLoss(LossOp loss);
  mlir::LogicalResult emitCombination(CombineOp combine);
  // The term `index` of `sum`, which has been emitted, times its factor.
  mlir::Value scaleTerm(CombineOp sum, size_t index);
  void emitCall(CallOp call, mlir::ValueRange arguments);
  mlir::LogicalResult emitInner(InnerOp inner);
  // The loss of `inner` where its steps have led to `reached`; the ops
  // `repeated` are emitted again.
  mlir::FailureOr<mlir::Value> computeAgain(
      InnerOp inner, llvm::ArrayRef<mlir::Operation*> repeated,
      const Place& reached);
  void emitDistance(DistanceOp distance);
  void emitScaling(ScaleGradientOp scaling);
  void emitGradient(GradientOp gradient);
  void emitNumber(NumberOp number);
  mlir::FailureOr<mlir::Value> emitRows(LossOp loss);
  // Maps `loss` to `rows`, one value per example, or to what they add up to.
  void reduceRows(mlir::Value loss, mlir::Value rows, mlir::Value weight,
                  mlir::Value divisor);
  mlir::LogicalResult emitPenalty(PenaltyOp penalty);
  // Adds the divisor of a mean over the rows of `values`, which `weight`, where
  // it is not null, must be the field of.
  mlir::LogicalResult addDivisor(mlir::Operation* mean, mlir::Value values,
                                 mlir::Value weight, const BatchSum& sum,
                                 HostProgram& host);
  void addDivisor(StreamOp stream, const BatchSum& sum, HostProgram& host);
  // The stream whose examples the rows of `value` are; null if there is none.
  StreamOp findStream(mlir::Value value) const;
  std::string nameIn(StreamOp stream, llvm::StringRef name) const;
  mlir::Value getDivisor(StreamOp stream, const BatchSum& sum) const;

  StrategyOp strategy;
  EntryMode mode;
  llvm::DenseSet<mlir::Operation*> sums;  // of whose terms some are left out
  llvm::DenseSet<mlir::Value> terms;      // that are kept
  mlir::IRMapping mapping;
  llvm::DenseSet<mlir::Value> given;
  llvm::SmallVector<StreamOp> streams;  // whose fields are arguments
  struct Divisor {
    StreamOp stream;
    BatchSum sum;
    mlir::Value value;
  };
  llvm::SmallVector<Divisor> divisors;
  llvm::DenseMap<mlir::Attribute, mlir::Value> factors;  // those that change
  llvm::DenseMap<mlir::Attribute, mlir::Value> steps;    // by their source
  llvm::DenseMap<mlir::Value, Place> places;  // where inner loops have led
  // Where calls at `begin` are made while a step of a loop is emitted.
  std::optional<std::pair<mlir::Value, const Place*>> moved;
};

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_ENTRY_H_
