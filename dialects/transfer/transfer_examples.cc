// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Whether a value relates the examples of a batch to each other.

#include "dialects/graft/sharding_rule.h"
#include "dialects/transfer/transfer_analysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// Whether rows of an example in a result depend on rows of others in an
// operand: a ragged factor is needed as a whole, summed up, or no row.
bool mixesRows(Operation* op) {
  ShardingRule rule = getShardingRule(op);
  auto isRagged = [&](unsigned factor) {
    return rule.factors[factor].isRagged();
  };
  for (const ShardingFactor& factor : rule.factors)
    if (factor.isRagged() && factor.kind == FactorKind::whole) return true;
  for (const ShardingReduction& reduction : rule.reductions)
    if (isRagged(reduction.factor)) return true;
  return llvm::any_of(rule.results, [&](const ShardingTerm& term) {
    return llvm::any_of(llvm::drop_begin(term.dims), [&](const auto& factors) {
      return llvm::any_of(factors, isRagged);
    });
  });
}

// The first op that relates examples, of a strategy or of a function that it
// calls; null if none does.
class Finder {
 public:
  Operation* find(Operation* op) {
    if (auto call = dyn_cast<CallOp>(op))
      return findCallee(op->getParentOfType<ModuleOp>(), call.getCallee());
    if (auto call = dyn_cast<graft::CallOp>(op))
      return findCallee(SymbolTable::getNearestSymbolTable(op),
                        call.getCallee());
    if (auto loss = dyn_cast<LossOp>(op))
      return loss.getKind() == LossKind::contrastive ? op : nullptr;
    if (isa<PenaltyOp>(op)) return op;
    if (isa<TransferDialect>(op->getDialect())) return nullptr;
    if (auto repeat = dyn_cast<RepeatOp>(op))
      return findIn(repeat.getBody().front());
    if (isa<ReadOp>(op)) return nullptr;
    return mixesRows(op) ? op : nullptr;
  }

 private:
  Operation* findCallee(Operation* table, SymbolRefAttr callee) {
    auto function = dyn_cast_or_null<func::FuncOp>(
        SymbolTable::lookupSymbolIn(table, callee));
    if (!function || function.isExternal() || !seen.insert(function).second)
      return nullptr;
    return findIn(function.getBody().front());
  }

  Operation* findIn(Block& block) {
    for (Operation& op : block.without_terminator())
      if (Operation* found = find(&op)) return found;
    return nullptr;
  }

  llvm::DenseSet<Operation*> seen;
};

}  // namespace

Operation* findExampleRelation(ArrayRef<Value> values) {
  Finder finder;
  for (Operation* op : getComputation(values))
    if (Operation* found = finder.find(op)) return found;
  return nullptr;
}

}  // namespace graft::transfer
