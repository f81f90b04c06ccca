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

// Whether `value` has a row for each unit that `size` of a stream counts.
bool hasRows(Value value, FlatSymbolRefAttr size) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() > 0 && getDim(type, 0).name == size.getAttr();
}

// Whether `value` of the strategy of `op` is of examples or their tokens: it
// depends on a stream, or has rows of one.
bool isOfExamples(Value value, Operation* op) {
  auto streams = op->getParentOfType<StrategyOp>().getOps<StreamOp>();
  return !getStreams({value}).empty() ||
         llvm::any_of(streams, [&](StreamOp stream) {
           return hasRows(value, stream.getTokensAttr()) ||
                  hasRows(value, stream.getSequencesAttr());
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
    if (isa<PenaltyOp, InnerOp>(op)) return op;
    // By what all examples share, such as a parameter, it is a sum over them.
    if (auto gradient = dyn_cast<GradientOp>(op))
      return isOfExamples(gradient.getWrt(), op) ? nullptr : op;
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

// Whether these rows are f32 of a static shape, which a run can keep.
bool hasKeptRows(Value value, StreamOp stream) {
  if (!hasRows(value, stream.getSequencesAttr())) return false;
  auto type = cast<RankedTensorType>(value.getType());
  return type.getElementType().isF32() &&
         llvm::none_of(type.getShape().drop_front(), ShapedType::isDynamic);
}

// The ops of a computation that relate examples, and those that read their
// results.
llvm::DenseSet<Operation*> findRelating(ArrayRef<Value> terms) {
  llvm::DenseSet<Operation*> relating;
  for (Operation* op : getComputation(terms)) {
    bool reads = llvm::any_of(op->getOperands(), [&](Value operand) {
      return relating.contains(operand.getDefiningOp());
    });
    if (reads || Finder().find(op)) relating.insert(op);
  }
  return relating;
}

}  // namespace

FailureOr<LossCut> cutLoss(const LossPart& part) {
  auto fails = [](Operation* op, const Twine& how) {
    return op->emitOpError(
               "expects to relate rows of examples alone, for a batch to be "
               "cut, got ")
           << how
           << "; a larger --max-tokens, and no 'batch' of the strategy, make "
              "it one launch";
  };
  LossCut cut;
  llvm::DenseSet<Operation*> relating = findRelating(part.terms);
  for (Value term : part.terms)
    (relating.contains(term.getDefiningOp()) ? cut.related : cut.own)
        .push_back(term);
  for (Operation* op : getComputation(part.terms)) {
    if (!relating.contains(op)) continue;
    // It may be of what lies before the cut.
    if (isa<GradientOp>(op)) return fails(op, "a derivative");
    if (isa<InnerOp>(op)) return fails(op, "an inner loop");
    for (Value operand : op->getOperands()) {
      Operation* source = operand.getDefiningOp();
      SmallVector<StreamOp> streams = getStreams({operand});
      // What depends on no example is computed again.
      if (relating.contains(source) || streams.empty() ||
          llvm::is_contained(cut.rows, operand))
        continue;
      bool given = isa<StreamOp, CacheOp, KeepOp>(source);
      bool isRows = streams.size() == 1 &&
                    (given ? hasRows(operand, streams[0].getSequencesAttr())
                           : hasKeptRows(operand, streams[0]));
      if (!isRows) {
        std::string type;
        llvm::raw_string_ostream(type) << operand.getType();
        return fails(op, type);
      }
      if (!given) cut.rows.push_back(operand);
    }
  }
  if (cut.rows.empty())
    return fails(part.terms.front().getDefiningOp(), "none");
  return cut;
}

Operation* findExampleRelation(ArrayRef<Value> values) {
  Finder finder;
  for (Operation* op : getComputation(values))
    if (Operation* found = finder.find(op)) return found;
  return nullptr;
}

}  // namespace graft::transfer
