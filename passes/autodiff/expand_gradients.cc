// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/autodiff/expand_gradients.h"

#include "dialects/graft/backpropagation.h"
#include "dialects/graft/elements.h"
#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/autodiff/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_AUTODIFFEXPANDGRADIENTSPASS
#include "passes/autodiff/passes.h.inc"

namespace {

// Expands one graft.gradients op.
class Expansion {
 public:
  explicit Expansion(GradientsOp op) : op(op), builder(op), backward(builder) {}

  LogicalResult run() {
    if (failed(findPath())) return failure();
    Value loss = op.getLoss();
    Value one = ConstantOp::create(builder, op.getLoc(), loss.getType(),
                                   builder.getF32FloatAttr(1));
    backward.accumulate(loss, one, op.getLoc());
    for (Operation* step : llvm::reverse(path))
      if (failed(differentiate(step))) return failure();
    SmallVector<Value> results;
    for (auto [index, value] : llvm::enumerate(op.getWrt())) {
      Value gradient = backward.gradientOf(value);
      // C1. Every path of a value may end in ops that block its gradient.
      if (!gradient) return failUnreached(index);
      results.push_back(gradient);
    }
    op.replaceAllUsesWith(results);
    op.erase();
    return success();
  }

 private:
  // Collects, in program order, the ops that depend on `wrt` and that the loss
  // depends on.
  LogicalResult findPath() {
    for (Value value : op.getWrt()) backward.activate(value);
    SmallVector<Operation*> dependents;
    for (Operation& step : *op->getBlock()) {
      if (&step == op) break;
      if (backward.activate(&step)) dependents.push_back(&step);
    }
    llvm::DenseSet<Value> reaching;
    reaching.insert(op.getLoss());
    for (Operation* step : llvm::reverse(dependents)) {
      if (llvm::none_of(step->getResults(),
                        [&](Value value) { return reaching.contains(value); }))
        continue;
      if (step->getNumRegions() > 0 || !isa<DifferentiableOpInterface>(step))
        return failOp(step);
      reaching.insert_range(step->getOperands());
      path.push_back(step);
    }
    std::reverse(path.begin(), path.end());
    for (auto [index, value] : llvm::enumerate(op.getWrt()))
      if (!reaching.contains(value)) return failUnreached(index);  // C1.
    return success();
  }

  LogicalResult differentiate(Operation* step) {
    if (!backward.reaches(step)) return success();
    // C2. The backward pass would not repeat a side effect.
    if (!isMemoryEffectFree(step)) return failOp(step);
    if (succeeded(backward.differentiate(step))) return success();
    // Names the use after a diagnostic of the op itself.
    op.emitRemark("differentiated here");
    return failure();
  }

  LogicalResult failOp(Operation* step) {
    step->emitOpError(
            "expects a gradient, because it lies between 'wrt' and "
            "the loss of graft.gradients, got an op that has none; what is "
            "not to be differentiated goes through graft.stop_gradient")
            .attachNote(op.getLoc())
        << "differentiated here";
    return failure();
  }

  LogicalResult failUnreached(size_t index) {
    Value value = op.getWrt()[index];
    InFlightDiagnostic diagnostic =
        op.emitOpError("expects each value of 'wrt' to reach the loss, got #")
        << index << " of type " << value.getType()
        << " that does not; ops that compare, draw or count, such as "
           "graft.step, let no gradient through";
    // The place of an imported parameter is its name.
    if (auto read = value.getDefiningOp<ReadOp>())
      diagnostic.attachNote(op.getLoc())
          << "a gradient for " << read.getSymbol();
    else
      diagnostic.attachNote(value.getLoc()) << "defined here";
    return diagnostic;
  }

  GradientsOp op;
  OpBuilder builder;  // at `op`
  Backpropagation backward;
  SmallVector<Operation*> path;
};

// The sum over tensors of the inner products of `first` and `second`.
Value sumProducts(OpBuilder& builder, Location location, ValueRange first,
                  ValueRange second) {
  Value sum;
  for (auto [a, b] : llvm::zip_equal(first, second)) {
    Value product = MulOp::create(builder, location, a, b);
    Value total = sumElements(builder, location, product);
    sum = sum ? AddOp::create(builder, location, sum, total) : total;
  }
  return sum;
}

// Each product once, in both of its places.
void expandProducts(GradientProductsOp op) {
  OpBuilder builder(op);
  Location location = op.getLoc();
  size_t losses = op.getLosses(), count = op.getGradients().size() / losses;
  auto type = cast<RankedTensorType>(op.getProducts().getType());
  auto single = RankedTensorType::get({1, 1}, type.getElementType());
  SmallVector<Value> products(losses * losses);
  for (size_t i = 0; i < losses; ++i)
    for (size_t j = 0; j <= i; ++j) {
      Value sum = sumProducts(builder, location,
                              op.getGradients().slice(i * count, count),
                              op.getGradients().slice(j * count, count));
      products[i * losses + j] = products[j * losses + i] =
          ReshapeOp::create(builder, location, single, sum);
    }
  Value row = ConcatOp::create(builder, location, products);
  op.replaceAllUsesWith(
      ReshapeOp::create(builder, location, type, row).getOutput());
  op.erase();
}

struct AutodiffExpandGradientsPass
    : public impl::AutodiffExpandGradientsPassBase<
          AutodiffExpandGradientsPass> {
  void runOnOperation() override {
    if (failed(expandGradients(getOperation()))) signalPassFailure();
  }
};

}  // namespace

LogicalResult expandGradients(Operation* root) {
  // Program order: a gradient that is differentiated stands before its use.
  SmallVector<GradientsOp> all;
  root->walk([&](GradientsOp op) { all.push_back(op); });
  for (GradientsOp op : all) {
    if (!isa<func::FuncOp>(op->getParentOp()))
      return op.emitOpError(
          "expects to stand in a function, outside of other ops");
    if (failed(Expansion(op).run())) return failure();
  }
  root->walk(expandProducts);
  // What scaled gradients has done its work, and is an identity.
  root->walk([](ScaleGradientOp op) {
    op.getOutput().replaceAllUsesWith(op.getInput());
    op.erase();
  });
  return success();
}

}  // namespace graft
