// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Verifier.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFERLINKPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

class Linker {
 public:
  explicit Linker(StrategyOp strategy) : strategy(strategy) {}

  LogicalResult run();

 private:
  LogicalResult checkTexts();
  FailureOr<func::FuncOp> findCallee(CallOp call);
  // Notes the sizes that the callee's results have.
  LogicalResult bindSizes(CallOp call, func::FuncOp callee);
  LogicalResult bindSize(CallOp call, StringAttr name, int64_t value);
  // Notes the fields that the callee takes of a text.
  LogicalResult collectFields(CallOp call, func::FuncOp callee);
  LogicalResult checkClasses(StreamOp stream);
  // The stream with those fields in place of `text`.
  void expandText(StreamOp stream);
  void expandCall(CallOp call);
  void replaceTypes();

  StrategyOp strategy;
  llvm::SmallDenseMap<CallOp, func::FuncOp> callees;
  struct Size {
    int64_t value = -1;  // until a call binds it
    CallOp call;         // which did, for messages
  };
  llvm::MapVector<StringAttr, Size> sizes;
  llvm::MapVector<StringAttr, Type> fields;  // of texts, in order
  llvm::StringMap<Value> values;             // of the new stream, by field
};

bool takesText(CallOp call) {
  return llvm::any_of(call.getOperandTypes(), llvm::IsaPred<TextType>);
}

// C3.
LogicalResult Linker::checkTexts() {
  StreamOp first;
  for (auto stream : strategy.getOps<StreamOp>()) {
    if (!stream.getField("text")) continue;
    if (!first) {
      first = stream;
      continue;
    }
    InFlightDiagnostic diagnostic =
        stream.emitOpError("expects one stream of text to link, got another");
    diagnostic.attachNote(first.getLoc()) << "the first";
    return diagnostic;
  }
  return success();
}

LogicalResult Linker::run() {
  if (strategy.isLinked()) return success();
  if (failed(checkTexts())) return failure();
  if (strategy.getSizes())
    for (auto name : strategy.getSizes()->getAsRange<StringAttr>())
      sizes.insert({name, Size()});
  SmallVector<CallOp> calls(strategy.getOps<CallOp>());
  for (CallOp call : calls) {
    FailureOr<func::FuncOp> callee = findCallee(call);
    if (failed(callee)) return failure();
    callees[call] = *callee;
    if (failed(bindSizes(call, *callee)) ||
        failed(collectFields(call, *callee)))
      return failure();
  }
  for (auto& [name, bound] : sizes)
    if (bound.value < 0)  // C1.
      return strategy.emitOpError("expects a call whose result has the size ")
             << name.getValue() << ", got none";
  for (auto stream : strategy.getOps<StreamOp>())
    if (failed(checkClasses(stream))) return failure();
  for (StreamOp stream :
       llvm::make_early_inc_range(strategy.getOps<StreamOp>()))
    expandText(stream);
  for (CallOp call : calls)
    if (takesText(call)) expandCall(call);
  for (StreamOp stream :
       llvm::make_early_inc_range(strategy.getOps<StreamOp>()))
    if (Value text = stream.getField("text"); text && text.use_empty())
      stream.erase();
  replaceTypes();
  strategy.removeSizesAttr();
  return verify(strategy->getParentOp());
}

FailureOr<func::FuncOp> Linker::findCallee(CallOp call) {
  auto callee = dyn_cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(
      strategy->getParentOfType<ModuleOp>(), call.getCallee()));
  if (callee && isa<ModelOp>(callee->getParentOp())) return callee;
  return call.emitOpError("expects a function of a model, got ")
             << call.getCallee(),
         failure();
}

LogicalResult Linker::bindSize(CallOp call, StringAttr name, int64_t value) {
  auto found = sizes.find(name);
  if (found == sizes.end()) return success();
  Size& size = found->second;
  if (size.value < 0) size = {value, call};
  if (size.value == value) return success();
  InFlightDiagnostic diagnostic = call.emitOpError("expects ")
                                  << call.getCallee() << " to have "
                                  << size.value << " for " << name.getValue()
                                  << ", got " << value;
  diagnostic.attachNote(size.call.getLoc())
      << "which " << size.call.getCallee() << " has";
  return diagnostic;
}

LogicalResult Linker::bindSizes(CallOp call, func::FuncOp callee) {
  auto differ = [&](Type expected) -> LogicalResult {
    InFlightDiagnostic diagnostic = call.emitOpError("expects ")
                                    << call.getCallee() << " to return "
                                    << expected << ", got "
                                    << callee.getFunctionType();
    diagnostic.attachNote(callee.getLoc()) << "declared here";
    return diagnostic;
  };
  if (call.getNumResults() != callee.getNumResults())
    return call.emitOpError("expects ")
           << call.getNumResults() << " results of " << call.getCallee()
           << ", got " << callee.getNumResults();
  for (auto [declared, actual] :
       llvm::zip_equal(call.getResultTypes(), callee.getResultTypes())) {
    auto ours = dyn_cast<RankedTensorType>(declared);
    auto theirs = dyn_cast<RankedTensorType>(actual);
    if (!ours || !theirs) continue;  // the verifier compares them
    if (ours.getRank() != theirs.getRank()) return differ(ours);
    for (auto [dim, other] : llvm::zip_equal(getDims(ours), getDims(theirs)))
      if (dim.name && other.isStatic() &&
          failed(bindSize(call, dim.name, other.size)))
        return failure();
  }
  return success();
}

LogicalResult Linker::collectFields(CallOp call, func::FuncOp callee) {
  if (!takesText(call)) return success();
  if (call.getNumOperands() != 1)
    return call.emitOpError("expects a text as the only operand, got ")
           << call.getNumOperands() << " operands";
  for (unsigned i = 0, e = callee.getNumArguments(); i < e; ++i) {
    auto name = callee.getArgAttrOfType<StringAttr>(i, "graft.name");
    bool known =
        name && (name == "ids" || name == "types" || name == "segments");
    if (!known) {  // C2.
      InFlightDiagnostic diagnostic =
          callee.emitOpError("expects graft.name of argument ")
          << i << " to be ids, types or segments, to take a text, got ";
      if (name)
        diagnostic << name.getValue();
      else
        diagnostic << "none";
      diagnostic.attachNote(call.getLoc()) << "called here";
      return diagnostic;
    }
    fields.insert({name, callee.getArgumentTypes()[i]});
  }
  return success();
}

// C4.
LogicalResult Linker::checkClasses(StreamOp stream) {
  StringAttr name = stream.getLabelSizeAttr();
  if (!name || sizes.lookup(name).value > 1) return success();
  InFlightDiagnostic diagnostic =
      stream.emitOpError("expects labels<")
      << name.getValue()
      << "> of at least 2 classes, got 1; labels<1> "
         "is a number for each text";
  diagnostic.attachNote(sizes.lookup(name).call.getLoc())
      << "which " << sizes.lookup(name).call.getCallee() << " has";
  return diagnostic;
}

void Linker::expandText(StreamOp stream) {
  if (!stream.getField("text")) return;
  OpBuilder builder(stream);
  SmallVector<Attribute> names;
  SmallVector<Type> types;
  SmallVector<Value> old;  // null for a field that is new
  for (auto [field, value] : llvm::zip(
           stream.getFields().getAsRange<StringAttr>(), stream.getValues())) {
    if (field != "text") {
      names.push_back(field);
      types.push_back(value.getType());
      old.push_back(value);
      continue;
    }
    for (auto& [name, type] : fields) {
      names.push_back(name);
      types.push_back(type);
      old.push_back({});
    }
  }
  IntegerAttr count = stream.getLabelCountAttr();
  if (StringAttr size = stream.getLabelSizeAttr())
    count = builder.getI64IntegerAttr(sizes.lookup(size).value);
  auto linked = StreamOp::create(
      builder, stream.getLoc(), types, stream.getSymNameAttr(),
      builder.getArrayAttr(names), count, /*label_size=*/StringAttr(),
      stream.getTokensAttr(), stream.getSequencesAttr());
  for (auto [name, before, value] :
       llvm::zip_equal(names, old, linked.getValues())) {
    if (before) before.replaceAllUsesWith(value);
    values[cast<StringAttr>(name).getValue()] = value;
  }
}

void Linker::expandCall(CallOp call) {
  SmallVector<Value> operands;
  func::FuncOp callee = callees[call];
  for (unsigned i = 0, e = callee.getNumArguments(); i < e; ++i)
    operands.push_back(
        values[callee.getArgAttrOfType<StringAttr>(i, "graft.name")
                   .getValue()]);
  call.getOperandsMutable().assign(operands);
}

void Linker::replaceTypes() {
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<Type> {
    SmallVector<Dim> dims = getDims(type);
    for (Dim& dim : dims)
      if (auto bound = dim.name ? sizes.find(dim.name) : sizes.end();
          bound != sizes.end())
        dim = Dim{bound->second.value, nullptr};
    return getTensorType(dims, type.getElementType());
  });
  replacer.recursivelyReplaceElementsIn(strategy, /*replaceAttrs=*/false,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

}  // namespace
}  // namespace transfer

namespace {

struct TransferLinkPass : impl::TransferLinkPassBase<TransferLinkPass> {
  void runOnOperation() override {
    for (auto strategy : getOperation().getOps<transfer::StrategyOp>())
      if (failed(transfer::Linker(strategy).run())) return signalPassFailure();
  }
};

}  // namespace
}  // namespace graft
