// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Verifies C1 to C5 of exec.host.

#include <cmath>
#include <limits>

#include "dialects/exec/exec_host.h"
#include "dialects/exec/host_expression.h"
#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace graft::exec {
namespace {

// What an instruction is inside of.
struct Scope {
  bool inLoop = false;
  llvm::StringSet<> batches, microBatches, wholeBatches;  // of streams
};

// What a host program knows of an entry.
struct EntryFacts {
  SmallVector<SourceAttr> sources;
  // Results of type tensor<f32>.
  llvm::StringSet<> scalars;
};

class Verifier {
 public:
  explicit Verifier(HostOp host)
      : host(host), module(host->getParentOfType<ModuleOp>()) {}

  LogicalResult run() { return verifyBlock(host.getBody().front(), Scope()); }

 private:
  LogicalResult verifyBlock(Block& block, const Scope& scope);
  LogicalResult verifyOp(Operation* op, const Scope& scope);
  LogicalResult verifyDeclaration(Operation* op);
  LogicalResult verifyNested(Operation* op, const Scope& scope);
  LogicalResult verifyStream(StreamOp op);
  LogicalResult verifyBatchSize(Operation* op, FlatSymbolRefAttr stream);
  LogicalResult verifyParts(Operation* op, Scope& scope);
  LogicalResult verifyRegister(RegisterOp op);
  LogicalResult verifyCall(CallOp op, const Scope& scope);
  LogicalResult verifyEvaluate(EvaluateOp op);
  LogicalResult verifyExpression(Operation* op, StringRef text,
                                 const Scope& scope);
  LogicalResult verifyStep(Operation* op, const ExpressionStep& step,
                           const Scope& scope);
  LogicalResult verifyTarget(Operation* op, FlatSymbolRefAttr name);
  LogicalResult verifyShown(Operation* op, ArrayAttr assignments);
  template <typename OpTy>
  LogicalResult verifyName(Operation* op, FlatSymbolRefAttr name);

  // Whether a strategy still has to make entries.
  bool isAuthored() {
    return llvm::any_of(module.getOps(), [](Operation& op) {
      return op.getName().getStringRef() == "transfer.strategy";
    });
  }
  FailureOr<EntryFacts> findEntry(Operation* op, FlatSymbolRefAttr name);
  FlatSymbolRefAttr findStream(SourceAttr source);
  LogicalResult verifyEntry(Operation* op, FlatSymbolRefAttr name) {
    return success(isAuthored() || succeeded(findEntry(op, name)));
  }

  HostOp host;
  ModuleOp module;
};

template <typename OpTy>
LogicalResult Verifier::verifyName(Operation* op, FlatSymbolRefAttr name) {
  if (isa_and_nonnull<OpTy>(SymbolTable::lookupSymbolIn(host, name)))
    return success();
  return op->emitOpError("expects an ")
         << OpTy::getOperationName() << " of the host program, got " << name;
}

LogicalResult Verifier::verifyBlock(Block& block, const Scope& scope) {
  for (Operation& op : block)
    if (failed(verifyOp(&op, scope))) return failure();
  return success();
}

LogicalResult Verifier::verifyOp(Operation* op, const Scope& scope) {
  if (isa<StreamOp, CacheOp, RegisterOp, SettingOp>(op))
    return verifyDeclaration(op);
  if (isa<WhenOp, RepeatOp, ForEachBatchOp, WithBatchOp, ForEachMicroBatchOp,
          WithWholeBatchOp>(op))
    return verifyNested(op, scope);
  return TypeSwitch<Operation*, LogicalResult>(op)
      .Case([&](SetOp op) {
        return success(
            succeeded(verifyTarget(op, op.getTargetAttr())) &&
            succeeded(verifyExpression(op, op.getExpression(), scope)));
      })
      .Case([&](LeaveOp op) -> LogicalResult {
        if (scope.inLoop) return success();
        return op.emitOpError("expects a loop around it");
      })
      .Case([&](CallOp op) { return verifyCall(op, scope); })
      .Case([&](FillCacheOp op) {
        return verifyName<CacheOp>(op, op.getCacheAttr());
      })
      .Case([&](EvaluateOp op) { return verifyEvaluate(op); })
      .Case(
          [&](TestFiniteOp op) { return verifyTarget(op, op.getTargetAttr()); })
      .Case<LogOp, FailOp>(
          [&](auto op) { return verifyShown(op, op.getAssignments()); })
      .Case([&](MarkOp op) {
        return success(
            succeeded(verifyShown(op, op.getAssignments())) &&
            succeeded(verifyExpression(op, op.getExpression(), scope)));
      })
      .Case<ResetOp, KeepOp, RestoreOp>([](auto) { return success(); })
      .Default([](Operation* op) {
        return op->emitOpError("expects to be outside of exec.host");
      });
}

LogicalResult Verifier::verifyDeclaration(Operation* op) {
  if (auto stream = dyn_cast<StreamOp>(op)) return verifyStream(stream);
  if (auto number = dyn_cast<RegisterOp>(op)) return verifyRegister(number);
  auto cache = dyn_cast<CacheOp>(op);
  if (!cache) return success();
  if (failed(verifyName<StreamOp>(op, cache.getStreamAttr())) ||
      failed(verifyEntry(op, cache.getEntryAttr())))
    return failure();
  if (!cache.getBatch()) return success();
  return verifyBatchSize(op, cache.getStreamAttr());
}

// Of a stream whose batch is taken at once.
LogicalResult Verifier::verifyBatchSize(Operation* op,
                                        FlatSymbolRefAttr stream) {
  auto found = cast<StreamOp>(SymbolTable::lookupSymbolIn(host, stream));
  if (found.getBatch()) return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expects a stream with the size 'batch', got ") << stream;
  diagnostic.attachNote(found.getLoc()) << "declared here";
  return diagnostic;
}

// An op with a block, and what is in it.
LogicalResult Verifier::verifyNested(Operation* op, const Scope& scope) {
  auto text = op->getAttrOfType<StringAttr>("expression");
  if (text && failed(verifyExpression(op, text, scope))) return failure();
  Scope inside = scope;
  inside.inLoop |= !isa<WhenOp, WithBatchOp, WithWholeBatchOp>(op);
  if (auto repeat = dyn_cast<RepeatOp>(op)) {
    if (failed(verifyTarget(op, repeat.getTargetAttr()))) return failure();
  } else if (isa<ForEachBatchOp, WithBatchOp>(op)) {
    auto stream = op->getAttrOfType<FlatSymbolRefAttr>("stream");
    if (failed(verifyName<StreamOp>(op, stream))) return failure();
    if (!inside.batches.insert(stream.getValue()).second)
      return op->emitOpError("expects no other batch of ")
             << stream << " around it";
  } else if (isa<ForEachMicroBatchOp, WithWholeBatchOp>(op)) {
    if (failed(verifyParts(op, inside))) return failure();
  }
  for (Region& region : op->getRegions())
    if (!region.empty() && failed(verifyBlock(region.front(), inside)))
      return failure();
  return success();
}

// What gives calls the examples of a batch.
LogicalResult Verifier::verifyParts(Operation* op, Scope& scope) {
  auto stream = op->getAttrOfType<FlatSymbolRefAttr>("stream");
  if (failed(verifyName<StreamOp>(op, stream))) return failure();
  StringRef name = stream.getValue();
  if (!scope.batches.contains(name) || scope.microBatches.contains(name) ||
      scope.wholeBatches.contains(name))
    return op->emitOpError("expects to have a batch of ")
           << stream << " around it, and no other loop over its micro-batches";
  if (isa<ForEachMicroBatchOp>(op)) {
    scope.microBatches.insert(name);
    return success();
  }
  scope.wholeBatches.insert(name);
  return verifyBatchSize(op, stream);
}

LogicalResult Verifier::verifyStream(StreamOp op) {
  if (op.getBatch() && !isa_and_nonnull<SizeOp>(SymbolTable::lookupSymbolIn(
                           module, op.getBatchAttr())))
    return op.emitOpError("expects a graft.size, got ") << op.getBatchAttr();
  for (StringAttr size : {op.getTokensAttr(), op.getSequencesAttr()})
    if (size &&
        !isa_and_nonnull<SizeOp>(SymbolTable::lookupSymbolIn(module, size)))
      return op.emitOpError("expects a graft.size, got ") << size;
  if (op.getSequencesAttr() || !op.getTokensAttr()) return success();
  return op.emitOpError("expects 'sequences' with 'tokens', got none");
}

LogicalResult Verifier::verifyRegister(RegisterOp op) {
  if (op.getMinimum().has_value() != op.getMaximum().has_value())
    return op.emitOpError("expects 'minimum' and 'maximum' together");
  double initial = op.getInitial().convertToDouble();
  double minimum = op.getMinimum() ? op.getMinimum()->convertToDouble()
                                   : -std::numeric_limits<double>::infinity();
  double maximum = op.getMaximum() ? op.getMaximum()->convertToDouble()
                                   : std::numeric_limits<double>::infinity();
  // Written so that numbers that are none are refused.
  if (std::isfinite(initial) && initial >= minimum && initial <= maximum)
    return success();
  return op.emitOpError("expects an initial value in [")
         << numberText(minimum) << ", " << numberText(maximum) << "], got "
         << initial;
}

FailureOr<EntryFacts> Verifier::findEntry(Operation* op,
                                          FlatSymbolRefAttr name) {
  EntryFacts facts;
  auto addResult = [&](StringAttr name, Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (name && tensor && tensor.getRank() == 0 &&
        tensor.getElementType().isF32())
      facts.scalars.insert(name.getValue());
  };
  Operation* found = SymbolTable::lookupSymbolIn(module, name);
  if (auto function = dyn_cast_or_null<func::FuncOp>(found)) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto source = function.getArgAttrOfType<SourceAttr>(i, kSourceAttr))
        facts.sources.push_back(source);
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      addResult(function.getResultAttrOfType<StringAttr>(i, "graft.name"),
                function.getResultTypes()[i]);
    return facts;
  }
  if (auto program = dyn_cast_or_null<ProgramOp>(found)) {
    llvm::append_range(facts.sources,
                       program.getSources().getAsRange<SourceAttr>());
    for (auto [name, type] :
         llvm::zip(program.getOutputNames().getAsRange<StringAttr>(),
                   program.getFunctionType().getResults()))
      addResult(name, type);
    return facts;
  }
  op->emitOpError("expects an entry of the module, got ") << name;
  return failure();
}

// The stream that an input takes examples of; null if none.
FlatSymbolRefAttr Verifier::findStream(SourceAttr source) {
  if (source.getKind() == SourceKind::kStream) return source.getSymbol();
  if (source.getKind() != SourceKind::kCache) return {};
  auto cache = dyn_cast_or_null<CacheOp>(
      SymbolTable::lookupSymbolIn(host, source.getSymbol()));
  return cache ? cache.getStreamAttr() : FlatSymbolRefAttr();
}

LogicalResult Verifier::verifyCall(CallOp op, const Scope& scope) {
  if (op.getExpression() &&
      failed(verifyExpression(op, *op.getExpression(), scope)))
    return failure();
  SmallVector<AssignmentAttr> assignments;
  if (op.getAssignments())
    llvm::append_range(assignments,
                       op.getAssignments()->getAsRange<AssignmentAttr>());
  for (AssignmentAttr assignment : assignments)
    if (failed(verifyTarget(op, assignment.getTarget()))) return failure();
  if (isAuthored()) return success();
  FailureOr<EntryFacts> entry = findEntry(op, op.getEntryAttr());
  if (failed(entry)) return failure();
  for (SourceAttr source : entry->sources)
    if (FlatSymbolRefAttr stream = findStream(source);
        stream && !scope.microBatches.contains(stream.getValue()) &&
        !scope.wholeBatches.contains(stream.getValue()))
      return op.emitOpError("expects to be in a loop over micro-batches of ")
             << stream << ", which " << op.getEntryAttr() << " reads";
  for (AssignmentAttr assignment : assignments)
    if (!entry->scalars.contains(assignment.getName()))
      return op.emitOpError("expects a result of type tensor<f32> of ")
             << op.getEntryAttr() << ", got " << assignment.getName();
  return success();
}

LogicalResult Verifier::verifyEvaluate(EvaluateOp op) {
  if (failed(verifyName<StreamOp>(op, op.getStreamAttr()))) return failure();
  if (failed(verifyEntry(op, op.getEntryAttr()))) return failure();
  if (!op.getAssignments()) return success();
  for (auto assignment : op.getAssignments()->getAsRange<AssignmentAttr>()) {
    if (failed(verifyTarget(op, assignment.getTarget()))) return failure();
    StringRef name = assignment.getName();
    if (name != "loss" && name != "score")
      return op.emitOpError("expects loss or score of an evaluation, got ")
             << assignment.getName();
  }
  return success();
}

// C3.
LogicalResult Verifier::verifyTarget(Operation* op, FlatSymbolRefAttr name) {
  if (failed(verifyName<RegisterOp>(op, name))) return failure();
  auto found = cast<RegisterOp>(SymbolTable::lookupSymbolIn(host, name));
  if (found.getKind() == RegisterKind::variable) return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expects to write a variable, got the ")
      << stringifyRegisterKind(found.getKind()) << ' ' << name;
  diagnostic.attachNote(found.getLoc()) << "declared here";
  return diagnostic;
}

LogicalResult Verifier::verifyShown(Operation* op, ArrayAttr assignments) {
  for (auto assignment : assignments.getAsRange<AssignmentAttr>())
    if (failed(verifyName<RegisterOp>(op, assignment.getTarget())))
      return failure();
  return success();
}

LogicalResult Verifier::verifyExpression(Operation* op, StringRef text,
                                         const Scope& scope) {
  ParsedExpression parsed = parseExpression(text);
  if (!parsed) return op->emitOpError() << parsed.error;
  for (const ExpressionStep& step : parsed.steps)
    if (failed(verifyStep(op, step, scope))) return failure();
  return success();
}

LogicalResult Verifier::verifyStep(Operation* op, const ExpressionStep& step,
                                   const Scope& scope) {
  if (step.name.empty()) return success();
  auto name = FlatSymbolRefAttr::get(op->getContext(), step.name);
  if (step.op == ExpressionOp::kLoad) return verifyName<RegisterOp>(op, name);
  if (failed(verifyName<StreamOp>(op, name))) return failure();
  // C4.
  if (step.op != ExpressionOp::kSum || scope.batches.contains(step.name))
    return success();
  return op->emitOpError("expects a batch of ")
         << name << " around a sum of its examples";
}

}  // namespace

LogicalResult HostOp::verifySymbolUses(SymbolTableCollection&) {
  return Verifier(*this).run();
}

}  // namespace graft::exec
