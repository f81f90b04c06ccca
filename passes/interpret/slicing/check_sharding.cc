// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_interfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "passes/interpret/passes.h"
#include "passes/interpret/slicing/slicing.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_CHECKSHARDINGPASS
#include "passes/interpret/passes.h.inc"

namespace {

struct CheckShardingPass
    : public impl::CheckShardingPassBase<CheckShardingPass> {
  using CheckShardingPassBase::CheckShardingPassBase;

  LogicalResult checkOp(Operation* op) {
    ShardingRule rule = getShardingRule(op);
    FailureOr<interpret::SlicingInputs> inputs =
        interpret::makeSlicingInputs(op, rule, seed);
    if (failed(inputs)) return failure();
    FailureOr<SmallVector<std::string>> cut =
        interpret::checkSlicing(op, rule, *inputs);
    if (failed(cut)) return failure();
    checked.insert(op->getName().getStringRef());
    if (!print) return success();
    llvm::outs() << op->getName() << ": ";
    rule.print(llvm::outs());
    llvm::outs() << " | cut: " << llvm::join(*cut, " ") << '\n';
    return success();
  }

  // Whether each op of the listed dialects that has a rule was checked.
  LogicalResult checkComplete() {
    LogicalResult status = success();
    for (RegisteredOperationName name : getContext().getRegisteredOperations())
      if (llvm::is_contained(complete, name.getDialectNamespace().str()) &&
          name.hasInterface<ShardingFactorInterface>() &&
          !checked.contains(name.getStringRef()))
        status = getOperation().emitError("expects an op '")
                 << name.getStringRef()
                 << "', whose sharding rule is unchecked";
    return status;
  }

  void runOnOperation() override {
    markAllAnalysesPreserved();
    checked.clear();
    WalkResult walked = getOperation().walk([&](ShardingFactorInterface op) {
      return failed(checkOp(op)) ? WalkResult::interrupt()
                                 : WalkResult::advance();
    });
    if (walked.wasInterrupted() || failed(checkComplete())) signalPassFailure();
  }

  llvm::StringSet<> checked;
};

}  // namespace
}  // namespace graft
