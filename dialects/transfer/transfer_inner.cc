// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Inner loops, and gradients that are weighed: C12 and C13 of
// transfer.strategy.

#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "dialects/transfer/transfer_verify.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// Whether `set` has one of `parameters`.
bool meets(const ParameterSet& set, ArrayRef<Parameter> parameters) {
  return llvm::any_of(parameters, [&](const Parameter& parameter) {
    return set.contains(parameter.symbol);
  });
}

// The parameters of the groups of `inner`, whatever its loss reaches.
SmallVector<Parameter> getGroupParameters(InnerOp inner, GroupOp group) {
  auto strategy = inner->getParentOfType<StrategyOp>();
  SmallVector<Parameter> parameters;
  ModelOp model = getModel(strategy, group.getModelAttr());
  FailureOr<SmallVector<GroupedParameter>> items =
      groupParameters(strategy, model, /*complete=*/false);
  if (failed(items)) return {};
  for (const GroupedParameter& item : *items)
    if (item.group == group) parameters.push_back(item.parameter);
  return parameters;
}

LogicalResult checkGroups(InnerOp inner) {
  FailureOr<SmallVector<GroupOp>> groups = findGroups(inner, inner.getGroups());
  if (failed(groups)) return failure();
  ParameterSet reached = getReachedParameters({inner.getLoss()});
  for (GroupOp group : *groups) {
    StringRef wrong;
    if (!group.isLearned())
      wrong = "groups that are neither frozen nor track a model, got ";
    else if (!meets(reached, getGroupParameters(inner, group)))
      wrong = "its loss to depend on a parameter of each group, got none of ";
    else
      continue;
    InFlightDiagnostic diagnostic = inner.emitOpError("expects ")
                                    << wrong << FlatSymbolRefAttr::get(group);
    diagnostic.attachNote(group.getLoc()) << "declared here";
    return diagnostic;
  }
  return success();
}

// What is computed again in each step is at the place where steps begin.
LogicalResult checkCalls(InnerOp inner) {
  SmallVector<Parameter> parameters = getInnerParameters(inner);
  for (Operation* op : getComputation({inner.getLoss()}, [&](OpOperand& use) {
         // The loss of the loop before it is its own affair, and what is kept
         // is a constant.
         return !isa<InnerOp, KeepOp>(use.getOwner());
       })) {
    auto call = dyn_cast<CallOp>(op);
    if (!call || call.getAt() == inner.getFrom() ||
        !meets(getCalledParameters(call), parameters))
      continue;
    InFlightDiagnostic diagnostic = inner.emitOpError(
        "expects a loss of calls that are where the loop begins: ");
    diagnostic << (inner.getFrom() ? "at what follows 'from'"
                                   : "at none without 'from'");
    diagnostic.attachNote(call.getLoc()) << "called here";
    return diagnostic;
  }
  return success();
}

}  // namespace

SmallVector<Parameter> getInnerParameters(InnerOp inner) {
  ParameterSet reached = getReachedParameters({inner.getLoss()});
  SmallVector<Parameter> parameters;
  // Verified: there are such groups.
  SmallVector<GroupOp> groups = *findGroups(inner, inner.getGroups());
  for (GroupOp group : groups)
    for (const Parameter& parameter : getGroupParameters(inner, group))
      if (reached.contains(parameter.symbol)) parameters.push_back(parameter);
  return parameters;
}

SmallVector<Operation*> getRepeated(InnerOp inner) {
  SmallVector<Parameter> parameters = getInnerParameters(inner);
  SmallVector<Operation*> repeated;
  for (Operation* op : getComputation({inner.getLoss()})) {
    auto call = dyn_cast<CallOp>(op);
    bool moves = call && call.getAt() == inner.getFrom() &&
                 meets(getCalledParameters(call), parameters);
    bool reads =
        !isa<KeepOp>(op) && llvm::any_of(op->getOperands(), [&](Value operand) {
          return llvm::is_contained(repeated, operand.getDefiningOp());
        });
    if (moves || reads) repeated.push_back(op);
  }
  return repeated;
}

LogicalResult verifyInner(InnerOp inner) {
  if (failed(checkGroups(inner)) || failed(checkCalls(inner))) return failure();
  for (Operation* user : inner.getParameters().getUsers()) {
    auto call = dyn_cast<CallOp>(user);
    if (!call) continue;
    ParameterSet read = getCalledParameters(call);
    bool moved = false;
    for (InnerOp each = inner; each && !moved; each = each.getPrevious())
      moved = meets(read, getInnerParameters(each));
    if (moved) continue;
    InFlightDiagnostic diagnostic =
        call.emitOpError(
            "expects a function that reads a parameter of the "
            "groups of the inner loop it is at, got ")
        << call.getCallee();
    diagnostic.attachNote(inner.getLoc()) << "of which there is none here";
    return diagnostic;
  }
  return success();
}

LogicalResult verifyWeighing(PhaseOp phase) {
  SymbolRefAttr name = phase.getWeighingAttr();
  if (!name) return success();
  auto sum = phase.getLoss().getDefiningOp<CombineOp>();
  int64_t terms = sum ? static_cast<int64_t>(sum.getLosses().size()) : 1;
  if (terms < 2)
    return phase.emitOpError(
               "expects a transfer.combine of two losses at least to weigh, "
               "got ")
           << terms;
  FailureOr<func::FuncOp> found = findFunction(phase, name);
  if (failed(found)) return failure();
  func::FuncOp function = *found;
  Builder builder(phase.getContext());
  Type number = builder.getF32Type();
  FunctionType type =
      builder.getFunctionType(RankedTensorType::get({terms, terms}, number),
                              RankedTensorType::get({terms}, number));
  InFlightDiagnostic diagnostic = phase.emitOpError("expects ");
  diagnostic.attachNote(function.getLoc()) << "declared here";
  if (function.getFunctionType() != type)
    return diagnostic << name << " of type " << type << ", got "
                      << function.getFunctionType();
  WalkResult reads = function.walk([](Operation* op) {
    return isa<ReadOp, graft::CallOp>(op) ? WalkResult::interrupt()
                                          : WalkResult::advance();
  });
  if (reads.wasInterrupted())
    return diagnostic << name << " to read no parameter and call no function";
  diagnostic.abandon();
  return success();
}

}  // namespace graft::transfer
