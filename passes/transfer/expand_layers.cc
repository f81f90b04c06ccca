// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/expand_layers.h"

#include <string>

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/random_ids.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFEREXPANDLAYERSPASS
#include "passes/transfer/passes.h.inc"

namespace {

// Random ops of all dialects keep their id in an attribute of this name.
IntegerAttr randomId(Operation* op) {
  return op->getAttrOfType<IntegerAttr>("random_id");
}

// `<scope>.<layer>`, the path of one layer.
std::string layerPath(StringRef scope, int64_t layer) {
  return (scope + "." + Twine(layer)).str();
}

// Checks C1 for a function before its expansion.
LogicalResult checkRandomIds(func::FuncOp function) {
  llvm::DenseMap<int64_t, Operation*> owners;
  auto result = function.walk([&](Operation* op) {
    IntegerAttr attr = randomId(op);
    if (!attr) return WalkResult::advance();
    int64_t id = attr.getInt();
    bool inside = op->getParentOfType<RepeatOp>() != nullptr;
    int64_t low = inside ? kRandomIdsPerLayer : 0;
    if (id < low || id >= low + kRandomIdsPerLayer) {
      op->emitOpError("expects a random id in [")
          << low << ", " << low + kRandomIdsPerLayer << ") "
          << (inside ? "inside" : "outside of") << " graft.repeat, got " << id;
      return WalkResult::interrupt();
    }
    auto [owner, isNew] = owners.try_emplace(id, op);
    if (isNew) return WalkResult::advance();
    op->emitOpError("expects a random id of its own, got ")
            .append(id)
            .attachNote(owner->second->getLoc())
        << "also used here";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

// Replaces `layers` by the parameters of all its layers.
LogicalResult expandDeclarations(LayersOp layers) {
  OpBuilder builder(layers);
  for (int64_t i = 0, e = layers.getCount(); i < e; ++i) {
    std::string path = layerPath(layers.getSymName(), i);
    for (Operation& op : layers.getBody().front()) {
      auto parameter = dyn_cast<ParameterOp>(op);
      if (!parameter)  // C2.
        return op.emitOpError("expects graft.parameter only in graft.layers");
      auto copy = cast<ParameterOp>(builder.clone(op));
      copy->setLoc(
          NameLoc::get(builder.getStringAttr(path), parameter.getLoc()));
      copy.setSymName((path + "." + parameter.getSymName()).str());
      if (std::optional<StringRef> source = parameter.getSource()) {
        SmallVector<StringRef> parts;
        source->split(parts, '*');
        copy.setSource(llvm::join(parts, std::to_string(layers.getOrigin(i))));
      } else if (layers.getOrigin(i) != i) {
        copy.setSource(layerPath(layers.getSymName(), layers.getOrigin(i)) +
                       "." + parameter.getSymName().str());
      }
    }
  }
  layers.erase();
  return success();
}

// Gives a clone of an op of the body the parameters, random ids and locations
// of iteration `layer`.
void specialize(Operation* clone, StringRef path, int64_t layer) {
  clone->walk([&](Operation* op) {
    op->setLoc(
        NameLoc::get(StringAttr::get(op->getContext(), path), op->getLoc()));
    if (auto read = dyn_cast<ReadOp>(op); read && read.getLayer()) {
      StringRef name = read.getSymbol().getRootReference();
      read.setSymbolAttr(
          FlatSymbolRefAttr::get(op->getContext(), (path + "." + name).str()));
      read.setLayer(false);
    }
    if (auto tap = dyn_cast<TapOp>(op)) tap.setLayer(layer + 1);
    if (IntegerAttr id = randomId(op))
      op->setAttr("random_id",
                  IntegerAttr::get(id.getType(),
                                   id.getInt() + layer * kRandomIdsPerLayer));
  });
}

void unroll(RepeatOp repeat) {
  OpBuilder builder(repeat);
  Block& body = repeat.getBody().front();
  SmallVector<Value> carried(repeat.getInits());
  for (int64_t layer = 0, e = repeat.getCount(); layer < e; ++layer) {
    std::string path = layerPath(repeat.getScope(), layer);
    IRMapping mapping;
    mapping.map(body.getArguments(), carried);
    for (Operation& op : body.without_terminator())
      specialize(builder.clone(op, mapping), path, layer);
    carried.clear();
    for (Value value : cast<YieldOp>(body.getTerminator()).getValues())
      carried.push_back(mapping.lookupOrDefault(value));
  }
  repeat.replaceAllUsesWith(carried);
  repeat.erase();
}

LogicalResult expandModel(ModelOp model) {
  SmallVector<RepeatOp> repeats;
  for (auto function : model.getOps<func::FuncOp>()) {
    if (failed(checkRandomIds(function))) return failure();
    function.walk([&](RepeatOp repeat) { repeats.push_back(repeat); });
  }
  for (RepeatOp repeat : repeats)
    if (auto outer = repeat->getParentOfType<RepeatOp>())  // C3.
      return repeat.emitOpError("expects no other graft.repeat around it")
                 .attachNote(outer.getLoc())
             << "this one is";
  llvm::for_each(repeats, unroll);
  for (auto layers : llvm::make_early_inc_range(model.getOps<LayersOp>()))
    if (failed(expandDeclarations(layers))) return failure();
  return success();
}

struct TransferExpandLayersPass
    : impl::TransferExpandLayersPassBase<TransferExpandLayersPass> {
  void runOnOperation() override {
    for (auto model : getOperation().getOps<ModelOp>())
      if (failed(expandModel(model))) return signalPassFailure();
  }
};

}  // namespace

LogicalResult transfer::checkLayersExpanded(ModelOp model, StringRef later) {
  auto layers = model.getOps<LayersOp>();
  if (layers.empty()) return success();
  return (*layers.begin())
             .emitOpError(
                 "expects to be expanded by transfer-expand-layers before ")
         << later;
}

}  // namespace graft
