// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/expression.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_dialect.h"

using namespace mlir;

namespace graft::transfer {

// Expressions refer to it.
static LogicalResult verifyName(Operation* op, StringRef name) {
  // Records of a run have the step beside rewards and registers.
  if (llvm::is_contained(kChangingNames, name))
    return op->emitOpError(
               "expects another name than one that changes by "
               "itself, got @")
           << name;
  if (isName(("@" + name).str())) return success();
  return op->emitOpError("expects a name of letters, digits and '_', got @")
         << name;
}

LogicalResult RewardOp::verify() {
  // C2.
  if (failed(verifyName(*this, getSymName()))) return failure();
  // C1.
  FailureOr<StringAttr> measure = getText(*this, "measure", getMeasureAttr());
  if (failed(measure)) return failure();
  if (*measure == "score" || *measure == "loss") return success();
  return emitOpError("expects to measure score or loss, got ") << *measure;
}

StreamOp RewardOp::getData() {
  auto streams = (*this)->getParentOfType<StrategyOp>().getOps<StreamOp>();
  auto found = llvm::find_if(streams, [&](StreamOp stream) {
    return stream.getSymName() == getStream();
  });
  return found == streams.end() ? StreamOp() : *found;
}

PredictOp RewardOp::getMeasured() {
  auto predictions = (*this)->getParentOfType<StrategyOp>().getOps<PredictOp>();
  if (!getHead())
    return llvm::hasSingleElement(predictions) ? *predictions.begin()
                                               : PredictOp();
  auto found = llvm::find_if(predictions, [&](PredictOp predict) {
    return predict.getHead() == getHead();
  });
  return found == predictions.end() ? PredictOp() : *found;
}

LogicalResult RegisterOp::verify() {
  return success(
      // C2.
      succeeded(verifyName(*this, getSymName())) &&
      // C1.
      succeeded(verifyNumber(*this, "initial", getInitialAttr(), kAny)) &&
      succeeded(
          verifyNumber(*this, "next", getNextAttr(), kAny, Change::allowed)));
}

}  // namespace graft::transfer

using namespace graft::transfer;

#define GET_OP_CLASSES
#include "dialects/transfer/transfer_reward_ops.cc.inc"
