// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The parameters that a value of a strategy depends on, through the functions
// of models.

#include "dialects/transfer/transfer_analysis.h"
#include "llvm/ADT/STLExtras.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// Collects the parameters that values depend on, walking from results to
// operands. In a function the walk stops at arguments; the operands of the call
// are visited in the caller.
class Walker {
 public:
  explicit Walker(bool gradient) : gradient(gradient) {}

  void visit(Value value);
  ParameterSet parameters;

 private:
  void visitDefinition(Operation* op);
  void visitFunction(func::FuncOp function);
  void addRead(ReadOp read);

  // Follow only operands that get a gradient.
  bool gradient;
  llvm::DenseSet<Value> seen;
  llvm::DenseSet<Operation*> seenFunctions;
};

void Walker::visit(Value value) {
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    if (!seen.insert(next).second) continue;
    Operation* op = next.getDefiningOp();
    if (!op) continue;
    visitDefinition(op);
    if (gradient && isa<CacheOp, StopGradientOp>(op)) continue;
    auto loss = dyn_cast<LossOp>(op);
    bool fromTeacher = isa<KlDivergenceOp>(op) ||
                       (loss && loss.getKind() == LossKind::kl_divergence);
    for (OpOperand& operand : op->getOpOperands())
      // Operand 1 of a divergence is the teacher's.
      if (!gradient || !fromTeacher || operand.getOperandNumber() != 1)
        pending.push_back(operand.get());
    if (auto repeat = dyn_cast<RepeatOp>(op))
      llvm::append_range(
          pending, repeat.getBody().front().getTerminator()->getOperands());
  }
}

void Walker::visitDefinition(Operation* op) {
  if (auto read = dyn_cast<ReadOp>(op)) return addRead(read);
  SymbolRefAttr callee;
  Operation* table = nullptr;
  if (auto call = dyn_cast<CallOp>(op)) {
    callee = call.getCallee();
    table = op->getParentOfType<ModuleOp>();
  } else if (auto call = dyn_cast<graft::CallOp>(op)) {
    callee = call.getCallee();
    table = SymbolTable::getNearestSymbolTable(op);
  } else {
    return;
  }
  if (auto function = dyn_cast_or_null<func::FuncOp>(
          SymbolTable::lookupSymbolIn(table, callee)))
    visitFunction(function);
}

void Walker::visitFunction(func::FuncOp function) {
  if (function.isExternal() || !seenFunctions.insert(function).second) return;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    visit(value);
}

void Walker::addRead(ReadOp read) {
  auto model = read->getParentOfType<ModelOp>();
  if (!model) {
    parameters.insert(read.getSymbol());
    return;
  }
  auto add = [&](const Twine& name) {
    parameters.insert(SymbolRefAttr::get(
        model.getSymNameAttr(),
        FlatSymbolRefAttr::get(read.getContext(), name.str())));
  };
  StringRef name = read.getSymbol().getRootReference();
  if (!read.getLayer()) return add(name);
  auto repeat = read->getParentOfType<RepeatOp>();
  for (int64_t i = 0, e = repeat.getCount(); i < e; ++i)
    add(repeat.getScope() + "." + Twine(i) + "." + name);
}

}  // namespace

ParameterSet getReachedParameters(Value value) {
  Walker walker(/*gradient=*/true);
  walker.visit(value);
  return std::move(walker.parameters);
}

ParameterSet getReadParameters(Value value) {
  Walker walker(/*gradient=*/false);
  walker.visit(value);
  return std::move(walker.parameters);
}

SmallVector<Operation*> getComputation(ArrayRef<Value> values,
                                       bool enterCaches) {
  llvm::DenseSet<Operation*> found;
  SmallVector<Value> pending(values);
  while (!pending.empty()) {
    Operation* op = pending.pop_back_val().getDefiningOp();
    if (!op || !found.insert(op).second) continue;
    if (enterCaches || !isa<CacheOp>(op))
      llvm::append_range(pending, op->getOperands());
  }
  SmallVector<Operation*> ordered(found.begin(), found.end());
  llvm::sort(ordered,
             [](Operation* a, Operation* b) { return a->isBeforeInBlock(b); });
  return ordered;
}

}  // namespace graft::transfer
