// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of graft.attention and graft.attention_gradient. For one sequence
// and head, with q, k, v, o [L, D] and the gradient g of o:
//
//   p = softmax(scale q k^T)      a = dropout(p)        o = a v
//   dv = a^T g                    dp = dropout(g v^T)
//   ds = scale p (dp - delta)     delta = rowsum(p dp)
//   dq = ds k                     dk = ds^T q
//
// The softmax is taken online over chunks of keys (Milakov and Gimelshein
// 2018; Dao et al., FlashAttention, 2022), so no L x L memory exists. Work
// items are (sequence, head); results alias no operand. Cost: 4 L^2 D flops
// forward, 10 L^2 D backward and 4 L^2 D more beyond 128 keys.

#include "passes/lower/cpu/attention/attention_emitters.h"

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/attention/amx_attention.h"
#include "passes/lower/cpu/attention/attention_block.h"
#include "passes/lower/cpu/attention/attention_second_gradient.h"

using namespace mlir;

namespace graft {
namespace {

class AttentionKernel {
 public:
  AttentionKernel(TileBuilder& v, const IsaLevel& level,
                  const AttentionConfig& config,
                  const KernelArguments& arguments)
      : v(v),
        arguments(arguments),
        block(v, level, config, arguments, /*segments=*/3),
        panel(block.makePanel(config.scale)),
        scores(block.makeScores()),
        weights(block.makeWeights(scores)),
        heldKeys(block.makeHold()),
        heldValues(block.makeHold()),
        rescale(v.scratch({AttentionBlock::kQueries})),
        normalise(v.scratch({AttentionBlock::kQueries})) {
    Value output = arguments.buffers.back();
    if (!cast<MemRefType>(output.getType()).getElementType().isF32())
      partial = v.scratch({AttentionBlock::kQueries, config.width});
  }

  void emit() {
    block.forEachBlock(arguments, [&] {
      block.transposeRows(arguments.buffers[0], panel);
      SmallVector<Value> state = block.splat(kLowest);
      state.append(block.splat(0.0));
      block.forEachChunk(state,
                         [&](Value first, Value keys, ValueRange carried) {
                           return emitChunk(first, keys, carried);
                         });
    });
  }

 private:
  // `carried`: the maximum and the sum of each query so far.
  SmallVector<Value> emitChunk(Value first, Value keys, ValueRange carried) {
    int64_t groups = block.vectors();
    Value key = arguments.buffers[1], value = arguments.buffers[2];
    block.copyRows({{key, heldKeys}, {value, heldValues}}, first, keys);
    block.multiplyPanel(block.rowsOf(key, heldKeys, first), panel, keys,
                        scores);
    block.drawWords(first, keys);
    SmallVector<Value> old(carried.take_front(groups));
    SmallVector<Value> highest = block.findMaxima(scores, keys, old);
    SmallVector<Value> sums;
    for (int64_t g = 0; g < groups; ++g) {
      Value factor = v.expNonPositive(v.sub(old[g], highest[g]));
      store(factor, rescale, g);
      sums.push_back(v.mul(carried[groups + g], factor));
    }
    sums = block.forEachKey(
        keys, sums, [&](Value at, AttentionBlock::Keep keep, ValueRange sums) {
          SmallVector<Value> next;
          for (int64_t g = 0; g < groups; ++g) {
            Value p = v.expNonPositive(
                v.sub(block.loadScores(scores, at, g), highest[g]));
            next.push_back(v.add(sums[g], p));
            block.storeScores(keep(g, p), weights, at, g);
          }
          return next;
        });
    emitOutput(first, keys, sums);
    highest.append(sums);
    return highest;
  }

  void emitOutput(Value first, Value keys, ValueRange sums) {
    Value isFirst = v.less(first, 1);
    Value isLast = v.less(v.sub(block.length, v.add(first, keys)), 1);
    for (auto [g, sum] : llvm::enumerate(sums))
      store(v.select(isLast, v.div(v.splat(1.0), sum), v.splat(1.0)), normalise,
            static_cast<int64_t>(g));
    block.accumulateQueries(
        weights, block.rowsOf(arguments.buffers[2], heldValues, first), keys,
        arguments.buffers.back(), partial,
        [&](Value row, Value old) {
          Value factor = v.broadcast(v.loadScalar(rescale, {row}));
          return v.select(isFirst, v.splat(0.0), v.mul(old, factor));
        },
        [&](Value row, Value sum) {
          return v.mul(sum, v.broadcast(v.loadScalar(normalise, {row})));
        });
  }

  void store(Value x, Value buffer, int64_t group) {
    v.store(x, buffer, v.index(group * v.lanes()));
  }

  TileBuilder& v;
  const KernelArguments& arguments;
  AttentionBlock block;
  AttentionBlock::Panel panel;  // queries, transposed and scaled
  Value scores, weights;        // [key][query]
  Value heldKeys, heldValues;
  Value rescale;    // of what earlier chunks summed, a query
  Value normalise;  // 1 / sum with the last chunk, else 1
  Value partial;    // sums of the queries, null where the output holds them
};

class AttentionGradientKernel {
 public:
  AttentionGradientKernel(TileBuilder& v, const IsaLevel& level,
                          const AttentionConfig& config,
                          const KernelArguments& arguments)
      : v(v),
        config(config),
        arguments(arguments),
        gradient(arguments.buffers[0]),
        query(arguments.buffers[1]),
        key(arguments.buffers[2]),
        value(arguments.buffers[3]),
        block(v, level, config, arguments, /*segments=*/4),
        groups(block.vectors()),
        queryPanel(block.makePanel(config.scale)),
        gradientPanel(block.makePanel(1.0)),
        scores(block.makeScores()),
        slopes(block.makeScores()),
        weights(block.makeWeights(scores)),
        weightSlopes(block.makeWeights(slopes)),
        heldKeys(block.makeHold()),
        heldValues(block.makeHold()) {}

  void emit() {
    block.forEachBlock(arguments, [&] {
      block.transposeRows(query, queryPanel);
      block.transposeRows(gradient, gradientPanel);
      SmallVector<Value> state = block.splat(kLowest);
      state.append(block.splat(0.0));
      state.append(block.splat(0.0));
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
  void emitScores(Value first, Value keys) {
    block.copyRows({{key, heldKeys}, {value, heldValues}}, first, keys);
    block.multiplyPanel(block.rowsOf(key, heldKeys, first), queryPanel, keys,
                        scores);
    block.multiplyPanel(block.rowsOf(value, heldValues, first), gradientPanel,
                        keys, slopes);
    block.drawWords(first, keys);
  }

  // `carried`: maximum, sum, and sum of p dp of each query so far. Scores
  // become exponentials by the maximum so far.
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
            next[g] = v.add(sums[g], p);
            next[groups + g] = v.fma(p, slope, sums[groups + g]);
            block.storeScores(p, scores, at, g);
          }
          return next;
        });
    state.resize(groups);
    state.append(sums);
    return state;
  }

  // Powers become the weights a, slopes become ds.
  void emitWeights(Value keys, ValueRange statistics) {
    SmallVector<Value> inverse, delta;
    for (int64_t g = 0; g < groups; ++g) {
      inverse.push_back(v.div(v.splat(1.0), statistics[groups + g]));
      delta.push_back(v.mul(statistics[2 * groups + g], inverse[g]));
    }
    block.forEachKey(
        keys, {}, [&](Value at, AttentionBlock::Keep keep, ValueRange) {
          for (int64_t g = 0; g < groups; ++g) {
            Value p = v.mul(block.loadScores(scores, at, g), inverse[g]);
            Value slope = keep(g, block.loadScores(slopes, at, g));
            block.storeScores(keep(g, p), weights, at, g);
            block.storeScores(
                v.mul(v.mul(p, v.sub(slope, delta[g])), v.splat(config.scale)),
                weightSlopes, at, g);
          }
          return SmallVector<Value>{};
        });
  }

  void emitProducts(Value first, Value keys) {
    size_t count = arguments.buffers.size();
    Value queryGradient = arguments.buffers[count - 3];
    Value keyGradient = arguments.buffers[count - 2];
    Value valueGradient = arguments.buffers[count - 1];
    Value isFirst = v.less(first, 1);
    block.accumulateKeys(weights, gradient, first, keys, valueGradient);
    block.accumulateKeys(weightSlopes, query, first, keys, keyGradient);
    block.accumulateQueries(
        weightSlopes, block.rowsOf(key, heldKeys, first), keys, queryGradient,
        /*partial=*/{},
        [&](Value, Value old) { return v.select(isFirst, v.splat(0.0), old); },
        [](Value, Value sum) { return sum; });
  }

  TileBuilder& v;
  const AttentionConfig& config;
  const KernelArguments& arguments;
  Value gradient, query, key, value;
  AttentionBlock block;
  int64_t groups;
  AttentionBlock::Panel queryPanel, gradientPanel;
  Value scores;                 // scaled q k^T, then exponentials, [key][query]
  Value slopes;                 // g v^T, [key][query]
  Value weights, weightSlopes;  // a and ds, [key][query]
  Value heldKeys, heldValues;
};

// A launch of `products` of matrices over pairs of tokens of a sequence, whose
// items are (sequence, head).
template <typename Op>
void launchAttention(
    Op op, OpBuilder& builder, CpuContext& context,
    const AttentionConfig& config, int64_t products, FlopUnit unit,
    llvm::function_ref<void(TileBuilder&, const KernelArguments&)> emit) {
  StringAttr sequences = op.getSegments().getType().getSequences();
  KernelKey key;
  key.add(op);
  ValueRange results = context.launch(
      builder, op, op->getName().stripDialect(), op->getOperands(),
      op->getResultTypes(),
      exec::GridAttr::get(op->getContext(), sequences, 1, config.heads), {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        emit(v, arguments);
      },
      &key);
  StringAttr tokens = op.getSegments().getType().getTokens();
  countFlops(results,
             exec::CostTermAttr::get(op->getContext(),
                                     2 * products * config.heads * config.width,
                                     tokens, /*squares=*/true),
             unit);
  op->replaceAllUsesWith(results);
  op->erase();
}

template <typename Op, typename Kernel, auto emitAmx, int64_t products>
LogicalResult emitAttention(Operation* op, OpBuilder& builder,
                            CpuContext& context) {
  auto attention = cast<Op>(op);
  const IsaLevel& level = context.getLevel();
  AttentionConfig config = AttentionConfig::get(attention, level);
  bool isAmx = isAmxAttention(level, attention);
  launchAttention(attention, builder, context, config, products,
                  isAmx || config.dots ? FlopUnit{kBf16Unit, 1} : FlopUnit{},
                  [&](TileBuilder& v, const KernelArguments& arguments) {
                    if (isAmx)
                      emitAmx(v, level, config, arguments);
                    else
                      Kernel(v, level, config, arguments).emit();
                  });
  return success();
}

// Five products of scores, and seven with rows.
LogicalResult emitSecondGradient(Operation* operation, OpBuilder& builder,
                                 CpuContext& context) {
  auto op = cast<AttentionSecondGradientOp>(operation);
  const IsaLevel& level = context.getLevel();
  AttentionConfig config = AttentionConfig::get(op, level);
  // No kernel of it uses tile registers.
  config.dots = level.hasBf16 && isBf16Attention(op, config.width);
  launchAttention(op, builder, context, config, /*products=*/12,
                  config.dots ? FlopUnit{kBf16Unit, 1} : FlopUnit{},
                  [&](TileBuilder& v, const KernelArguments& arguments) {
                    emitAttentionSecondGradient(v, level, config, arguments);
                  });
  return success();
}

}  // namespace

void populateAttentionEmitters(KernelEmitters& emitters) {
  // Scores and their use.
  emitters["graft.attention"] =
      emitAttention<AttentionOp, AttentionKernel, emitAmxAttention, 2>;
  // The scores again, and the gradients of both products.
  emitters["graft.attention_gradient"] =
      emitAttention<AttentionGradientOp, AttentionGradientKernel,
                    emitAmxAttentionGradient, 5>;
  emitters["graft.attention_second_gradient"] = emitSecondGradient;
}

}  // namespace graft
