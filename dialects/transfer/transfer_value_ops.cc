// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/expression.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "dialects/transfer/transfer_dialect.h"

using namespace mlir;

namespace graft::transfer {

// Whether a parameter of `declared` may be read as `type`, where names of sizes
// may stand for numbers.
static bool isTypeOf(RankedTensorType declared, RankedTensorType type,
                     bool named) {
  if (type.getElementType() != declared.getElementType() ||
      type.getRank() != declared.getRank())
    return false;
  return llvm::all_of(llvm::zip_equal(getDims(type), getDims(declared)),
                      [&](auto dims) {
                        auto& [own, other] = dims;
                        return own.isCompatible(other) ||
                               (named && own.name && other.isStatic());
                      });
}

std::string PredictOp::getPredictEntry() {
  if (!getHead() || (*this)->getParentOfType<StrategyOp>().predictsAlone())
    return "predict";
  return ("predict_" + *getHead()).str();
}

std::string PredictOp::getEvaluateEntry() {
  return getHead() ? ("evaluate_" + *getHead()).str() : "evaluate";
}

std::string PredictOp::getUnlabelledEntry() {
  return getEvaluateEntry() + "_unlabelled";
}

LogicalResult PredictOp::verify() {
  // C1.
  if (getHead() && !isName(("@" + *getHead()).str()))
    return emitOpError("expects a head of letters, digits and '_', got @")
           << *getHead();
  // C2.
  if (getUnlabelled() && !getEvaluate())
    return emitOpError(
        "expects 'evaluate' before 'or', for data with labels, got none");
  // C3.
  if (getSoftmax() && getSigmoid())
    return emitOpError(
        "expects softmax, for one label of each example, or sigmoid, for any "
        "number of them, got both");
  if (getSigmoid() && getPrediction().getType().getDimSize(1) == 1)
    return emitOpError("expects at least 2 columns for sigmoid, got ")
           << getPrediction().getType();
  return success();
}

LogicalResult CallOp::verify() {
  // C1.
  auto isLayers = [](Type type) { return isa<LayersType>(type); };
  bool expected = llvm::any_of(getOperandTypes(), isLayers);
  for (Type type : getResultTypes())
    if (isLayers(type) != expected)
      return emitOpError("expects ")
             << (expected ? "layers as results, as an operand is, got "
                          : "layers as results where an operand is, got ")
             << type;
  return success();
}

LogicalResult ReadParameterOp::verifySymbolUses(SymbolTableCollection&) {
  // C1.
  if (getParameters().size() != getNumResults())
    return emitOpError("expects a result for each parameter, got ")
           << getNumResults() << " for " << getParameters().size();
  auto strategy = (*this)->getParentOfType<StrategyOp>();
  ModelOp model = graft::transfer::getModel(strategy, getModelAttr());
  // Models are imported before a strategy is linked.
  if (!model && !strategy.isLinked()) return success();
  if (!model)
    return emitOpError("expects parameters of a graft.model, got ")
           << getModelAttr();
  llvm::DenseMap<StringRef, ParameterOp> declarations;
  SmallVector<Parameter> declared = graft::transfer::getParameters(model);
  for (const Parameter& parameter : declared)
    declarations[parameter.name()] = parameter.declaration;
  for (auto [name, value] : llvm::zip_equal(
           getParameters().getAsRange<FlatSymbolRefAttr>(), getValues())) {
    ParameterOp declaration = declarations.lookup(name.getValue());
    if (!declaration) {
      InFlightDiagnostic diagnostic = emitOpError("expects a parameter of ")
                                      << getModelAttr() << ", got " << name;
      diagnostic.attachNote(model.getLoc()) << "declared here";
      return diagnostic;
    }
    // C2.
    if (isTypeOf(declaration.getType(), cast<RankedTensorType>(value.getType()),
                 /*named=*/!strategy.isLinked()))
      continue;
    InFlightDiagnostic diagnostic =
        emitOpError("expects ") << name << " of type " << declaration.getType()
                                << ", got " << value.getType();
    diagnostic.attachNote(declaration.getLoc()) << "declared here";
    return diagnostic;
  }
  return success();
}

LogicalResult TapOp::verify() {
  // C1.
  if (!getSource().getDefiningOp<CallOp>())
    return emitOpError("expects 'source' to be a result of a transfer.call");
  // C2.
  bool range = getFirstAttr() || getLastAttr();
  if ((getLayerAttr() != nullptr) + range + (getMatching() != nullptr) > 1)
    return emitOpError(
        "expects one of 'layer', 'layers' and 'matching' at most");
  if ((getLayerAttr() != nullptr) !=
      isa<RankedTensorType>(getValues().getType()))
    return emitOpError("expects a tensor of one 'layer', and else layers, got ")
           << getValues().getType();
  // C3.
  if (getMatching() && !getMatching().getDefiningOp<TapOp>())
    return emitOpError("expects 'matching' to be the result of a transfer.tap");
  // C4.
  if ((getFirstAttr() != nullptr) != (getLastAttr() != nullptr))
    return emitOpError("expects 'first' and 'last' together");
  return success(
      succeeded(verifyNumber(*this, "layer", getLayerAttr(), kLayer)) &&
      succeeded(verifyNumber(*this, "first", getFirstAttr(), kLayer)) &&
      succeeded(verifyNumber(*this, "last", getLastAttr(), kLayer)));
}

LogicalResult RelationDivergenceOp::verify() {
  // C1.
  TypeRange compared = TypeRange(getOperandTypes()).take_front(4);
  bool expected = isa<LayersType>(getDivergence().getType());
  for (Type type : compared)
    if (isa<LayersType>(type) != expected)
      return emitOpError("expects ")
             << (expected ? "layers, as the result is, got "
                          : "layers only where the result is, got ")
             << type;
  // C2.
  for (size_t i : {0, 2})
    if (compared[i] != compared[i + 1])
      return emitOpError("expects ")
             << (i == 0 ? "'query' and 'key'"
                        : "'target_query' and 'target_key'")
             << " of one type, got " << compared[i] << " and "
             << compared[i + 1];
  // C3.
  return verifyNumber(*this, "heads", getHeadsAttr(), kCountOrNone);
}

LogicalResult ScaleGradientOp::verify() {
  return verifyNumber(*this, "factor", getFactorAttr(), kAny, Change::allowed);
}

LogicalResult InnerOp::verify() {
  // C1.
  return success(
      succeeded(verifyNumber(*this, "rate", getRateAttr(), kNonNegative,
                             Change::allowed)) &&
      succeeded(verifyNumber(*this, "times", getTimesAttr(), kInnerSteps)) &&
      succeeded(verifyNumber(*this, "order", getOrderAttr(), kOrder)));
}

LogicalResult NumberOp::verify() {
  // C1.
  auto type = cast<RankedTensorType>(getTensor().getType());
  if (!type.getElementType().isF32())
    return emitOpError("expects a tensor of f32, got ") << type;
  return verifyNumber(*this, "number", getNumberAttr(), kAny, Change::allowed);
}

LogicalResult GradientOp::verify() {
  // C1.
  Operation* source = getWrt().getDefiningOp();
  SmallVector<Operation*> between =
      getComputation({getValues()}, [](OpOperand& use) {
        return !isa<StopGradientOp, CacheOp, KeepOp>(use.getOwner());
      });
  bool depends = llvm::any_of(between, [&](Operation* op) {
    return op != source && !isa<StopGradientOp, CacheOp, KeepOp>(op) &&
           llvm::is_contained(op->getOperands(), getWrt());
  });
  if (depends || getValues() == getWrt()) return success();
  return emitOpError("expects 'values' to depend on 'wrt', which they do not");
}

}  // namespace graft::transfer

using namespace graft::transfer;

#define GET_OP_CLASSES
#include "dialects/transfer/transfer_value_ops.cc.inc"
