// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/bind_sizes.h"

#include "dialects/transfer/number.h"
#include "llvm/ADT/DenseMap.h"
#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;

namespace graft::transfer {

void bindSizes(StrategyOp strategy,
               const llvm::MapVector<StringAttr, int64_t>& numbers) {
  if (numbers.empty()) return;
  Builder builder(strategy.getContext());
  const auto numberOf = [&](StringAttr size) -> IntegerAttr {
    const auto* found = size ? numbers.find(size) : numbers.end();
    if (found == numbers.end()) return {};
    return builder.getI64IntegerAttr(found->second);
  };
  for (auto stream : strategy.getOps<StreamOp>()) {
    if (IntegerAttr number = numberOf(stream.getLabelSizeAttr())) {
      stream.setLabelCountAttr(number);
      stream.removeLabelSizeAttr();
    }
    if (IntegerAttr number = numberOf(stream.getMultiHotSizeAttr())) {
      stream.setMultiHotCountAttr(number);
      stream.removeMultiHotSizeAttr();
    }
    if (IntegerAttr number = numberOf(stream.getSoftSizeAttr())) {
      stream.setSoftCountAttr(number);
      stream.removeSoftSizeAttr();
    }
  }
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<Type> {
    SmallVector<Dim> dims = getDims(type);
    for (Dim& dim : dims) {
      const auto* bound = dim.name ? numbers.find(dim.name) : numbers.end();
      if (bound != numbers.end()) dim = Dim{bound->second, nullptr};
    }
    return getTensorType(dims, type.getElementType());
  });
  replacer.recursivelyReplaceElementsIn(strategy, /*replaceAttrs=*/false,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  // Types of parameters and functions are attributes.
  for (auto model : strategy->getParentOfType<ModuleOp>().getOps<ModelOp>())
    replacer.recursivelyReplaceElementsIn(model, /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
  SmallVector<Attribute> open;
  for (StringAttr size : strategy.getSizes()->getAsRange<StringAttr>())
    if (!numbers.contains(size)) open.push_back(size);
  if (open.empty())
    strategy.removeSizesAttr();
  else
    strategy.setSizesAttr(builder.getArrayAttr(open));
}

LogicalResult setCounts(StrategyOp strategy) {
  auto module = strategy->getParentOfType<ModuleOp>();
  llvm::DenseMap<LayersOp, CountOp> counts;
  for (auto count : strategy.getOps<CountOp>()) {
    auto layers = dyn_cast_or_null<LayersOp>(
        SymbolTable::lookupSymbolIn(module, count.getLayers()));
    if (!layers)
      return count.emitOpError("expects the graft.layers of a model, got ")
             << count.getLayers();
    auto [other, added] = counts.try_emplace(layers, count);
    if (!added) {
      InFlightDiagnostic diagnostic =
          count.emitOpError("expects each graft.layers once, got ")
          << count.getLayers() << " twice";
      diagnostic.attachNote(other->second.getLoc()) << "counted here";
      return diagnostic;
    }
    for (auto parameter : layers.getBody().getOps<ParameterOp>()) {
      if (parameter.getInitial()) continue;
      InFlightDiagnostic diagnostic =
          count.emitOpError(
              "expects layers whose parameters have initial values, got ")
          << count.getLayers();
      diagnostic.attachNote(parameter.getLoc()) << "which has none";
      return diagnostic;
    }
  }
  for (auto [layers, count] : counts) {
    auto number =
        static_cast<int64_t>(getVerifiedNumber(count, count.getCount()));
    layers.setCount(number);
    layers->getParentOfType<ModelOp>().walk([&](RepeatOp repeat) {
      if (repeat.getScope() == layers.getSymName()) repeat.setCount(number);
    });
  }
  return success();
}

}  // namespace graft::transfer
