// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/attention/attention_second_gradient.h"

using namespace mlir;

namespace graft {
namespace {

class SecondGradientKernel {
 public:
  SecondGradientKernel(TileBuilder& v, const IsaLevel& level,
                       const AttentionConfig& config,
                       const KernelArguments& arguments)
      : v(v),
        config(config),
        arguments(arguments),
        block(v, level, config, arguments, /*segments=*/7),
        groups(block.vectors()),
        queryPanel(block.makePanel(config.scale)),
        incomingPanel(block.makePanel(config.scale)),
        gradientPanel(block.makePanel(1.0)),
        scores(block.makeScores()),
        slopes(block.makeScores()),
        changes(block.makeScores()),
        mixed(block.makeScores()),
        weights(block.makeWeights(scores)),
        weightSlopes(block.makeWeights(slopes)),
        weightChanges(block.makeWeights(changes)),
        slopeChanges(block.makeWeights(mixed)) {}

  void emit() {
    block.forEachBlock(arguments, [&] {
      block.transposeRows(operand(kQuery), queryPanel);
      block.transposeRows(operand(kIncomingQuery), incomingPanel);
      block.transposeRows(operand(kGradient), gradientPanel);
      SmallVector<Value> state = block.splat(kLowest);
      for (int64_t sum = 0; sum < kSums; ++sum) state.append(block.splat(0.0));
      state = block.forEachChunk(
          state, [&](Value first, Value keys, ValueRange carried) {
            emitScores(first, keys);
            return emitStatistics(keys, carried);
          });
      block.forEachChunkAgain(
          {},
          [&](Value first, Value keys) {
            emitScores(first, keys);
            block.emitExponentials(scores, keys, state);
          },
          [&](Value first, Value keys, ValueRange) {
            emitWeights(keys, state);
            emitProducts(first, keys);
            return SmallVector<Value>{};
          });
    });
  }

 private:
  enum Operand {
    kIncomingQuery,
    kIncomingKey,
    kIncomingValue,
    kGradient,
    kQuery,
    kKey,
    kValue
  };
  Value operand(Operand which) { return arguments.buffers[which]; }
  AttentionBlock::Rows rowsOf(Operand which, Value first) {
    return block.rowsOf(operand(which), /*hold=*/{}, first);
  }

  void emitScores(Value first, Value keys) {
    block.multiplyPanel(rowsOf(kKey, first), queryPanel, keys, scores);
    block.multiplyPanel(rowsOf(kValue, first), gradientPanel, keys, slopes);
    block.multiplyPanel(rowsOf(kKey, first), incomingPanel, keys, changes);
    block.multiplyPanel(rowsOf(kIncomingKey, first), queryPanel, keys, changes,
                        /*adds=*/true);
    block.multiplyPanel(rowsOf(kIncomingValue, first), gradientPanel, keys,
                        mixed);
    block.drawWords(first, keys);
  }

  // Of exponentials, and of these times dp, w, and w dp + dropout(g l^T).
  static constexpr int64_t kSums = 4;

  // `carried`: maximum and sums of each query so far. Scores become
  // exponentials by the maximum so far.
  SmallVector<Value> emitStatistics(Value keys, ValueRange carried) {
    SmallVector<Value> state = block.raiseMaxima(scores, keys, carried);
    ArrayRef<Value> highest = ArrayRef(state).take_front(groups);
    SmallVector<Value> sums = block.forEachKey(
        keys, ArrayRef(state).drop_front(groups),
        [&](Value at, AttentionBlock::Keep keep, ValueRange sums) {
          SmallVector<Value> next(sums);
          for (int64_t g = 0; g < groups; ++g) {
            Value p = v.expNonPositive(
                v.sub(block.loadScores(scores, at, g), highest[g]));
            Value slope = keep(g, block.loadScores(slopes, at, g));
            Value change = block.loadScores(changes, at, g);
            Value bend =
                v.fma(change, slope, keep(g, block.loadScores(mixed, at, g)));
            next[g] = v.add(sums[g], p);
            int64_t to = g;
            for (Value x : {slope, change, bend}) {
              to += groups;
              next[to] = v.fma(p, x, sums[to]);
            }
            block.storeScores(p, scores, at, g);
          }
          return next;
        });
    state.resize(groups);
    state.append(sums);
    return state;
  }

  // Of the queries of a vector.
  struct RowSums {
    Value inverse;  // 1 / sum of exponentials
    Value delta, omega, bend;
  };
  SmallVector<RowSums> makeRowSums(ValueRange statistics) {
    SmallVector<RowSums> rows;
    for (int64_t g = 0; g < groups; ++g) {
      Value inverse = v.div(v.splat(1.0), statistics[groups + g]);
      Value delta = v.mul(statistics[2 * groups + g], inverse);
      Value omega = v.mul(statistics[3 * groups + g], inverse);
      Value bend = v.sub(v.mul(statistics[4 * groups + g], inverse),
                         v.mul(v.mul(delta, omega), v.splat(2.0)));
      rows.push_back({inverse, delta, omega, bend});
    }
    return rows;
  }

  // Exponentials become the weights a, slopes s ds, changes e, and what is
  // mixed s c.
  void emitWeights(Value keys, ValueRange statistics) {
    SmallVector<RowSums> rows = makeRowSums(statistics);
    block.forEachKey(
        keys, {}, [&](Value at, AttentionBlock::Keep keep, ValueRange) {
          for (int64_t g = 0; g < groups; ++g) {
            const RowSums& row = rows[g];
            Value p = v.mul(block.loadScores(scores, at, g), row.inverse);
            Value slope = keep(g, block.loadScores(slopes, at, g));
            Value change = block.loadScores(changes, at, g);
            Value bend = keep(g, block.loadScores(mixed, at, g));
            Value centred = v.sub(slope, row.delta);
            bend = v.add(
                bend, v.sub(v.mul(change, centred), v.mul(row.omega, slope)));
            Value scaled = v.mul(p, v.splat(config.scale));
            block.storeScores(keep(g, p), weights, at, g);
            block.storeScores(v.mul(scaled, centred), weightSlopes, at, g);
            block.storeScores(keep(g, v.mul(p, v.sub(change, row.omega))),
                              weightChanges, at, g);
            block.storeScores(v.mul(scaled, v.sub(bend, row.bend)),
                              slopeChanges, at, g);
          }
          return SmallVector<Value>{};
        });
  }

  void emitProducts(Value first, Value keys) {
    ValueRange results =
        ValueRange(arguments.buffers).drop_front(arguments.buffers.size() - 4);
    auto addQueries = [&](Value lhs, Operand rows, Value output, bool adds) {
      block.accumulateQueries(lhs, rowsOf(rows, first), first, keys, output,
                              adds);
    };
    auto addKeys = [&](Value lhs, Operand rows, Value output, bool adds) {
      block.accumulateKeys(lhs, operand(rows), first, keys, output, adds);
    };
    addQueries(weightChanges, kValue, results[0], /*adds=*/false);
    addQueries(weights, kIncomingValue, results[0], /*adds=*/true);
    addQueries(slopeChanges, kKey, results[1], /*adds=*/false);
    addQueries(weightSlopes, kIncomingKey, results[1], /*adds=*/true);
    addKeys(slopeChanges, kQuery, results[2], /*adds=*/false);
    addKeys(weightSlopes, kIncomingQuery, results[2], /*adds=*/true);
    addKeys(weightChanges, kGradient, results[3], /*adds=*/false);
  }

  TileBuilder& v;
  const AttentionConfig& config;
  const KernelArguments& arguments;
  AttentionBlock block;
  int64_t groups;
  AttentionBlock::Panel queryPanel, incomingPanel, gradientPanel;
  // [key][query]: scaled q k^T, then exponentials; g v^T; w; g l^T.
  Value scores, slopes, changes, mixed;
  // [key][query]: a, s ds, e and s c, each in the place of one of those where
  // that will do.
  Value weights, weightSlopes, weightChanges, slopeChanges;
};

}  // namespace

void emitAttentionSecondGradient(TileBuilder& v, const IsaLevel& level,
                                 const AttentionConfig& config,
                                 const KernelArguments& arguments) {
  SecondGradientKernel(v, level, config, arguments).emit();
}

}  // namespace graft
