// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_dialect.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// FACTOR * %loss + FACTOR * %loss + ...
ParseResult parseTerms(
    OpAsmParser& parser, ArrayAttr& factors,
    SmallVectorImpl<OpAsmParser::UnresolvedOperand>& losses) {
  SmallVector<Attribute> values;
  do {
    if (parseNumber(parser, values.emplace_back()) || parser.parseStar() ||
        parser.parseOperand(losses.emplace_back()))
      return failure();
  } while (succeeded(parser.parseOptionalPlus()));
  factors = parser.getBuilder().getArrayAttr(values);
  return success();
}

void printTerms(OpAsmPrinter& printer, CombineOp op, ArrayAttr factors,
                OperandRange losses) {
  llvm::interleave(
      llvm::zip(factors, losses), printer,
      [&](auto term) {
        printNumber(printer, op, std::get<0>(term));
        printer << " * " << std::get<1>(term);
      },
      " + ");
}

}  // namespace

LogicalResult LossOp::verify() {
  RankedTensorType prediction = getPrediction().getType();
  RankedTensorType target = getTarget().getType();
  Dim rows = getDim(prediction, 0);
  // C1.
  if (getKind() == LossKind::cross_entropy) {
    if (target.getRank() != 1 || !target.getElementType().isInteger(32) ||
        !getDim(target, 0).isCompatible(rows))
      return emitOpError("expects 'target' to be one label per row of ")
             << prediction << ", got " << target;
  } else if (prediction != target) {
    return emitOpError("expects 'prediction' and 'target' of one type, got ")
           << prediction << " and " << target;
  }
  // C2.
  if (getKind() != LossKind::cross_entropy &&
      (getSmoothingAttr() || getIgnore()))
    return emitOpError(
        "expects 'smoothing' and 'ignore' of cross_entropy only");
  if (getKind() != LossKind::kl_divergence &&
      getKind() != LossKind::contrastive && getTemperatureAttr())
    return emitOpError(
        "expects 'temperature' of kl_divergence and contrastive only");
  if (failed(verifyNumber(*this, "smoothing", getSmoothingAttr(), kFraction)) ||
      failed(
          verifyNumber(*this, "temperature", getTemperatureAttr(), kPositive)))
    return failure();
  // C3.
  if (!getWeight()) return success();
  auto weight = cast<RankedTensorType>(getWeight().getType());
  if (getDim(weight, 0).isCompatible(rows)) return success();
  return emitOpError("expects 'weight' to be one value per row of ")
         << prediction << ", got " << weight;
}

// C1 of a mean and of a total.
template <typename Op>
static LogicalResult verifyWeight(Op op) {
  if (!op.getWeight() || op.getWeight().getType() == op.getValues().getType())
    return success();
  return op.emitOpError("expects 'weight' to be one value per element of ")
         << op.getValues().getType() << ", got " << op.getWeight().getType();
}

LogicalResult MeanOp::verify() { return verifyWeight(*this); }

LogicalResult TotalOp::verify() { return verifyWeight(*this); }

LogicalResult PenaltyOp::verify() {
  // C1.
  RankedTensorType first = getFirst().getType(), second = getSecond().getType();
  Dim rows = getDim(first, 0), others = getDim(second, 0);
  if (!getDim(first, 1).isCompatible(getDim(second, 1)))
    return emitOpError("expects rows of one width, got ")
           << first << " and " << second;
  if (rows.name && others.name && rows.name != others.name) return success();
  return emitOpError(
             "expects rows that sizes of different names count, those of two "
             "streams, got ")
         << first << " and " << second;
}

LogicalResult CombineOp::verify() {
  // C1.
  if (getFactors().size() != getLosses().size() || getFactors().empty())
    return emitOpError("expects a factor for each loss, got ")
           << getFactors().size() << " and " << getLosses().size();
  for (Attribute factor : getFactors())
    if (failed(verifyNumber(*this, "factors", factor, kAny, Change::allowed)))
      return failure();
  return success();
}

}  // namespace graft::transfer

using namespace graft::transfer;

#define GET_OP_CLASSES
#include "dialects/transfer/transfer_loss_ops.cc.inc"
