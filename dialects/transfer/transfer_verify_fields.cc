// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the values of a strategy are read as: its labels (C8 of
// transfer.strategy), its weights (C9) and its random numbers (C17).

#include "dialects/graft/random_ids.h"
#include "dialects/transfer/transfer_analysis.h"
#include "dialects/transfer/transfer_verify.h"

using namespace mlir;

namespace graft::transfer {

// The stream of which `value` is `field`, or none.
static StreamOp streamOfField(Value value, StringRef field) {
  auto stream = value.getDefiningOp<StreamOp>();
  return stream && value == stream.getField(field) ? stream : StreamOp();
}

// A cross-entropy has a column for each label, and no softmax is taken of a
// set.
static LogicalResult verifyTarget(LossOp loss) {
  if (StreamOp stream = streamOfField(loss.getTarget(), "multi_hot");
      stream && loss.getKind() == LossKind::kl_divergence) {
    InFlightDiagnostic diagnostic =
        loss.emitOpError(
            "expects logits of which it takes a softmax, got the "
            "sets of labels of @")
        << stream.getSymName() << "; binary_cross_entropy compares with them";
    diagnostic.attachNote(stream.getLoc()) << "declared here";
    return diagnostic;
  }
  StreamOp stream = streamOfField(loss.getTarget(), "labels");
  if (loss.getKind() != LossKind::cross_entropy || !stream) return success();
  int64_t labels = *stream.getLabelCount();
  RankedTensorType logits = loss.getPrediction().getType();
  if (logits.getDimSize(1) == labels) return success();
  InFlightDiagnostic diagnostic = loss.emitOpError("expects logits of ")
                                  << labels << " columns, for labels<" << labels
                                  << "> of @" << stream.getSymName() << ", got "
                                  << logits;
  diagnostic.attachNote(stream.getLoc()) << "declared here";
  return diagnostic;
}

// Formulas have become these.
static LogicalResult verifyClasses(OneHotOp rows) {
  StreamOp stream = streamOfField(rows.getLabels(), "labels");
  if (!stream) return success();
  int64_t labels = *stream.getLabelCount();
  int64_t columns = cast<RankedTensorType>(rows.getType()).getDimSize(1);
  if (columns == labels) return success();
  InFlightDiagnostic diagnostic = emitError(rows.getLoc())
                                  << "expects labels to be compared with "
                                  << labels << " classes, for labels<" << labels
                                  << "> of @" << stream.getSymName() << ", got "
                                  << columns;
  diagnostic.attachNote(stream.getLoc()) << "declared here";
  return diagnostic;
}

LogicalResult verifyLabels(StrategyOp strategy) {
  for (auto loss : strategy.getOps<LossOp>())
    if (failed(verifyTarget(loss))) return failure();
  for (auto rows : strategy.getOps<OneHotOp>())
    if (failed(verifyClasses(rows))) return failure();
  return success();
}

// Whether the loss of a phase depends on `field` of a stream.
static bool readByPhase(StrategyOp strategy, Value field) {
  return llvm::any_of(strategy.getOps<PhaseOp>(), [&](PhaseOp phase) {
    return llvm::any_of(getComputation({phase.getLoss()}), [&](Operation* op) {
      return llvm::is_contained(op->getOperands(), field);
    });
  });
}

LogicalResult verifyWeights(StrategyOp strategy) {
  for (auto stream : strategy.getOps<StreamOp>()) {
    Value weights = stream.getField("weights");
    if (weights && !readByPhase(strategy, weights))
      return stream.emitOpError(
          "expects a loss of a phase to read its weights, got weights that no "
          "loss reads; a transfer.loss takes them by 'weight'");
  }
  return success();
}

template <typename OpTy>
static LogicalResult verifyDrawsOf(StrategyOp strategy) {
  llvm::DenseMap<std::pair<int64_t, int64_t>, OpTy> draws;
  for (auto op : strategy.getOps<OpTy>()) {
    // Those from kRandomIdsPerLayer on are drawn by the layers of models.
    const auto id = static_cast<int64_t>(op.getRandomId());
    if (id < 0 || id >= kRandomIdsPerLayer)
      return op.emitOpError("expects an id from 0 to ")
             << kRandomIdsPerLayer - 1 << ", got " << id;
    const std::pair<int64_t, int64_t> key(op.getRandomId(), op.getDraw());
    auto [other, isNew] = draws.insert({key, op});
    if (isNew) continue;
    InFlightDiagnostic diagnostic =
        op.emitOpError(
            "expects an id of its own, as two of one id draw the "
            "same numbers, got ")
        << key.first << " again";
    diagnostic.attachNote(other->second.getLoc()) << "drawn here first";
    return diagnostic;
  }
  return success();
}

LogicalResult verifyDraws(StrategyOp strategy) {
  return success(succeeded(verifyDrawsOf<UniformOp>(strategy)) &&
                 succeeded(verifyDrawsOf<DropoutOp>(strategy)));
}

}  // namespace graft::transfer
