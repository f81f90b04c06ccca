// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of graft.relation_divergence and its gradients. For one sequence and
// one of N heads, with q, k [L, D], the target's r, s [L, E], and the gradient
// g of the loss of the sequence:
//
//   a = q k^T / sqrt(D)           b = r s^T / sqrt(E)
//   kl:  p = softmax(b)           loss = sum p (log p - log softmax(a)) / (N L)
//        da = g / (N L) (softmax(a) - p)
//   mse: loss = sum (a - b)^2 / (N L^2)
//        da = 2 g / (N L^2) (a - b)
//   dq = da k / sqrt(D)           dk = da^T q / sqrt(D)
//
// Both maps are computed in the blocks of attention, side by side, so no L x L
// memory exists. Work items are (sequence, head). A first kernel writes the
// loss of each, [S, N], a second one adds the heads; results alias no operand.
// Cost: 2 L^2 (D + E) flops forward, 2 L^2 (3 D + E) backward and, with kl,
// 2 L^2 (D + E) more beyond 128 keys.

#include "passes/lower/cpu/attention/relation_emitters.h"

#include "passes/lower/cpu/attention/relation_kernel.h"
#include "passes/lower/cpu/attention/relation_second_gradient.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

// Sequences of an item of the kernel that adds heads.
constexpr int64_t kSequences = 64;

// Of a head, so that what is held of both maps fits on the stack of a thread
// (4.6 MiB).
constexpr int64_t kMaxWidth = 4096;

class DivergenceKernel : RelationKernel {
 public:
  DivergenceKernel(TileBuilder& v, const IsaLevel& level,
                   const RelationConfig& config,
                   const KernelArguments& arguments)
      : RelationKernel(v, level, config, arguments, /*query=*/0),
        total(v.scratch({AttentionBlock::kQueries})) {}

  void emit() {
    forEachBlock([&] {
      SmallVector<Value> state;
      if (config.isKl()) state.assign(2 * groups, v.splat(kLowest));
      state.append(config.isKl() ? 3 * groups : groups, v.splat(0.0));
      state = block().forEachChunk(
          state, [&](Value first, Value keys, ValueRange carried) {
            emitScores(first, keys);
            return config.isKl() ? addDivergences(keys, carried)
                                 : addSquares(keys, carried);
          });
      addRows(config.isKl() ? finishDivergences(state) : state, total,
              arguments.buffers.back());
    });
  }

 private:
  // Of each query: the highest a and b, the sums of e^(a - highest a) and
  // e^(b - highest b), and that of e^(b - highest b) ((b - highest b) - (a -
  // highest a)).
  SmallVector<Value> addDivergences(Value keys, ValueRange carried) {
    SmallVector<Value> old(carried.take_front(2 * groups));
    SmallVector<Value> highest = findHighest(keys, old);
    SmallVector<Value> sums(carried.drop_front(2 * groups));
    for (int64_t g = 0; g < groups; ++g) {
      Value fall = v.sub(old[g], highest[g]);
      Value targetFall = v.sub(old[groups + g], highest[groups + g]);
      Value factor = v.expNonPositive(targetFall);
      Value moved = v.fma(sums[groups + g], v.sub(targetFall, fall),
                          sums[2 * groups + g]);
      sums[g] = v.mul(sums[g], v.expNonPositive(fall));
      sums[groups + g] = v.mul(sums[groups + g], factor);
      sums[2 * groups + g] = v.mul(moved, factor);
    }
    sums = v.loop(v.index(0), keys, 1, sums, [&](Value at, ValueRange sums) {
      SmallVector<Value> next(sums);
      for (int64_t g = 0; g < groups; ++g) {
        Value a = v.sub(load(0, at, g), highest[g]);
        Value b = v.sub(load(1, at, g), highest[groups + g]);
        Value weight = v.expNonPositive(b);
        next[g] = v.add(sums[g], v.expNonPositive(a));
        next[groups + g] = v.add(sums[groups + g], weight);
        next[2 * groups + g] = v.fma(weight, v.sub(b, a), sums[2 * groups + g]);
      }
      return next;
    });
    highest.append(sums);
    return highest;
  }

  // sum p (b - a) + log sum e^a - log sum e^b, all relative to the highest.
  SmallVector<Value> finishDivergences(ValueRange state) {
    SmallVector<Value> losses;
    for (int64_t g = 0; g < groups; ++g) {
      Value sum = state[2 * groups + g], targetSum = state[3 * groups + g];
      losses.push_back(v.add(v.div(state[4 * groups + g], targetSum),
                             v.log(v.div(sum, targetSum))));
    }
    return losses;
  }

  // The sum over a chunk is taken by itself, so that rounding errors do not
  // grow with the length.
  SmallVector<Value> addSquares(Value keys, ValueRange carried) {
    SmallVector<Value> sums =
        v.loop(v.index(0), keys, 1, block().splat(0.0),
               [&](Value at, ValueRange sums) {
                 SmallVector<Value> next;
                 for (int64_t g = 0; g < groups; ++g) {
                   Value difference = v.sub(load(0, at, g), load(1, at, g));
                   next.push_back(v.fma(difference, difference, sums[g]));
                 }
                 return next;
               });
    for (auto [sum, old] : llvm::zip(sums, carried)) sum = v.add(sum, old);
    return sums;
  }

  Value total;  // of the blocks so far, a lane of queries each
};

class DivergenceGradientKernel : RelationKernel {
 public:
  DivergenceGradientKernel(TileBuilder& v, const IsaLevel& level,
                           const RelationConfig& config,
                           const KernelArguments& arguments)
      : RelationKernel(v, level, config, arguments, /*query=*/1) {}

  void emit() {
    forEachBlock([&] {
      Value gradient = v.loadScalar(arguments.buffers[0], {block().sequence});
      double factor = config.isKl() ? config.map.scale : 2 * config.map.scale;
      weight = v.broadcast(divideByCount(v.mul(gradient, v.scalar(factor))));
      if (config.isKl())
        emitDivergences();
      else
        emitSquares();
    });
  }

 private:
  void emitDivergences() {
    SmallVector<Value> state(2 * groups, v.splat(kLowest));
    state.append(2 * groups, v.splat(0.0));
    state = block().forEachChunk(
        state, [&](Value first, Value keys, ValueRange carried) {
          emitScores(first, keys);
          return emitStatistics(keys, carried);
        });
    SmallVector<Value> inverse;
    for (Value sum : ArrayRef(state).drop_front(2 * groups))
      inverse.push_back(v.div(v.splat(1.0), sum));
    block().forEachChunkAgain(
        {},
        [&](Value first, Value keys) {
          emitScores(first, keys);
          emitExponentials(keys, state);
        },
        [&](Value first, Value keys, ValueRange) {
          emitSlopes(keys, [&](Value at, int64_t g) {
            return v.sub(v.mul(load(0, at, g), inverse[g]),
                         v.mul(load(1, at, g), inverse[groups + g]));
          });
          emitProducts(first, keys);
          return SmallVector<Value>{};
        });
  }

  // `carried`: the highest score of each query so far, and the sum of
  // exponentials, of both maps one after the other. Scores become exponentials
  // by the highest so far.
  SmallVector<Value> emitStatistics(Value keys, ValueRange carried) {
    SmallVector<Value> old(carried.take_front(2 * groups));
    SmallVector<Value> highest = findHighest(keys, old);
    emitExponentials(keys, highest);
    SmallVector<Value> sums;
    for (int64_t i = 0; i < 2 * groups; ++i)
      sums.push_back(v.mul(carried[2 * groups + i],
                           v.expNonPositive(v.sub(old[i], highest[i]))));
    sums = v.loop(v.index(0), keys, 1, sums, [&](Value at, ValueRange sums) {
      SmallVector<Value> next;
      for (size_t m = 0; m < 2; ++m)
        for (int64_t g = 0; g < groups; ++g)
          next.push_back(v.add(sums[m * groups + g], load(m, at, g)));
      return next;
    });
    highest.append(sums);
    return highest;
  }

  void emitSquares() {
    block().forEachChunk({}, [&](Value first, Value keys, ValueRange) {
      emitScores(first, keys);
      emitSlopes(keys, [&](Value at, int64_t g) {
        return v.sub(load(0, at, g), load(1, at, g));
      });
      emitProducts(first, keys);
      return SmallVector<Value>{};
    });
  }

  // Scores of what learns become their gradients.
  void emitSlopes(Value keys, llvm::function_ref<Value(Value, int64_t)> slope) {
    v.loop(v.index(0), keys, 1, [&](Value at) {
      for (int64_t g = 0; g < groups; ++g)
        store(v.mul(slope(at, g), weight), 0, at, g);
    });
  }

  void emitProducts(Value first, Value keys) {
    size_t count = arguments.buffers.size();
    Value queryGradient = arguments.buffers[count - 2];
    Value keyGradient = arguments.buffers[count - 1];
    Value isFirst = v.less(first, 1);
    Map& map = maps[0];
    block().accumulateKeys(map.scores, map.query, first, keys, keyGradient);
    block().accumulateQueries(
        map.scores, block().rowsOf(map.key, map.heldKeys, first), keys,
        queryGradient, /*partial=*/{},
        [&](Value, Value old) { return v.select(isFirst, v.splat(0.0), old); },
        [](Value, Value sum) { return sum; });
  }

  Value weight;  // of a difference of scores or probabilities, in all lanes
};

// An error unless the widths of heads are known and kernels can hold them.
template <typename Op>
LogicalResult checkWidths(Op op) {
  for (RankedTensorType type :
       {op.getQuery().getType(), op.getTargetQuery().getType()}) {
    if (type.isDynamicDim(1))
      return op.emitOpError(
                 "expects rows of static width for CPU kernels, got ")
             << type;
    int64_t width = type.getDimSize(1) / static_cast<int64_t>(op.getHeads());
    if (width > kMaxWidth)
      return op.emitOpError("expects heads of at most ")
             << kMaxWidth << " features for CPU kernels, got " << width;
  }
  return success();
}

// The flops of `products` of the map that learns, and of one of the target.
exec::CostTermAttr flopsOf(const RelationConfig& config, int64_t products,
                           StringAttr tokens) {
  int64_t features =
      config.map.heads * (products * config.map.width + config.target.width);
  return exec::CostTermAttr::get(tokens.getContext(), 2 * features, tokens,
                                 /*squares=*/true);
}

// One launch of `Kernel`, whose items are (sequence, head).
template <typename Kernel>
ValueRange launchMaps(Operation* op, OpBuilder& builder, CpuContext& context,
                      const RelationConfig& config, SegmentsType segments,
                      TypeRange results, int64_t products) {
  KernelKey key;
  key.add(op);
  ValueRange values = context.launch(
      builder, op, op->getName().stripDialect(), op->getOperands(), results,
      exec::GridAttr::get(op->getContext(), segments.getSequences(), 1,
                          config.map.heads),
      {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        Kernel(v, context.getLevel(), config, arguments).emit();
      },
      &key);
  countFlops(values, flopsOf(config, products, segments.getTokens()));
  return values;
}

// What each head of a sequence gives, [S, N].
RankedTensorType getHeadsType(OpBuilder& builder, const RelationConfig& config,
                              SegmentsType segments) {
  return getTensorType(
      {getNamedDim(segments.getSequences()), Dim{config.map.heads, nullptr}},
      builder.getF32Type());
}

// The sums over the heads of [S, N], in their order: the first result of `op`.
Value launchSum(Operation* op, OpBuilder& builder, CpuContext& context,
                const RelationConfig& config, SegmentsType segments,
                Value losses) {
  Dim rows = getNamedDim(segments.getSequences());
  int64_t heads = config.map.heads;
  return context.launch(
      builder, op, "relation_divergence_sum", losses,
      TypeRange(op->getResultTypes()).take_front(),
      getGrid(builder.getContext(), rows, kSequences), {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        Value last = v.min(v.mul(arguments.end, kSequences),
                           getSize(v, rows, arguments));
        v.loop(v.mul(arguments.begin, kSequences), last, 1, [&](Value row) {
          Value sum = v.loop(v.index(0), v.index(heads), 1, v.scalar(0.0),
                             [&](Value head, ValueRange sum) {
                               Value loss = v.loadScalar(arguments.buffers[0],
                                                         {row, head});
                               return SmallVector<Value>{v.add(sum[0], loss)};
                             })[0];
          v.storeScalar(sum, arguments.buffers[1], {row});
        });
      })[0];
}

LogicalResult emitDivergence(Operation* operation, OpBuilder& builder,
                             CpuContext& context) {
  auto op = cast<RelationDivergenceOp>(operation);
  if (failed(checkWidths(op))) return failure();
  RelationConfig config = RelationConfig::get(op);
  SegmentsType segments = op.getSegments().getType();
  RankedTensorType losses = getHeadsType(builder, config, segments);
  ValueRange heads = launchMaps<DivergenceKernel>(
      op, builder, context, config, segments, losses, /*products=*/1);
  Value sum = launchSum(op, builder, context, config, segments, heads[0]);
  op->replaceAllUsesWith(ValueRange(sum));
  op->erase();
  return success();
}

LogicalResult emitDivergenceGradient(Operation* operation, OpBuilder& builder,
                                     CpuContext& context) {
  auto op = cast<RelationDivergenceGradientOp>(operation);
  if (failed(checkWidths(op))) return failure();
  RelationConfig config = RelationConfig::get(op);
  // The scores again, and the gradients of both factors of those that learn.
  op->replaceAllUsesWith(launchMaps<DivergenceGradientKernel>(
      op, builder, context, config, op.getSegments().getType(),
      op->getResultTypes(), /*products=*/3));
  op->erase();
  return success();
}

LogicalResult emitDivergenceSecondGradient(Operation* operation,
                                           OpBuilder& builder,
                                           CpuContext& context) {
  auto op = cast<RelationDivergenceSecondGradientOp>(operation);
  if (failed(checkWidths(op))) return failure();
  RelationConfig config = RelationConfig::get(op);
  SegmentsType segments = op.getSegments().getType();
  SmallVector<Type> types(op->getResultTypes());
  types[0] = getHeadsType(builder, config, segments);
  // Three products of scores, and both factors of two gradients.
  ValueRange heads = launchMaps<RelationSecondGradientKernel>(
      op, builder, context, config, segments, types, /*products=*/7);
  SmallVector<Value> results(heads);
  results[0] = launchSum(op, builder, context, config, segments, heads[0]);
  op->replaceAllUsesWith(results);
  op->erase();
  return success();
}

}  // namespace

void populateRelationEmitters(KernelEmitters& emitters) {
  emitters[RelationDivergenceOp::getOperationName()] = emitDivergence;
  emitters[RelationDivergenceGradientOp::getOperationName()] =
      emitDivergenceGradient;
  emitters[RelationDivergenceSecondGradientOp::getOperationName()] =
      emitDivergenceSecondGradient;
}

}  // namespace graft
