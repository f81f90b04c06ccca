// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Kept values and rewards: C15 and C16 of transfer.strategy.

#include "dialects/transfer/transfer_analysis.h"
#include "dialects/transfer/transfer_verify.h"

using namespace mlir;

namespace graft::transfer {

// What a run can keep of each example.
static bool isKeptType(RankedTensorType type, StreamOp stream) {
  return type.getRank() > 0 && type.getElementType().isF32() &&
         getDim(type, 0).name == stream.getSequencesAttr().getAttr() &&
         llvm::none_of(type.getShape().drop_front(), ShapedType::isDynamic);
}

LogicalResult verifyKeep(KeepOp keep) {
  SmallVector<StreamOp> streams = getStreams({keep.getInput()});
  if (streams.size() != 1)
    return keep.emitOpError("expects a value that depends on one stream, got ")
           << streams.size();
  auto type = cast<RankedTensorType>(keep.getInput().getType());
  if (!isKeptType(type, streams.front()))
    return keep.emitOpError("expects an f32 row of static size for each ")
           << "example of @" << streams.front().getSymName() << ", got "
           << type;
  for (Operation* op : getComputation({keep.getInput()})) {
    if (!isa<LossOp, MeanOp, TotalOp, PenaltyOp, DistanceOp>(op)) continue;
    InFlightDiagnostic diagnostic = keep.emitOpError(
        "expects a value of each example by itself, got one of a loss");
    diagnostic.attachNote(op->getLoc()) << "which is here";
    return diagnostic;
  }
  if (Operation* found = findExampleRelation({keep.getInput()})) {
    InFlightDiagnostic diagnostic = keep.emitOpError(
        "expects a value of each example by itself, got one of a batch");
    diagnostic.attachNote(found->getLoc()) << "examples meet here";
    return diagnostic;
  }
  auto strategy = keep->getParentOfType<StrategyOp>();
  bool isRead = llvm::any_of(strategy.getOps<PhaseOp>(), [&](PhaseOp phase) {
    return llvm::is_contained(getComputation({phase.getLoss()}), keep);
  });
  if (isRead) return success();
  return keep.emitOpError("expects a loss of a phase to read it, got none");
}

LogicalResult verifyReward(RewardOp reward) {
  StreamOp data = reward.getData();
  if (!data)
    return reward.emitOpError("expects a transfer.stream, got ")
           << reward.getStreamAttr();
  PredictOp measured = reward.getMeasured();
  if (!measured) {
    if (FlatSymbolRefAttr head = reward.getHeadAttr())
      return reward.emitOpError("expects the head of a transfer.predict, got ")
             << head;
    return reward.emitOpError(
        "expects 'of' a head in a strategy of several predictions, got none");
  }
  for (Value field : data.getValues())
    for (Operation* user : field.getUsers()) {
      InFlightDiagnostic diagnostic = reward.emitOpError(
          "expects a stream that nothing else reads, or the training sees what "
          "the reward measures, got @");
      diagnostic << data.getSymName();
      diagnostic.attachNote(user->getLoc()) << "read here";
      return diagnostic;
    }
  SmallVector<StreamOp> predicted = getStreams({measured.getPrediction()});
  if (predicted.size() != 1) return success();  // C7 says so.
  StreamOp like = predicted.front();
  for (auto [name, value] : llvm::zip(
           like.getFields().getAsValueRange<StringAttr>(), like.getValues())) {
    Value same = data.getField(name);
    bool fits =
        same && same.getType() == value.getType() &&
        (name != "labels" || data.getLabelCount() == like.getLabelCount());
    if (name == "weights" || fits) continue;
    InFlightDiagnostic diagnostic =
        reward.emitOpError("expects a stream with the fields of @");
    diagnostic << like.getSymName() << ", as the prediction reads, got "
               << (same ? "another " : "no ") << name << " of @"
               << data.getSymName();
    diagnostic.attachNote(data.getLoc()) << "declared here";
    return diagnostic;
  }
  return success();
}

}  // namespace graft::transfer
