// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/size_renaming.h"

#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;

namespace graft {
namespace {

bool matchName(StringAttr from, StringAttr to, SizeRenaming& renaming) {
  return renaming.insert({from, to}).first->second == to;
}

bool matchType(Type from, Type to, SizeRenaming& renaming) {
  if (auto segments = dyn_cast<SegmentsType>(from)) {
    auto others = dyn_cast<SegmentsType>(to);
    return others &&
           matchName(segments.getTokens(), others.getTokens(), renaming) &&
           matchName(segments.getSequences(), others.getSequences(), renaming);
  }
  auto tensor = dyn_cast<RankedTensorType>(from);
  auto other = dyn_cast<RankedTensorType>(to);
  if (!tensor || !other) return from == to;
  if (tensor.getElementType() != other.getElementType() ||
      tensor.getRank() != other.getRank())
    return false;
  for (auto [dim, named] : llvm::zip(getDims(tensor), getDims(other))) {
    if (dim.size != named.size || !dim.name != !named.name) return false;
    if (dim.name && !matchName(dim.name, named.name, renaming)) return false;
  }
  return true;
}

}  // namespace

std::optional<SizeRenaming> matchSizes(FunctionType callee, FunctionType call) {
  SizeRenaming renaming;
  auto match = [&](TypeRange from, TypeRange to) {
    return from.size() == to.size() &&
           llvm::all_of(llvm::zip(from, to), [&](auto pair) {
             return matchType(std::get<0>(pair), std::get<1>(pair), renaming);
           });
  };
  if (!match(callee.getInputs(), call.getInputs()) ||
      !match(callee.getResults(), call.getResults()))
    return std::nullopt;
  return renaming;
}

void renameSizes(Operation* op, const SizeRenaming& renaming) {
  auto rename = [&](StringAttr name) {
    auto found = renaming.find(name);
    return found == renaming.end() ? name : found->second;
  };
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<Type> {
    SmallVector<Dim> dims = getDims(type);
    for (Dim& dim : dims)
      if (dim.name) dim.name = rename(dim.name);
    return getTensorType(dims, type.getElementType());
  });
  replacer.addReplacement([&](SegmentsType type) -> std::optional<Type> {
    return SegmentsType::get(type.getContext(), rename(type.getTokens()),
                             rename(type.getSequences()));
  });
  replacer.recursivelyReplaceElementsIn(op, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

}  // namespace graft
