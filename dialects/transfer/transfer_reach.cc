// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The parameters that a value of a strategy depends on, through the functions
// of models.

#include "dialects/transfer/number.h"
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
  explicit Walker(bool gradient, ArrayRef<Value> ends = {})
      : gradient(gradient), seen(ends.begin(), ends.end()) {}

  void visit(Value value);
  ParameterSet parameters;

 private:
  void addRead(ReadOp read);
  // A result of `repeat`, or an argument of its body: either is what iterations
  // begin with or what one hands on.
  void visitCarried(RepeatOp repeat, Value value,
                    SmallVectorImpl<Value>& pending);
  // The steps are constants unless their gradient has derivatives, too.
  void visitInner(InnerOp inner, SmallVectorImpl<Value>& pending);
  void addParameters(DistanceOp distance);

  // Follow only operands that get a gradient.
  bool gradient;
  llvm::DenseSet<Value> seen;
};

// The value that the callee of `result`, a result of a call, returns for it;
// null if there is none.
Value findReturned(OpResult result) {
  Operation* op = result.getOwner();
  Operation* function = nullptr;
  if (auto call = dyn_cast<CallOp>(op))
    function = SymbolTable::lookupSymbolIn(op->getParentOfType<ModuleOp>(),
                                           call.getCallee());
  else if (auto call = dyn_cast<graft::CallOp>(op))
    function = SymbolTable::lookupSymbolIn(
        SymbolTable::getNearestSymbolTable(op), call.getCallee());
  auto callee = dyn_cast_or_null<func::FuncOp>(function);
  if (!callee || callee.isExternal()) return {};
  Operation* terminator = callee.getBody().front().getTerminator();
  unsigned number = result.getResultNumber();
  return number < terminator->getNumOperands() ? terminator->getOperand(number)
                                               : Value();
}

void Walker::visit(Value value) {
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    if (!seen.insert(next).second) continue;
    Operation* op = next.getDefiningOp();
    if (auto argument = dyn_cast<BlockArgument>(next))
      op = argument.getOwner()->getParentOp();
    if (auto repeat = dyn_cast_or_null<RepeatOp>(op)) {
      visitCarried(repeat, next, pending);
      continue;
    }
    if (!op || isa<BlockArgument>(next)) continue;
    if (auto read = dyn_cast<ReadOp>(op)) addRead(read);
    if (Value returned = findReturned(cast<OpResult>(next)))
      pending.push_back(returned);
    if (gradient && isa<CacheOp, KeepOp, StopGradientOp>(op)) continue;
    if (gradient && isa<InnerOp>(op)) {
      visitInner(cast<InnerOp>(op), pending);
      continue;
    }
    if (auto distance = dyn_cast<DistanceOp>(op)) {
      addParameters(distance);
      if (gradient) continue;
    }
    llvm::append_range(pending, op->getOperands());
  }
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

void Walker::visitCarried(RepeatOp repeat, Value value,
                          SmallVectorImpl<Value>& pending) {
  auto argument = dyn_cast<BlockArgument>(value);
  unsigned index = argument ? argument.getArgNumber()
                            : cast<OpResult>(value).getResultNumber();
  pending.push_back(repeat.getInits()[index]);
  pending.push_back(
      repeat.getBody().front().getTerminator()->getOperand(index));
}

void Walker::visitInner(InnerOp inner, SmallVectorImpl<Value>& pending) {
  if (getVerifiedNumber(inner, inner.getOrderAttr()) == 2)
    pending.push_back(inner.getLoss());
  if (inner.getFrom()) pending.push_back(inner.getFrom());
}

void Walker::addParameters(DistanceOp distance) {
  for (auto inner = distance.getParameters().getDefiningOp<InnerOp>(); inner;
       inner = inner.getPrevious())
    for (const Parameter& parameter : getInnerParameters(inner))
      parameters.insert(parameter.symbol);
}

}  // namespace

ParameterSet getReachedParameters(ArrayRef<Value> values,
                                  ArrayRef<Value> ends) {
  Walker walker(/*gradient=*/true, ends);
  for (Value value : values) walker.visit(value);
  return std::move(walker.parameters);
}

ParameterSet getCalledParameters(CallOp call) {
  SmallVector<Value> operands(call->getOperands());
  Walker walker(/*gradient=*/false, operands);
  for (Value result : call.getResults()) walker.visit(result);
  return std::move(walker.parameters);
}

ParameterSet getReadParameters(Value value) {
  Walker walker(/*gradient=*/false);
  walker.visit(value);
  return std::move(walker.parameters);
}

SmallVector<Operation*> getComputation(
    ArrayRef<Value> values, llvm::function_ref<bool(OpOperand&)> follows) {
  llvm::DenseSet<Operation*> found;
  SmallVector<Value> pending(values);
  while (!pending.empty()) {
    Operation* op = pending.pop_back_val().getDefiningOp();
    if (!op || !found.insert(op).second) continue;
    for (OpOperand& operand : op->getOpOperands())
      if (follows(operand)) pending.push_back(operand.get());
  }
  SmallVector<Operation*> ordered(found.begin(), found.end());
  llvm::sort(ordered,
             [](Operation* a, Operation* b) { return a->isBeforeInBlock(b); });
  return ordered;
}

bool readsText(StreamOp stream) {
  return llvm::any_of(
      stream.getFields().getAsValueRange<StringAttr>(), [](StringRef field) {
        return field == "text" || field == "ids" || field == "types";
      });
}

SmallVector<StreamOp> getStreams(ArrayRef<Value> values) {
  SmallVector<StreamOp> streams;
  for (Operation* op : getComputation(values))
    if (auto stream = dyn_cast<StreamOp>(op)) streams.push_back(stream);
  return streams;
}

SmallVector<LossPart> splitLoss(PhaseOp phase) {
  SmallVector<LossPart> parts;
  auto add = [&](Value term) {
    LossPart merged = {getStreams({term}), {term}};
    // Parts that share a stream with the term become one with it.
    auto shares = [&](const LossPart& part) {
      return llvm::any_of(part.streams, [&](StreamOp stream) {
        return llvm::is_contained(merged.streams, stream);
      });
    };
    for (const LossPart& part : llvm::make_filter_range(parts, shares)) {
      llvm::append_range(merged.streams, part.streams);
      llvm::append_range(merged.terms, part.terms);
    }
    llvm::erase_if(parts, shares);
    parts.push_back(std::move(merged));
  };
  auto isSum = [](Operation* op) { return isa_and_nonnull<CombineOp>(op); };
  for (Operation* op : getComputation({phase.getLoss()}, [&](OpOperand& use) {
         return isSum(use.getOwner());
       }))
    if (!isSum(op))
      for (Value result : op->getResults())
        if (result == phase.getLoss() || llvm::any_of(result.getUsers(), isSum))
          add(result);
  auto isBefore = [](auto a, auto b) { return a->isBeforeInBlock(b); };
  for (LossPart& part : parts) {
    llvm::sort(part.streams, isBefore);
    part.streams.erase(llvm::unique(part.streams), part.streams.end());
    llvm::sort(part.terms, [&](Value a, Value b) {
      return isBefore(a.getDefiningOp(), b.getDefiningOp());
    });
  }
  llvm::sort(parts, [&](const LossPart& a, const LossPart& b) {
    if (a.streams.empty() || b.streams.empty())
      return b.streams.empty() && !a.streams.empty();
    return isBefore(a.streams.front(), b.streams.front());
  });
  return parts;
}

}  // namespace graft::transfer
