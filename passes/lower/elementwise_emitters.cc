// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels that compute each element from the elements at the same place.
// A tensor is one flat array here, cut without regard to its rows.
//
// Aliasing: a result may be any operand of its type, since each register is
// read before it is written. Cost: memory bandwidth, except for functions that
// are polynomials.

#include "dialects/graft/graft_ops.h"
#include "passes/lower/vector_builder.h"
#include "passes/lower/work.h"

using namespace mlir;

namespace graft {
namespace {

// The registers of the operands at one place -> the register of the result.
using LaneFunction =
    std::function<Value(VectorBuilder&, Operation*, ArrayRef<Value>)>;

LogicalResult emitElementwise(Operation* op, OpBuilder& builder,
                              KernelContext& context,
                              const LaneFunction& function) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Work work = Work::elements(type);
  SmallVector<int64_t> ties;
  for (const auto& [index, operand] : llvm::enumerate(op->getOperands()))
    if (operand.getType() == type)
      ties.append({0, static_cast<int64_t>(index)});
  ValueRange results = context.launch(
      builder, op, op->getName().stripDialect(), op->getOperands(),
      op->getResultTypes(), work.grid(), ties,
      [&](OpBuilder& b, Location loc, const KernelArguments& arguments) {
        VectorBuilder v(b, loc, context.getTarget());
        SmallVector<Value> flat;
        for (Value buffer : arguments.buffers) flat.push_back(v.flat(buffer));
        auto [begin, end] = work.range(v, arguments);
        auto element = [&](Value at, Value mask) {
          SmallVector<Value> inputs;
          for (Value buffer : ArrayRef(flat).drop_back())
            inputs.push_back(v.load(buffer, at, mask));
          v.store(function(v, op, inputs), flat.back(), at, mask);
        };
        Value count = v.subIndex(end, begin);
        Value whole = v.mulIndex(v.divIndex(count, v.lanes()), v.lanes());
        Value rest = v.addIndex(begin, whole);
        v.loop(begin, rest, v.lanes(), [&](Value at) { element(at, Value()); });
        // One register more or none.
        v.loop(rest, end, v.lanes(),
               [&](Value at) { element(at, v.mask(v.subIndex(end, at))); });
      });
  op->replaceAllUsesWith(results);
  op->erase();
  return success();
}

void addElementwise(KernelEmitters& emitters, StringRef name,
                    LaneFunction function) {
  emitters[name] = [function = std::move(function)](Operation* op,
                                                    OpBuilder& builder,
                                                    KernelContext& context) {
    return emitElementwise(op, builder, context, function);
  };
}

template <typename Op>
void addElementwise(KernelEmitters& emitters, LaneFunction function) {
  addElementwise(emitters, Op::getOperationName(), std::move(function));
}

// 1 / (1 + exp(-x)).
Value sigmoid(VectorBuilder& v, Value x) {
  Value one = v.constantLike(x, 1.0);
  return v.div(one, v.add(one, v.exp(v.neg(x))));
}

}  // namespace

void populateRowEmitters(KernelEmitters& emitters) {
  using Values = ArrayRef<Value>;
  addElementwise<AddOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.add(x[0], x[1]);
  });
  addElementwise<SubOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.sub(x[0], x[1]);
  });
  addElementwise<MulOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.mul(x[0], x[1]);
  });
  addElementwise<DivOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.div(x[0], x[1]);
  });
  addElementwise<MaxOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.max(x[0], x[1]);
  });
  addElementwise<StepOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.select(v.greaterEqual(x[0], x[1]), v.splat(1), v.splat(0));
  });
  addElementwise<ExpOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.exp(x[0]);
  });
  addElementwise<LogOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.log(x[0]);
  });
  addElementwise<SqrtOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.sqrt(x[0]);
  });
  addElementwise<TanhOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.tanh(x[0]);
  });
  addElementwise<SigmoidOp>(
      emitters,
      [](VectorBuilder& v, Operation*, Values x) { return sigmoid(v, x[0]); });
  addElementwise<ReluOp>(emitters, [](VectorBuilder& v, Operation*, Values x) {
    return v.max(x[0], v.splat(0));
  });
  addElementwise<ScaleOp>(
      emitters, [](VectorBuilder& v, Operation* op, Values x) {
        double factor = cast<ScaleOp>(op).getFactor().convertToDouble();
        return v.mul(x[0], v.splat(factor));
      });
  addElementwise<ConstantOp>(
      emitters, [](VectorBuilder& v, Operation* op, Values) {
        return v.splat(cast<ConstantOp>(op).getValue().convertToDouble());
      });
  addElementwise<CastOp>(
      emitters, [](VectorBuilder&, Operation*, Values x) { return x[0]; });
}

}  // namespace graft
