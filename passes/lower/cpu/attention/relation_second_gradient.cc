// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/attention/relation_second_gradient.h"

using namespace mlir;

namespace graft {

RelationSecondGradientKernel::RelationSecondGradientKernel(
    TileBuilder& v, const IsaLevel& level, const RelationConfig& config,
    const KernelArguments& arguments)
    : RelationKernel(v, level, config, arguments, /*query=*/3),
      incomingPanel(block().makePanel(config.map.scale)),
      changes(block().makeScores()),
      total(v.scratch({AttentionBlock::kQueries})) {}

void RelationSecondGradientKernel::emit() {
  forEachBlock([&] {
    block().transposeRows(arguments.buffers[0], incomingPanel);
    Value gradient = v.loadScalar(arguments.buffers[2], {block().sequence});
    weight =
        v.broadcast(divideByCount(v.mul(gradient, v.scalar(config.map.scale))));
    SmallVector<Value> sums = config.isKl() ? emitDivergences() : emitSquares();
    addRows(sums, total, arguments.buffers[arguments.buffers.size() - 3]);
  });
}

void RelationSecondGradientKernel::emitAllScores(Value first, Value keys) {
  emitScores(first, keys);
  Map& map = maps[0];
  block().multiplyPanel(block().rowsOf(map.key, map.heldKeys, first),
                        incomingPanel, keys, changes);
  block().multiplyPanel(
      block().rowsOf(arguments.buffers[1], /*hold=*/{}, first), map.panel, keys,
      changes, /*adds=*/true);
}

SmallVector<Value> RelationSecondGradientKernel::emitDivergences() {
  SmallVector<Value> state(2 * groups, v.splat(kLowest));
  state.append(3 * groups, v.splat(0.0));
  state = block().forEachChunk(
      state, [&](Value first, Value keys, ValueRange carried) {
        emitAllScores(first, keys);
        return emitStatistics(keys, carried);
      });
  SmallVector<Value> inverse, mean;
  for (Value sum : ArrayRef(state).slice(2 * groups, 2 * groups))
    inverse.push_back(v.div(v.splat(1.0), sum));
  for (int64_t g = 0; g < groups; ++g)
    mean.push_back(v.mul(state[4 * groups + g], inverse[g]));
  return block().forEachChunkAgain(
      block().splat(0.0),
      [&](Value first, Value keys) {
        emitAllScores(first, keys);
        emitExponentials(keys, state);
      },
      [&](Value first, Value keys, ValueRange sums) {
        auto next = emitSlopes(keys, sums, [&](Value at, int64_t g) {
          Value q = v.mul(load(0, at, g), inverse[g]);
          Value p = v.mul(load(1, at, g), inverse[groups + g]);
          return Slope{v.sub(q, p), v.mul(q, v.sub(change(at, g), mean[g]))};
        });
        emitProducts(first, keys);
        return next;
      });
}

// `carried`: the highest score of each query so far and the sum of
// exponentials, of both maps one after the other, and the sum of exponentials
// times w. Scores become exponentials by the highest so far.
SmallVector<Value> RelationSecondGradientKernel::emitStatistics(
    Value keys, ValueRange carried) {
  SmallVector<Value> old(carried.take_front(2 * groups));
  SmallVector<Value> highest = findHighest(keys, old);
  emitExponentials(keys, highest);
  SmallVector<Value> sums;
  for (int64_t i = 0; i < 3 * groups; ++i) {
    int64_t map = i % (2 * groups);
    sums.push_back(v.mul(carried[2 * groups + i],
                         v.expNonPositive(v.sub(old[map], highest[map]))));
  }
  sums = v.loop(v.index(0), keys, 1, sums, [&](Value at, ValueRange sums) {
    SmallVector<Value> next(sums);
    for (int64_t g = 0; g < groups; ++g) {
      Value q = load(0, at, g);
      next[g] = v.add(sums[g], q);
      next[groups + g] = v.add(sums[groups + g], load(1, at, g));
      next[2 * groups + g] = v.fma(q, change(at, g), sums[2 * groups + g]);
    }
    return next;
  });
  highest.append(sums);
  return highest;
}

SmallVector<Value> RelationSecondGradientKernel::emitSquares() {
  return block().forEachChunk(
      block().splat(0.0), [&](Value first, Value keys, ValueRange sums) {
        emitAllScores(first, keys);
        Value two = v.splat(2.0);
        auto next = emitSlopes(keys, sums, [&](Value at, int64_t g) {
          Value difference = v.sub(load(0, at, g), load(1, at, g));
          return Slope{v.mul(difference, two), v.mul(change(at, g), two)};
        });
        emitProducts(first, keys);
        return next;
      });
}

SmallVector<Value> RelationSecondGradientKernel::emitSlopes(
    Value keys, ValueRange sums,
    llvm::function_ref<Slope(Value, int64_t)> slopeOf) {
  return v.loop(v.index(0), keys, 1, sums, [&](Value at, ValueRange sums) {
    SmallVector<Value> next;
    for (int64_t g = 0; g < groups; ++g) {
      Slope slope = slopeOf(at, g);
      next.push_back(v.fma(slope.score, change(at, g), sums[g]));
      store(v.mul(slope.score, weight), 0, at, g);
      v.store(v.mul(slope.change, weight), changes,
              {at, v.index(g * v.lanes())});
    }
    return next;
  });
}

void RelationSecondGradientKernel::emitProducts(Value first, Value keys) {
  size_t count = arguments.buffers.size();
  Value queryGradient = arguments.buffers[count - 2];
  Value keyGradient = arguments.buffers[count - 1];
  Map& map = maps[0];
  block().accumulateQueries(changes,
                            block().rowsOf(map.key, map.heldKeys, first), first,
                            keys, queryGradient, /*adds=*/false);
  block().accumulateQueries(
      map.scores, block().rowsOf(arguments.buffers[1], /*hold=*/{}, first),
      first, keys, queryGradient, /*adds=*/true);
  block().accumulateKeys(changes, map.query, first, keys, keyGradient);
  block().accumulateKeys(map.scores, arguments.buffers[0], first, keys,
                         keyGradient, /*adds=*/true);
}

}  // namespace graft
