// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/random_ids.h"
#include "dialects/graft/size_renaming.h"
#include "llvm/ADT/DenseMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFERINLINECALLSPASS
#include "passes/transfer/passes.h.inc"

namespace {

// A call to be inlined, and the functions it was inlined from.
struct PendingCall {
  CallOp call;
  SmallVector<func::FuncOp> callers;
};

// Inlines every call of one function of the module.
class Inliner {
 public:
  explicit Inliner(func::FuncOp root) : root(root) {}

  LogicalResult run();

 private:
  LogicalResult inlineCall(PendingCall pending,
                           SmallVectorImpl<PendingCall>& nested);
  LogicalResult checkCallee(PendingCall& pending, func::FuncOp callee);
  // Rewrites one op of `callee` for use outside of the model, in place of
  // `call`.
  LogicalResult adapt(Operation* op, ModelOp model, CallOp call, int64_t draw);
  void mergeReads();

  func::FuncOp root;
  SymbolTableCollection tables;
  // The first `draw` that the next call of a function of this name may use, of
  // any model: two models of one family have random ops of the same ids.
  llvm::DenseMap<StringAttr, int64_t> nextDraw;
};

// Replaces a random op by its deterministic form. Fails with a diagnostic at
// one that has none, of which `call` says where it is called.
LogicalResult removeRandomness(Operation* op, CallOp call) {
  if (isa<UniformOp>(op)) {
    InFlightDiagnostic diagnostic = op->emitOpError(
        "expects no deterministic call, such as those of predictions, "
        "evaluations and caches");
    diagnostic.attachNote(call.getLoc()) << "called here";
    return diagnostic;
  }
  if (auto dropout = dyn_cast<DropoutOp>(op)) {
    dropout.getOutput().replaceAllUsesWith(dropout.getInput());
    dropout.erase();
  } else if (auto attention = dyn_cast<AttentionOp>(op)) {
    attention.setDropout(APFloat(0.0f));
    attention.removeRandomIdAttr();
    attention.setDraw(0);
  }
  return success();
}

LogicalResult Inliner::run() {
  SmallVector<PendingCall> pending;
  root.walk([&](CallOp call) { pending.push_back({call, {}}); });
  // Inlines in program order, depth first, so that draws are numbered in
  // program order, too.
  std::reverse(pending.begin(), pending.end());
  while (!pending.empty()) {
    SmallVector<PendingCall> nested;
    if (failed(inlineCall(pending.pop_back_val(), nested))) return failure();
    pending.append(nested.rbegin(), nested.rend());
  }
  mergeReads();
  return success();
}

LogicalResult Inliner::checkCallee(PendingCall& pending, func::FuncOp callee) {
  if (llvm::is_contained(pending.callers, callee))  // C1.
    return pending.call.emitOpError("expects no recursion, got a call of ")
           << pending.call.getCallee() << " inside itself";
  if (!llvm::hasSingleElement(callee.getBody())) {  // C2.
    InFlightDiagnostic diagnostic =
        pending.call.emitOpError("expects a function of one block, got ")
        << callee.getBody().getBlocks().size() << " blocks";
    diagnostic.attachNote(callee.getLoc()) << "declared here";
    return diagnostic;
  }
  auto repeats = callee.getOps<RepeatOp>();
  if (repeats.empty()) return success();
  return (*repeats.begin())
      .emitOpError(  // C3.
          "expects to be expanded by transfer-expand-layers before its "
          "function is inlined");
}

LogicalResult Inliner::inlineCall(PendingCall pending,
                                  SmallVectorImpl<PendingCall>& nested) {
  CallOp call = pending.call;
  auto callee =
      tables.lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  auto model = callee->getParentOfType<ModelOp>();
  if (!model)
    return call.emitOpError("expects a function of a model, got ")
           << call.getCallee();
  if (failed(checkCallee(pending, callee))) return failure();

  bool deterministic = call.getDeterministic();
  int64_t draw = 0;
  if (!deterministic) {
    int64_t& next = nextDraw[callee.getSymNameAttr()];
    draw = next;
    next += drawsPerCall(callee);
  }
  pending.callers.push_back(callee);
  OpBuilder builder(call);
  Block& body = callee.getBody().front();
  IRMapping mapping;
  mapping.map(body.getArguments(), call.getArguments());
  // Verified: there is one.
  SizeRenaming sizes =
      *matchSizes(callee.getFunctionType(),
                  builder.getFunctionType(call.getArguments().getTypes(),
                                          call.getResultTypes()));
  sizes.remove_if([](const auto& name) { return name.first == name.second; });
  SmallVector<Operation*> clones;
  for (Operation& op : body.without_terminator()) {
    clones.push_back(builder.clone(op, mapping));
    if (!sizes.empty()) renameSizes(clones.back(), sizes);
  }
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  call.replaceAllUsesWith(results);
  for (Operation* op : clones) {
    if (auto inner = dyn_cast<CallOp>(op))
      nested.push_back({inner, pending.callers});
    if (failed(adapt(op, model, call, draw))) return failure();
  }
  call.erase();
  return success();
}

// The value that `call` gives the tensor `name` of its model; null if it is
// read.
Value findValue(CallOp call, StringAttr name) {
  if (!call.getAt()) return {};
  for (auto [symbol, value] : llvm::zip_equal(
           call.getAt()->getAsRange<FlatSymbolRefAttr>(), call.getValues()))
    if (symbol.getAttr() == name) return value;
  return {};
}

// Gives `inner`, a call inside of the model, the values of `call`.
void passOn(CallOp call, CallOp inner) {
  SmallVector<Value> values(inner.getValues());
  SmallVector<Attribute> names;
  if (inner.getAt()) llvm::append_range(names, *inner.getAt());
  for (size_t i = 0, e = call.getValues().size(); i < e; ++i) {
    Attribute name = (*call.getAt())[i];
    if (llvm::is_contained(names, name)) continue;
    names.push_back(name);
    values.push_back(call.getValues()[i]);
  }
  inner.getValuesMutable().assign(values);
  if (!names.empty())
    inner.setAtAttr(ArrayAttr::get(inner.getContext(), names));
}

LogicalResult Inliner::adapt(Operation* op, ModelOp model, CallOp call,
                             int64_t draw) {
  bool deterministic = call.getDeterministic();
  auto qualify = [&](SymbolRefAttr symbol) {
    return SymbolRefAttr::get(
        model.getSymNameAttr(),
        FlatSymbolRefAttr::get(symbol.getLeafReference()));
  };
  if (auto read = dyn_cast<ReadOp>(op)) {
    Value value = findValue(call, read.getSymbol().getLeafReference());
    if (value) {
      read.replaceAllUsesWith(value);
      read.erase();
    } else {
      read.setSymbolAttr(qualify(read.getSymbol()));
    }
    return success();
  }
  if (auto write = dyn_cast<WriteOp>(op)) {
    write.setSymbolAttr(qualify(write.getSymbol()));
    return success();
  }
  if (auto inner = dyn_cast<CallOp>(op)) {
    inner.setCalleeAttr(qualify(inner.getCallee()));
    inner.setDeterministic(inner.getDeterministic() || deterministic);
    passOn(call, inner);
    return success();
  }
  if (!op->hasAttr("random_id")) return success();
  if (deterministic) return removeRandomness(op, call);
  auto written = op->getAttrOfType<IntegerAttr>("draw");
  if (int64_t sum = draw + (written ? written.getInt() : 0))
    op->setAttr("draw", Builder(op).getI64IntegerAttr(sum));
  return success();
}

// Merges the reads of each tensor into one op, so that the gradient with
// respect to a parameter includes all of its uses.
void Inliner::mergeReads() {
  llvm::DenseMap<SymbolRefAttr, ReadOp> first;
  for (auto read :
       llvm::make_early_inc_range(root.getBody().front().getOps<ReadOp>())) {
    auto [kept, isNew] = first.try_emplace(read.getSymbol(), read);
    if (isNew) continue;
    read.replaceAllUsesWith(kept->second.getValue());
    read.erase();
  }
}

struct TransferInlineCallsPass
    : impl::TransferInlineCallsPassBase<TransferInlineCallsPass> {
  using TransferInlineCallsPassBase::TransferInlineCallsPassBase;

  void runOnOperation() override {
    bool hasFunctions = false;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal()) continue;
      hasFunctions = true;
      if (failed(Inliner(function).run())) return signalPassFailure();
    }
    if (!hasFunctions || keepFunctions) return;
    for (auto model : getOperation().getOps<ModelOp>())
      for (auto function :
           llvm::make_early_inc_range(model.getOps<func::FuncOp>()))
        function.erase();
  }
};

}  // namespace
}  // namespace graft
