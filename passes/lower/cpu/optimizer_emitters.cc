// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The end of a phase: gradient norm, clipping, AdamW.
//
// The norm sums squares of fixed chunks of each gradient in fp32 registers,
// then the chunks of all gradients in order in fp64, so its bits depend on
// shapes only. AdamW reads each element of four tensors once and writes three
// in place: 28 bytes an element, and 4 more to set the gradient to zero for the
// next batch.

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/emitters.h"

using namespace mlir;

namespace graft {
namespace {

// Elements of a chunk of the norm.
constexpr int64_t kNormChunk = 16384;

exec::GridAttr gridOf(MLIRContext* context, int64_t items) {
  return exec::GridAttr::get(context, StringAttr(), 1, items);
}

// Sums of squares of the chunks of `gradient`: tensor<chunks x f32>.
FailureOr<Value> emitChunkSquares(GlobalNormOp op, Value gradient,
                                  OpBuilder& builder, CpuContext& context) {
  auto type = cast<RankedTensorType>(gradient.getType());
  if (!type.hasStaticShape())
    return op.emitOpError("expects gradients of static shape, got ") << type,
           failure();
  int64_t count = type.getNumElements();
  int64_t chunks = llvm::divideCeil(count, kNormChunk);
  auto partial = RankedTensorType::get({chunks}, builder.getF32Type());
  auto body = [&](VectorBuilder& v, const KernelArguments& arguments,
                  ArrayRef<Value> flat) {
    // Chunk `item` has `size` elements.
    auto square = [&](Value item, int64_t size) {
      Value offset = v.mulIndex(item, kNormChunk);
      SmallVector<Value> sums = reduceColumns(
          v, size, v.splat(0),
          [&](Value column, Value mask, ValueRange carried) {
            Value x = v.load(flat[0], v.addIndex(offset, column), mask);
            return SmallVector<Value>{v.fma(x, x, carried[0])};
          },
          [&](unsigned, Value a, Value b) { return v.add(a, b); });
      v.storeScalar(v.sumLanes(sums[0]), flat[1], item);
    };
    int64_t whole = count / kNormChunk;
    v.loop(arguments.begin, v.minIndex(arguments.end, v.index(whole)), 1,
           [&](Value item) { square(item, kNormChunk); });
    if (count % kNormChunk)
      v.ifThen(v.greaterIndex(arguments.end, v.index(whole)),
               [&] { square(v.index(whole), count % kNormChunk); });
  };
  return launchKernel(op, builder, context, "global_norm.chunks", gradient,
                      partial, gridOf(op.getContext(), chunks), {}, body)[0];
}

LogicalResult emitGlobalNorm(Operation* operation, OpBuilder& builder,
                             CpuContext& context) {
  auto op = cast<GlobalNormOp>(operation);
  SmallVector<Value> partials;
  for (Value gradient : op.getGradients()) {
    FailureOr<Value> partial = emitChunkSquares(op, gradient, builder, context);
    if (failed(partial)) return failure();
    partials.push_back(*partial);
  }
  auto body = [&](VectorBuilder& v, const KernelArguments& arguments,
                  ArrayRef<Value> flat) {
    OpBuilder& b = v.b();
    Location loc = v.location();
    v.loop(arguments.begin, arguments.end, 1, [&](Value) {
      Value sum = v.constant(b.getF64FloatAttr(0.0));
      for (Value partial : flat.drop_back()) {
        int64_t chunks = cast<MemRefType>(partial.getType()).getDimSize(0);
        sum = v.loop(v.index(0), v.index(chunks), 1, sum,
                     [&](Value i, ValueRange carried) {
                       Value x = arith::ExtFOp::create(
                           b, loc, b.getF64Type(), v.loadScalar(partial, i));
                       Value next =
                           arith::AddFOp::create(b, loc, carried[0], x);
                       return SmallVector<Value>{next};
                     })
                  .front();
      }
      Value norm = arith::TruncFOp::create(b, loc, b.getF32Type(),
                                           math::SqrtOp::create(b, loc, sum));
      v.storeScalar(norm, flat.back(), v.index(0));
    });
  };
  ValueRange norm =
      launchKernel(op, builder, context, "global_norm.total", partials,
                   op->getResultTypes(), gridOf(op.getContext(), 1), {}, body);
  return replaceBy(op, norm);
}

// min(1, limit / (norm + 1e-6)).
LogicalResult emitClipFactor(Operation* operation, OpBuilder& builder,
                             CpuContext& context) {
  auto op = cast<ClipFactorOp>(operation);
  double limit = op.getLimit().convertToDouble();
  return replaceByKernel(
      op, builder, context, gridOf(op.getContext(), 1), {0, 0},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        v.loop(arguments.begin, arguments.end, 1, [&](Value) {
          Value norm = v.loadScalar(flat[0], v.index(0));
          Value factor = v.div(v.scalar(limit), v.add(norm, v.scalar(1e-6)));
          v.storeScalar(v.min(v.scalar(1), factor), flat[1], v.index(0));
        });
      });
}

// base^exponent in fp64 for an i32 exponent from 0 on, by squaring: the
// difference 1 - base^exponent keeps its digits.
Value exponentialOf(VectorBuilder& v, double base, Value exponent) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  auto constant = [&](double value) -> Value {
    return v.constant(b.getF64FloatAttr(value));
  };
  constexpr int64_t bits = 31;
  return v
      .loop(v.index(0), v.index(bits), 1, {constant(1), constant(base)},
            [&](Value bit, ValueRange carried) {
              Value shifted =
                  arith::ShRUIOp::create(b, loc, exponent, v.toWord(bit));
              Value isSet =
                  arith::TruncIOp::create(b, loc, b.getI1Type(), shifted);
              Value product =
                  arith::MulFOp::create(b, loc, carried[0], carried[1]);
              Value square =
                  arith::MulFOp::create(b, loc, carried[1], carried[1]);
              return SmallVector<Value>{v.select(isSet, product, carried[0]),
                                        square};
            })
      .front();
}

// What is the same for all elements of a parameter, as registers.
struct AdamWConstants {
  Value keep;        // 1 - lr decay
  Value stepSize;    // lr / (1 - beta1^t)
  Value correction;  // 1 / sqrt(1 - beta2^t)
  Value factor;      // of the gradient, or null
};

AdamWConstants loadConstants(VectorBuilder& v, AdamWOp op,
                             ArrayRef<Value> flat) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  auto constant = [&](double value) -> Value {
    return v.constant(b.getF64FloatAttr(value));
  };
  auto narrow = [&](Value value) {
    return v.broadcast(arith::TruncFOp::create(b, loc, b.getF32Type(), value));
  };
  Value rate = arith::ExtFOp::create(b, loc, b.getF64Type(),
                                     v.loadScalar(flat[4], v.index(0)));
  rate = arith::MulFOp::create(
      b, loc, rate, constant(op.getRateMultiplier().convertToDouble()));
  Value step = v.loadScalar(flat[5], v.index(0));
  auto remaining = [&](llvm::APFloat beta) -> Value {
    return arith::SubFOp::create(
        b, loc, constant(1), exponentialOf(v, beta.convertToDouble(), step));
  };
  Value decay = arith::MulFOp::create(
      b, loc, rate, constant(op.getDecay().convertToDouble()));
  AdamWConstants constants;
  constants.keep = narrow(arith::SubFOp::create(b, loc, constant(1), decay));
  constants.stepSize =
      narrow(arith::DivFOp::create(b, loc, rate, remaining(op.getBeta1())));
  constants.correction = narrow(arith::DivFOp::create(
      b, loc, constant(1),
      math::SqrtOp::create(b, loc, remaining(op.getBeta2()))));
  if (op.getFactor())
    constants.factor = v.broadcast(v.loadScalar(flat[6], v.index(0)));
  return constants;
}

// The write that sets the slot of `gradient` to zero at the end of the phase,
// or null. Nobody after `op` may read the gradient.
WriteOp findReset(AdamWOp op, Value gradient) {
  auto read = gradient.getDefiningOp<ReadOp>();
  if (!read) return {};
  for (Operation& other : *op->getBlock())
    if (auto again = dyn_cast<ReadOp>(other);
        again && again != read && again.getSymbol() == read.getSymbol())
      return {};
  for (Operation* user : gradient.getUsers())
    if (user != op &&
        (user->getBlock() != op->getBlock() || !user->isBeforeInBlock(op)))
      return {};
  if (llvm::count(op->getOperands(), gradient) != 1) return {};
  for (Operation& other : *op->getBlock())
    if (auto write = dyn_cast<WriteOp>(other);
        write && write.getSymbol() == read.getSymbol() &&
        op->isBeforeInBlock(write)) {
      auto constant = write.getValue().getDefiningOp<ConstantOp>();
      if (constant && constant.getValue().isPosZero()) return write;
    }
  return {};
}

LogicalResult emitAdamW(Operation* operation, OpBuilder& builder,
                        CpuContext& context) {
  auto op = cast<AdamWOp>(operation);
  double beta1 = op.getBeta1().convertToDouble();
  double beta2 = op.getBeta2().convertToDouble();
  Work work =
      Work::elements(cast<RankedTensorType>(op.getParameter().getType()));
  size_t first = op.getFactor() ? 7 : 6;  // of the results
  SmallVector<Type> types = llvm::to_vector(op->getResultTypes());
  SmallVector<int64_t> ties = {0, 0, 1, 2, 2, 3};
  // The gradient is in the cache here; later it would be fetched once more.
  WriteOp reset = findReset(op, op.getGradient());
  if (reset) {
    types.push_back(op.getGradient().getType());
    ties.append({3, 1});
  }
  ValueRange results = launchKernel(
      op, builder, context, reset ? "adamw_reset" : "adamw", op->getOperands(),
      types, work.grid(), ties,
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        AdamWConstants constants = loadConstants(v, op, flat);
        forElements(v, work, arguments, [&](Value at, Value mask) {
          Value w = v.load(flat[0], at, mask);
          Value g = v.load(flat[1], at, mask);
          if (constants.factor) g = v.mul(g, constants.factor);
          Value m = v.fma(v.splat(1 - beta1), g,
                          v.mul(v.splat(beta1), v.load(flat[2], at, mask)));
          Value second =
              v.fma(v.mul(v.splat(1 - beta2), g), g,
                    v.mul(v.splat(beta2), v.load(flat[3], at, mask)));
          Value denominator = v.fma(v.sqrt(second), constants.correction,
                                    v.splat(op.getEpsilon().convertToDouble()));
          Value change = v.div(v.mul(constants.stepSize, m), denominator);
          v.store(v.sub(v.mul(w, constants.keep), change), flat[first], at,
                  mask);
          v.store(m, flat[first + 1], at, mask);
          v.store(second, flat[first + 2], at, mask);
          if (reset) v.store(v.splat(0), flat[first + 3], at, mask);
        });
      });
  if (reset) reset.getValueMutable().assign(results.back());
  return replaceBy(op, results.take_front(3));
}

}  // namespace

void populateOptimizerEmitters(KernelEmitters& emitters) {
  emitters[GlobalNormOp::getOperationName()] = emitGlobalNorm;
  emitters[ClipFactorOp::getOperationName()] = emitClipFactor;
  emitters[AdamWOp::getOperationName()] = emitAdamW;
}

}  // namespace graft
