// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/transfer_analysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/transfer/expand_layers.h"
#include "passes/transfer/formula_builder.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFEREXPANDFORMULASPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

// Creates the function of `model` that returns the parameters of `read`.
func::FuncOp createReader(ModelOp model, ReadParameterOp read) {
  OpBuilder builder = OpBuilder::atBlockEnd(&model.getBody().front());
  auto function = func::FuncOp::create(
      builder, read.getLoc(), "read",
      builder.getFunctionType({}, read.getValues().getTypes()));
  // Another name if there is a function of this one.
  SymbolTable(model).insert(function);
  builder.setInsertionPointToEnd(function.addEntryBlock());
  SmallVector<Value> values;
  for (auto [name, type] :
       llvm::zip_equal(read.getParameters().getAsRange<FlatSymbolRefAttr>(),
                       read.getValues().getTypes()))
    values.push_back(
        ReadOp::create(builder, read.getLoc(), type, name, /*layer=*/false));
  func::ReturnOp::create(builder, read.getLoc(), values);
  return function;
}

LogicalResult expandReads(StrategyOp strategy) {
  for (auto read :
       llvm::make_early_inc_range(strategy.getOps<ReadParameterOp>())) {
    ModelOp model = getModel(strategy, read.getModelAttr());
    if (!model)  // C2.
      return read.emitOpError("expects parameters of a graft.model, got ")
             << read.getModelAttr();
    if (failed(checkLayersExpanded(model, "its parameters are read")))
      return failure();
    OpBuilder builder(read);
    read->replaceAllUsesWith(CallOp::create(
        builder, read.getLoc(), read->getResultTypes(),
        SymbolRefAttr::get(model.getSymNameAttr(),
                           FlatSymbolRefAttr::get(createReader(model, read))),
        ValueRange(), /*at=*/Value(), /*deterministic=*/false));
    read.erase();
  }
  return success();
}

// C1.
LogicalResult checkOperands(FormulaOp op) {
  auto isExpandable = [](Type type) {
    return isa<RankedTensorType, SegmentsType>(type);
  };
  for (Type type : op->getOperandTypes())
    if (!isExpandable(type))
      return op.emitOpError("expects tensors and segments, got ") << type;
  if (isExpandable(op.getOutput().getType())) return success();
  return op.emitOpError("expects a tensor as its result, got ")
         << op.getOutput().getType();
}

// Whether a row has a number for each example of a batch: kernels have rows of
// static width.
bool isOverBatch(SoftmaxOp op) {
  RankedTensorType type = op.getInput().getType();
  int64_t rank = type.getRank();
  return rank <= 2 && type.isDynamicDim(rank - 1);
}

Value buildSoftmax(SoftmaxOp op) {
  bool isRow = op.getInput().getType().getRank() == 1;
  std::string text = isRow ? "x[r] -> [r]: " : "x[s, r] -> [s, r]: ";
  // Relative to the maximum, which no exponential exceeds.
  text += op.getLog() ? "x - max r (x) - log(sum r (exp(x - max r (x))))"
                      : "exp(x - max r (x)) / sum r (exp(x - max r (x)))";
  OpBuilder builder(op);
  auto formula = FormulaOp::create(builder, op.getLoc(), op.getType(), text,
                                   op->getOperands());
  Value value = buildFormula(formula);
  formula.erase();
  return value;
}

}  // namespace
}  // namespace transfer

namespace {

struct TransferExpandFormulasPass
    : impl::TransferExpandFormulasPassBase<TransferExpandFormulasPass> {
  void runOnOperation() override {
    for (auto strategy : getOperation().getOps<transfer::StrategyOp>())
      if (failed(transfer::expandReads(strategy))) return signalPassFailure();
    WalkResult result = getOperation().walk([](FormulaOp op) {
      if (failed(transfer::checkOperands(op))) return WalkResult::interrupt();
      op.replaceAllUsesWith(transfer::buildFormula(op));
      op.erase();
      return WalkResult::advance();
    });
    if (result.wasInterrupted()) return signalPassFailure();
    getOperation().walk([](SoftmaxOp op) {
      if (!transfer::isOverBatch(op)) return;
      op.replaceAllUsesWith(transfer::buildSoftmax(op));
      op.erase();
    });
  }
};

}  // namespace
}  // namespace graft
