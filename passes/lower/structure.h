// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// An op with all that is in it as a sequence, which is the same for two ops if
// they do the same.

#ifndef GRAFT_PASSES_LOWER_STRUCTURE_H_
#define GRAFT_PASSES_LOWER_STRUCTURE_H_

#include "llvm/ADT/DenseMap.h"
#include "mlir/IR/Operation.h"

namespace graft {

// Calls `sink.add` with a number, type, attribute or op name for each part of
// `root`: all but locations, attributes named in `ignored`, and which values
// from outside its operands are.
template <typename Sink>
void addStructure(mlir::Operation* root, Sink& sink,
                  llvm::ArrayRef<llvm::StringRef> ignored = {}) {
  llvm::DenseMap<mlir::Value, int64_t> values;  // inside, from 1 on
  llvm::DenseMap<mlir::Block*, int64_t> blocks;
  auto addCount = [&](size_t count) { sink.add(static_cast<int64_t>(count)); };
  auto define = [&](auto range) {
    addCount(range.size());
    for (mlir::Value value : range) {
      sink.add(value.getType());
      values.try_emplace(value, static_cast<int64_t>(values.size()) + 1);
    }
  };
  // Ops come before those in their regions, and in the order of a block.
  root->walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) {
    sink.add(op->getName());
    mlir::DictionaryAttr attributes = op->getAttrDictionary();
    if (!ignored.empty()) {
      mlir::NamedAttrList rest(attributes);
      for (llvm::StringRef name : ignored) rest.erase(name);
      attributes = rest.getDictionary(op->getContext());
    }
    sink.add(attributes);
    addCount(op->getNumOperands());
    for (mlir::Value operand : op->getOperands()) {
      int64_t number = values.lookup(operand);
      sink.add(number);
      if (number == 0) sink.add(operand.getType());
    }
    define(op->getResults());
    addCount(op->getNumSuccessors());
    for (mlir::Block* successor : op->getSuccessors())
      sink.add(blocks.lookup(successor));
    addCount(op->getNumRegions());
    for (mlir::Region& region : op->getRegions()) {
      addCount(region.getBlocks().size());
      for (mlir::Block& block : region) {
        blocks.try_emplace(&block, static_cast<int64_t>(blocks.size()) + 1);
        addCount(block.getOperations().size());
        define(block.getArguments());
      }
    }
  });
}

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_STRUCTURE_H_
