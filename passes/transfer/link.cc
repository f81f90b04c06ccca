// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/bind_sizes.h"
#include "dialects/transfer/transfer_analysis.h"
#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "passes/transfer/passes.h"
#include "passes/transfer/taps.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFERLINKPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

// The fields of a text, in the order of the calls that take them.
struct TextFields {
  llvm::SetVector<StringAttr> names;
  llvm::DenseMap<StringAttr, Value> values;  // of the new stream
};

class Linker {
 public:
  explicit Linker(StrategyOp strategy) : strategy(strategy) {}

  LogicalResult run();

 private:
  ModuleOp module() { return strategy->getParentOfType<ModuleOp>(); }

  LogicalResult declareSizes();
  // Notes the sizes that the callee's results have.
  LogicalResult bindSizes(CallOp call, func::FuncOp callee);
  // Notes the sizes that the layers of the callee of a tap's call have.
  LogicalResult bindTap(TapOp tap);
  // Notes those that `actual`, of `callee` at `place`, has where `declared`, of
  // `op`, has names.
  LogicalResult bindType(Operation* op, SymbolRefAttr callee, Type declared,
                         Type actual, Location place);
  LogicalResult bindSize(Operation* op, SymbolRefAttr callee, StringAttr name,
                         int64_t value);
  LogicalResult checkBound();
  // Notes the fields that the callee takes of the call's texts.
  LogicalResult collectFields(CallOp call, func::FuncOp callee);
  // Notes that the op takes the segments of a text.
  LogicalResult collectSegments(Operation* op, OpOperand& text);
  // Notes that the data of a reward have the fields of the prediction's texts.
  void collectData(RewardOp reward);
  LogicalResult checkClasses(StreamOp stream);
  // The stream with those fields in place of `text`.
  void expandText(StreamOp stream);
  void expandOperands(Operation* op);

  StrategyOp strategy;
  struct Size {
    int64_t value = -1;       // until a call or a tap binds it
    Operation* op = nullptr;  // which did, for messages
    SymbolRefAttr callee;     // of it
  };
  llvm::MapVector<StringAttr, Size> sizes;
  llvm::DenseMap<Value, TextFields> texts;
  // Of each text among operands, the fields that it stands for.
  llvm::DenseMap<OpOperand*, SmallVector<StringAttr>> taken;
};

// Whether an argument of that name is a part of a text.
bool isTextField(StringAttr name) {
  return name && (name == "ids" || name == "types" || name == "segments" ||
                  name == "adapters");
}

// The fields that a text stands for whose first argument is `first`: the
// longest run of different ones.
SmallVector<StringAttr> fieldsFrom(func::FuncOp callee, unsigned first) {
  SmallVector<StringAttr> fields;
  for (unsigned i = first, e = callee.getNumArguments(); i < e; ++i) {
    auto name = callee.getArgAttrOfType<StringAttr>(i, "graft.name");
    if (!isTextField(name) || llvm::is_contained(fields, name)) break;
    fields.push_back(name);
  }
  return fields;
}

// Whether the dimensions of `type` have the name.
bool hasSize(RankedTensorType type, StringAttr name) {
  return llvm::any_of(getDims(type),
                      [&](const Dim& dim) { return dim.name == name; });
}

LogicalResult Linker::run() {
  if (strategy.isLinked()) return success();
  if (failed(declareSizes())) return failure();
  if (failed(setCounts(strategy))) return failure();
  for (CountOp count : llvm::make_early_inc_range(strategy.getOps<CountOp>()))
    count.erase();
  for (auto call : strategy.getOps<CallOp>()) {
    FailureOr<func::FuncOp> callee = findFunction(call, call.getCallee());
    if (failed(callee) || failed(bindSizes(call, *callee)) ||
        failed(collectFields(call, *callee)))
      return failure();
  }
  for (auto op : strategy.getOps<RelationDivergenceOp>())
    if (failed(collectSegments(op, op.getTextMutable()))) return failure();
  for (Operation& op : strategy.getBody().front())
    if (isa<GraftDialect>(op.getDialect()))
      for (OpOperand& operand : op.getOpOperands())
        if (failed(collectSegments(&op, operand))) return failure();
  for (auto tap : strategy.getOps<TapOp>())
    if (failed(bindTap(tap))) return failure();
  for (auto reward : strategy.getOps<RewardOp>()) collectData(reward);
  if (failed(checkBound())) return failure();
  for (auto stream : strategy.getOps<StreamOp>())
    if (failed(checkClasses(stream))) return failure();
  for (StreamOp stream :
       llvm::make_early_inc_range(strategy.getOps<StreamOp>()))
    expandText(stream);
  for (Operation& op : strategy.getBody().front()) expandOperands(&op);
  for (StreamOp stream :
       llvm::make_early_inc_range(strategy.getOps<StreamOp>()))
    if (Value text = stream.getField("text"); text && text.use_empty())
      stream.erase();
  llvm::MapVector<StringAttr, int64_t> numbers;
  for (const auto& [name, size] : sizes) numbers[name] = size.value;
  transfer::bindSizes(strategy, numbers);
  return verify(strategy->getParentOp());
}

// C5.
LogicalResult Linker::declareSizes() {
  if (!strategy.getSizes()) return success();
  for (auto name : strategy.getSizes()->getAsRange<StringAttr>()) {
    sizes.insert({name, Size()});
    auto size = module().lookupSymbol<SizeOp>(name);
    if (!size) continue;
    InFlightDiagnostic diagnostic =
        strategy.emitOpError(
            "expects sizes of other names than those of a batch, got ")
        << name.getValue();
    diagnostic.attachNote(size.getLoc()) << "declared here";
    return diagnostic;
  }
  return success();
}

// C1.
LogicalResult Linker::checkBound() {
  for (auto& [name, bound] : sizes) {
    if (bound.value >= 0) continue;
    InFlightDiagnostic diagnostic =
        strategy.emitOpError("expects a call whose result has the size ")
        << name.getValue() << ", got none";
    module().walk([&, name = name](ParameterOp parameter) {
      if (!hasSize(parameter.getType(), name)) return WalkResult::advance();
      diagnostic.attachNote(parameter.getLoc())
          << "for " << parameter.getSymNameAttr() << " of "
          << parameter.getType();
      return WalkResult::interrupt();
    });
    return diagnostic;
  }
  return success();
}

LogicalResult Linker::bindSize(Operation* op, SymbolRefAttr callee,
                               StringAttr name, int64_t value) {
  auto found = sizes.find(name);
  if (found == sizes.end()) return success();
  Size& size = found->second;
  if (size.value < 0) size = {value, op, callee};
  if (size.value == value) return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expects ")
                                  << callee << " to have " << size.value
                                  << " for " << name.getValue() << ", got "
                                  << value;
  diagnostic.attachNote(size.op->getLoc()) << "which " << size.callee << " has";
  return diagnostic;
}

LogicalResult Linker::bindType(Operation* op, SymbolRefAttr callee,
                               Type declared, Type actual, Location place) {
  if (auto layers = dyn_cast<LayersType>(declared))
    declared = layers.getTensor();
  auto ours = dyn_cast<RankedTensorType>(declared);
  auto theirs = dyn_cast<RankedTensorType>(actual);
  if (!ours || !theirs) return success();  // the verifier compares them
  if (ours.getRank() != theirs.getRank()) {
    InFlightDiagnostic diagnostic = op->emitOpError("expects ")
                                    << callee << " to have " << ours << ", got "
                                    << theirs;
    diagnostic.attachNote(place) << "declared here";
    return diagnostic;
  }
  for (auto [dim, other] : llvm::zip_equal(getDims(ours), getDims(theirs)))
    if (dim.name && other.isStatic() &&
        failed(bindSize(op, callee, dim.name, other.size)))
      return failure();
  return success();
}

LogicalResult Linker::bindSizes(CallOp call, func::FuncOp callee) {
  if (call.getNumResults() != callee.getNumResults())
    return call.emitOpError("expects ")
           << call.getNumResults() << " results of " << call.getCallee()
           << ", got " << callee.getNumResults();
  for (auto [declared, actual] :
       llvm::zip_equal(call.getResultTypes(), callee.getResultTypes()))
    if (failed(bindType(call, call.getCallee(), declared, actual,
                        callee.getLoc())))
      return failure();
  return success();
}

// C7.
LogicalResult Linker::bindTap(TapOp tap) {
  auto call = tap.getSource().getDefiningOp<CallOp>();
  FailureOr<func::FuncOp> callee = findFunction(call, call.getCallee());
  if (failed(callee)) return failure();
  FailureOr<graft::TapOp> found = findTap(tap, *callee);
  if (failed(found)) return failure();
  return bindType(tap, call.getCallee(), tap.getValues().getType(),
                  found->getValue().getType(), found->getLoc());
}

LogicalResult Linker::collectSegments(Operation* op, OpOperand& text) {
  if (!isa<TextType>(text.get().getType())) return success();
  if (!text.get().getDefiningOp<StreamOp>())  // C3.
    return op->emitOpError("expects the text of a stream, got another");
  auto name = StringAttr::get(op->getContext(), "segments");
  texts[text.get()].names.insert(name);
  taken[&text] = {name};
  return success();
}

void Linker::collectData(RewardOp reward) {
  StreamOp data = reward.getData();
  PredictOp measured = reward.getMeasured();
  if (!data || !measured) return;  // the verifier says so
  Value text = data.getField("text");
  SmallVector<StreamOp> read = getStreams({measured.getPrediction()});
  Value like = read.empty() ? Value() : read.front().getField("text");
  if (!text || !like) return;
  SmallVector<StringAttr> names(texts[like].names.begin(),
                                texts[like].names.end());
  texts[text].names.insert(names.begin(), names.end());
}

// C2, C3.
LogicalResult Linker::collectFields(CallOp call, func::FuncOp callee) {
  unsigned argument = 0;
  for (OpOperand& operand : call->getOpOperands()) {
    if (!isa<TextType>(operand.get().getType())) {
      ++argument;
      continue;
    }
    if (!operand.get().getDefiningOp<StreamOp>())
      return call.emitOpError("expects the text of a stream, got another");
    SmallVector<StringAttr> fields = fieldsFrom(callee, argument);
    if (fields.empty()) {
      InFlightDiagnostic diagnostic =
          callee.emitOpError("expects graft.name of argument ")
          << argument
          << " to be ids, types, segments or adapters, to take a text, got ";
      StringAttr name;
      if (argument < callee.getNumArguments())
        name = callee.getArgAttrOfType<StringAttr>(argument, "graft.name");
      diagnostic << (name ? name.getValue() : "none");
      diagnostic.attachNote(call.getLoc()) << "called here";
      return diagnostic;
    }
    argument += fields.size();
    texts[operand.get()].names.insert(fields.begin(), fields.end());
    taken[&operand] = std::move(fields);
  }
  return success();
}

// C4.
LogicalResult Linker::checkClasses(StreamOp stream) {
  const StringRef field = stream.getClassField();
  StringAttr name = stream.getClassSize();
  if (field == "soft" || !name || sizes.lookup(name).value > 1)
    return success();
  InFlightDiagnostic diagnostic =
      stream.emitOpError("expects ")
      << field << '<' << name.getValue() << "> of at least 2 classes, got 1"
      << (field == "labels" ? "; labels<1> is a number for each text" : "");
  const Size size = sizes.lookup(name);
  diagnostic.attachNote(size.op->getLoc()) << "which " << size.callee << " has";
  return diagnostic;
}

void Linker::expandText(StreamOp stream) {
  Value text = stream.getField("text");
  if (!text) return;
  TextFields& fields = texts[text];
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
    for (StringAttr name : fields.names) {
      names.push_back(name);
      types.push_back(stream.getFieldType(name));
      old.push_back({});
    }
  }
  IntegerAttr count = stream.getLabelCountAttr();
  if (StringAttr size = stream.getLabelSizeAttr())
    count = builder.getI64IntegerAttr(sizes.lookup(size).value);
  auto linked = StreamOp::create(
      builder, stream.getLoc(), types, stream.getSymNameAttr(),
      builder.getArrayAttr(names), count, /*label_size=*/StringAttr(),
      stream.getMultiHotCountAttr(), stream.getMultiHotSizeAttr(),
      stream.getFeatureCountAttr(), stream.getSoftCountAttr(),
      stream.getSoftSizeAttr(), stream.getTokensAttr(),
      stream.getSequencesAttr());
  for (auto [name, before, value] :
       llvm::zip_equal(names, old, linked.getValues())) {
    if (before) before.replaceAllUsesWith(value);
    fields.values[cast<StringAttr>(name)] = value;
  }
}

void Linker::expandOperands(Operation* op) {
  auto isTaken = [&](OpOperand& use) { return taken.contains(&use); };
  if (llvm::none_of(op->getOpOperands(), isTaken)) return;
  auto call = dyn_cast<CallOp>(op);
  SmallVector<Value> arguments;
  for (OpOperand& operand : op->getOpOperands()) {
    if (call && operand.get() == call.getAt()) continue;
    auto fields = taken.find(&operand);
    if (fields == taken.end()) {
      arguments.push_back(operand.get());
      continue;
    }
    for (StringAttr field : fields->second)
      arguments.push_back(texts[operand.get()].values[field]);
  }
  if (call) return call.getArgumentsMutable().assign(arguments);
  op->setOperands(arguments);
}

}  // namespace
}  // namespace transfer

namespace {

// C6.
LogicalResult checkStatic(ModuleOp module) {
  WalkResult result = module.walk([](ParameterOp parameter) -> WalkResult {
    if (parameter.getType().hasStaticShape()) return WalkResult::advance();
    return parameter.emitOpError(
               "expects a static shape, or sizes that a strategy declares, "
               "got ")
           << parameter.getType();
  });
  return failure(result.wasInterrupted());
}

struct TransferLinkPass : impl::TransferLinkPassBase<TransferLinkPass> {
  void runOnOperation() override {
    for (auto strategy : getOperation().getOps<transfer::StrategyOp>())
      if (failed(transfer::Linker(strategy).run())) return signalPassFailure();
    if (failed(checkStatic(getOperation()))) signalPassFailure();
  }
};

}  // namespace
}  // namespace graft
