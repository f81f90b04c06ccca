// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The end of a phase: gradient norm, clipping, updates.
//
// The norm sums squares of fixed chunks of each gradient in fp32 registers,
// then the chunks of all gradients in order in fp64, so its bits depend on
// shapes only. An update reads each element of the parameter, the gradient and
// the states once and writes all in place: AdamW 28 bytes an element, and 4
// more to set the gradient to zero for the next batch. LAMB needs two norms
// between its direction, which takes memory of its own, and its step.

#include <functional>

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

// Sums of squares of the chunks of `tensor`: tensor<chunks x f32>.
FailureOr<Value> emitChunkSquares(Operation* op, StringRef stem, Value tensor,
                                  OpBuilder& builder, CpuContext& context) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.hasStaticShape())
    return op->emitOpError("expects gradients of static shape, got ") << type,
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
  return launchKernel(op, builder, context, stem, tensor, partial,
                      gridOf(op->getContext(), chunks), {}, body)[0];
}

// The square root of the sum of all `partials`, memrefs of chunks, in fp64.
Value emitNorm(VectorBuilder& v, ArrayRef<Value> partials) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  Value sum = v.constant(b.getF64FloatAttr(0.0));
  for (Value partial : partials) {
    int64_t chunks = cast<MemRefType>(partial.getType()).getDimSize(0);
    sum = v.loop(v.index(0), v.index(chunks), 1, sum,
                 [&](Value i, ValueRange carried) {
                   Value x = arith::ExtFOp::create(b, loc, b.getF64Type(),
                                                   v.loadScalar(partial, i));
                   Value next = arith::AddFOp::create(b, loc, carried[0], x);
                   return SmallVector<Value>{next};
                 })
              .front();
  }
  return math::SqrtOp::create(b, loc, sum);
}

LogicalResult emitGlobalNorm(Operation* operation, OpBuilder& builder,
                             CpuContext& context) {
  auto op = cast<GlobalNormOp>(operation);
  SmallVector<Value> partials;
  for (Value gradient : op.getGradients()) {
    FailureOr<Value> partial =
        emitChunkSquares(op, "global_norm.chunks", gradient, builder, context);
    if (failed(partial)) return failure();
    partials.push_back(*partial);
  }
  auto body = [&](VectorBuilder& v, const KernelArguments& arguments,
                  ArrayRef<Value> flat) {
    OpBuilder& b = v.b();
    v.loop(arguments.begin, arguments.end, 1, [&](Value) {
      Value norm = arith::TruncFOp::create(b, v.location(), b.getF32Type(),
                                           emitNorm(v, flat.drop_back()));
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

// The rate of this parameter in fp64; `rate` is a memref of the rate of all.
template <typename Op>
Value loadRate(VectorBuilder& v, Op op, Value rate) {
  OpBuilder& b = v.b();
  Value wide = arith::ExtFOp::create(b, v.location(), b.getF64Type(),
                                     v.loadScalar(rate, v.index(0)));
  Value multiplier =
      v.constant(b.getF64FloatAttr(op.getRateMultiplier().convertToDouble()));
  return arith::MulFOp::create(b, v.location(), wide, multiplier);
}

// A number in fp64 as a register of fp32.
Value narrow(VectorBuilder& v, Value wide) {
  OpBuilder& b = v.b();
  return v.broadcast(
      arith::TruncFOp::create(b, v.location(), b.getF32Type(), wide));
}

// 1 - beta^step in fp64.
Value remaining(VectorBuilder& v, const llvm::APFloat& beta, Value step) {
  OpBuilder& b = v.b();
  return arith::SubFOp::create(b, v.location(),
                               v.constant(b.getF64FloatAttr(1)),
                               exponentialOf(v, beta.convertToDouble(), step));
}

// The write that sets the slot of `gradient` to zero at the end of the phase,
// or null. Nobody after `op` may read the gradient.
WriteOp findReset(Operation* op, Value gradient) {
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

// One register of elements of an update: the parameter, its gradient times the
// factor, and `load(k)` for operand k.
struct Element {
  Value parameter, gradient;
  llvm::function_ref<Value(unsigned operand)> load;
};
// The results for an element, in the order of the op's.
using Update = std::function<SmallVector<Value>(const Element&)>;

// Launches a kernel that takes the operands of `op` and gives its results, in
// place, and `more` of the parameter's type behind them; it sets the gradient
// to zero if the phase does. `prepare` computes what is the same for all
// elements. Returns the results.
SmallVector<Value> launchUpdate(
    OptimizerOpInterface op, OpBuilder& builder, CpuContext& context,
    StringRef stem, unsigned more,
    llvm::function_ref<Update(VectorBuilder& v, ArrayRef<Value> flat)>
        prepare) {
  Type type = op->getOperand(0).getType();
  Work work = Work::elements(cast<RankedTensorType>(type));
  auto first = op->getNumOperands();  // of the results
  SmallVector<Type> types = llvm::to_vector(op->getResultTypes());
  // The parameter is result 0 and operand 0; states are behind the gradient.
  SmallVector<int64_t> ties = {0, 0};
  for (int64_t state = 1; state < op->getNumResults(); ++state)
    ties.append({state, state + 1});
  types.append(more, type);
  // The gradient is in the cache here; later it would be fetched once more.
  WriteOp reset = findReset(op, op.getGradient());
  if (reset) {
    ties.append({static_cast<int64_t>(types.size()), 1});
    types.push_back(type);
  }
  std::string name = (stem + (reset ? "_reset" : "")).str();
  ValueRange results = launchKernel(
      op, builder, context, name, op->getOperands(), types, work.grid(), ties,
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Update update = prepare(v, flat);
        Value factor;
        if (op.getFactor())
          factor = v.broadcast(v.loadScalar(flat[first - 1], v.index(0)));
        forElements(v, work, arguments, [&](Value at, Value mask) {
          auto load = [&](unsigned operand) {
            return v.load(flat[operand], at, mask);
          };
          Value w = load(0), g = load(1);
          if (factor) g = v.mul(g, factor);
          SmallVector<Value> next = update({w, g, load});
          if (reset) next.push_back(v.splat(0));
          for (auto [k, value] : llvm::enumerate(next))
            v.store(value, flat[first + k], at, mask);
        });
      });
  SmallVector<Value> all(results);
  if (reset) reset.getValueMutable().assign(all.pop_back_val());
  return all;
}

// g + decay w.
Value addDecay(VectorBuilder& v, Value g, Value w, const llvm::APFloat& decay) {
  return decay.isZero() ? g : v.fma(v.splat(decay.convertToDouble()), w, g);
}

// An update along the gradient with decay: `update(v, x, g, rate)` gives the
// results for an element x.
template <typename Op>
LogicalResult emitDescent(
    Op op, OpBuilder& builder, CpuContext& context, StringRef stem,
    llvm::function_ref<SmallVector<Value>(VectorBuilder& v, const Element& x,
                                          Value g, Value rate)>
        update) {
  auto prepare = [&](VectorBuilder& v, ArrayRef<Value> flat) -> Update {
    unsigned place = op.getRateMutable().getOperandNumber();
    Value rate = narrow(v, loadRate(v, op, flat[place]));
    return [&, rate](const Element& x) {
      Value g = addDecay(v, x.gradient, x.parameter, op.getDecay());
      return update(v, x, g, rate);
    };
  };
  return replaceBy(
      op, launchUpdate(op, builder, context, stem, /*more=*/0, prepare));
}

LogicalResult emitSgd(Operation* operation, OpBuilder& builder,
                      CpuContext& context) {
  return emitDescent(
      cast<SgdOp>(operation), builder, context, "sgd",
      [](VectorBuilder& v, const Element& x, Value g, Value rate) {
        return SmallVector<Value>{v.sub(x.parameter, v.mul(rate, g))};
      });
}

LogicalResult emitMomentum(Operation* operation, OpBuilder& builder,
                           CpuContext& context) {
  auto op = cast<MomentumOp>(operation);
  return emitDescent(
      op, builder, context, "momentum",
      [&](VectorBuilder& v, const Element& x, Value g, Value rate) {
        Value keep = v.splat(op.getMomentum().convertToDouble());
        Value velocity = v.fma(keep, x.load(2), g);
        Value along = op.getNesterov() ? v.fma(keep, velocity, g) : velocity;
        return SmallVector<Value>{v.sub(x.parameter, v.mul(rate, along)),
                                  velocity};
      });
}

// Moments of Adam and LAMB with their corrections, as registers.
template <typename Op>
struct Moments {
  Value stepSize;    // rate / (1 - beta1^t), or without the rate
  Value correction;  // 1 / sqrt(1 - beta2^t)

  static Moments prepare(VectorBuilder& v, Op op, Value rate, Value step) {
    OpBuilder& b = v.b();
    Location loc = v.location();
    Value one = v.constant(b.getF64FloatAttr(1));
    step = v.loadScalar(step, v.index(0));
    Moments moments;
    moments.stepSize =
        narrow(v, arith::DivFOp::create(b, loc, rate ? rate : one,
                                        remaining(v, op.getBeta1(), step)));
    Value root =
        math::SqrtOp::create(b, loc, remaining(v, op.getBeta2(), step));
    moments.correction = narrow(v, arith::DivFOp::create(b, loc, one, root));
    return moments;
  }

  struct Next {
    Value first, second;
    Value change;  // stepSize m / (sqrt(v) correction + epsilon)
  };
  // Moments are operands 2 and 3.
  Next update(VectorBuilder& v, Op op, const Element& x, Value g) const {
    double beta1 = op.getBeta1().convertToDouble();
    double beta2 = op.getBeta2().convertToDouble();
    Next next;
    next.first = v.fma(v.splat(1 - beta1), g, v.mul(v.splat(beta1), x.load(2)));
    next.second = v.fma(v.mul(v.splat(1 - beta2), g), g,
                        v.mul(v.splat(beta2), x.load(3)));
    Value denominator = v.fma(v.sqrt(next.second), correction,
                              v.splat(op.getEpsilon().convertToDouble()));
    next.change = v.div(v.mul(stepSize, next.first), denominator);
    return next;
  }
};

LogicalResult emitAdamW(Operation* operation, OpBuilder& builder,
                        CpuContext& context) {
  auto op = cast<AdamWOp>(operation);
  auto prepare = [&](VectorBuilder& v, ArrayRef<Value> flat) -> Update {
    OpBuilder& b = v.b();
    Location loc = v.location();
    Value rate = loadRate(v, op, flat[4]);
    Value decay = arith::MulFOp::create(
        b, loc, rate,
        v.constant(b.getF64FloatAttr(op.getDecay().convertToDouble())));
    Value keep = narrow(
        v,
        arith::SubFOp::create(b, loc, v.constant(b.getF64FloatAttr(1)), decay));
    auto moments = Moments<AdamWOp>::prepare(v, op, rate, flat[5]);
    return [&v, op, keep, moments](const Element& x) mutable {
      Value g = op.getCoupled()
                    ? addDecay(v, x.gradient, x.parameter, op.getDecay())
                    : x.gradient;
      auto next = moments.update(v, op, x, g);
      Value kept = op.getCoupled() ? x.parameter : v.mul(x.parameter, keep);
      return SmallVector<Value>{v.sub(kept, next.change), next.first,
                                next.second};
    };
  };
  return replaceBy(
      op, launchUpdate(op, builder, context, "adamw", /*more=*/0, prepare));
}

// |w| / |u| of the sums of squares of both, or 1 where one of them is 0.
Value emitTrustRatio(Operation* op, OpBuilder& builder, CpuContext& context,
                     ValueRange squares) {
  auto type = RankedTensorType::get({}, builder.getF32Type());
  return launchKernel(
      op, builder, context, "lamb.ratio", squares, type,
      gridOf(op->getContext(), 1), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        OpBuilder& b = v.b();
        Location loc = v.location();
        v.loop(arguments.begin, arguments.end, 1, [&](Value) {
          Value zero = v.constant(b.getF64FloatAttr(0));
          Value parameter = emitNorm(v, flat[0]), update = emitNorm(v, flat[1]);
          auto isPositive = [&](Value norm) -> Value {
            return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                         norm, zero);
          };
          Value ratio = arith::DivFOp::create(b, loc, parameter, update);
          Value both = arith::AndIOp::create(b, loc, isPositive(parameter),
                                             isPositive(update));
          ratio = v.select(both, ratio, v.constant(b.getF64FloatAttr(1)));
          v.storeScalar(arith::TruncFOp::create(b, loc, b.getF32Type(), ratio),
                        flat[2], v.index(0));
        });
      })[0];
}

LogicalResult emitLamb(Operation* operation, OpBuilder& builder,
                       CpuContext& context) {
  auto op = cast<LambOp>(operation);
  // The first result is the parameter as it was; the last, the direction.
  SmallVector<Value> results = launchUpdate(
      op, builder, context, "lamb.direction", /*more=*/1,
      [&](VectorBuilder& v, ArrayRef<Value> flat) -> Update {
        auto moments = Moments<LambOp>::prepare(v, op, /*rate=*/{}, flat[5]);
        return [&v, op, moments](const Element& x) mutable {
          auto next = moments.update(v, op, x, x.gradient);
          Value direction =
              addDecay(v, next.change, x.parameter, op.getDecay());
          return SmallVector<Value>{x.parameter, next.first, next.second,
                                    direction};
        };
      });
  Value parameter = results[0], direction = results[3];
  SmallVector<Value> squares;
  for (Value tensor : {parameter, direction}) {
    FailureOr<Value> partial =
        emitChunkSquares(op, "lamb.chunks", tensor, builder, context);
    if (failed(partial)) return failure();
    squares.push_back(*partial);
  }
  Value ratio = emitTrustRatio(op, builder, context, squares);
  Work work = Work::elements(cast<RankedTensorType>(parameter.getType()));
  results[0] = launchKernel(
      op, builder, context, "lamb.step",
      {parameter, direction, op.getRate(), ratio}, parameter.getType(),
      work.grid(), {0, 0},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value step = v.mul(narrow(v, loadRate(v, op, flat[2])),
                           v.broadcast(v.loadScalar(flat[3], v.index(0))));
        forElements(v, work, arguments, [&](Value at, Value mask) {
          Value change = v.mul(step, v.load(flat[1], at, mask));
          v.store(v.sub(v.load(flat[0], at, mask), change), flat[4], at, mask);
        });
      })[0];
  results.pop_back();
  return replaceBy(op, results);
}

}  // namespace

void populateOptimizerEmitters(KernelEmitters& emitters) {
  emitters[GlobalNormOp::getOperationName()] = emitGlobalNorm;
  emitters[ClipFactorOp::getOperationName()] = emitClipFactor;
  emitters[SgdOp::getOperationName()] = emitSgd;
  emitters[MomentumOp::getOperationName()] = emitMomentum;
  emitters[AdamWOp::getOperationName()] = emitAdamW;
  emitters[LambOp::getOperationName()] = emitLamb;
}

}  // namespace graft
