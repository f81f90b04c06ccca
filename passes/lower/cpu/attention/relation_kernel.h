// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What the kernels of graft.relation_divergence and of its gradients share: two
// maps of scores of the same tokens, in the blocks of attention.

#ifndef GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_KERNEL_H_
#define GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_KERNEL_H_

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/attention/attention_block.h"

namespace graft {

// What the kernels take from each op.
struct RelationConfig {
  DivergenceKind kind;
  AttentionConfig map, target;

  bool isKl() const { return kind == DivergenceKind::kl; }

  template <typename Op>
  static RelationConfig get(Op op) {
    auto heads = static_cast<int64_t>(op.getHeads());
    auto configOf = [&](mlir::RankedTensorType rows) {
      int64_t width = rows.getDimSize(1) / heads;
      return AttentionConfig{heads, width,
                             1 / std::sqrt(static_cast<double>(width)),
                             /*dropout=*/0, /*dots=*/false};
    };
    return {op.getKind(), configOf(op.getQuery().getType()),
            configOf(op.getTargetQuery().getType())};
  }
};

// What the kernels share: the scores of both maps.
class RelationKernel {
 protected:
  using Value = mlir::Value;

  RelationKernel(TileBuilder& v, const IsaLevel& level,
                 const RelationConfig& config, const KernelArguments& arguments,
                 unsigned query)
      : v(v),
        config(config),
        arguments(arguments),
        maps{makeMap(level, config.map, query, query + 4),
             makeMap(level, config.target, query + 2, query + 4)},
        groups(block().vectors()) {}

  // One of both maps of scores.
  struct Map {
    AttentionBlock block;
    Value query, key;
    AttentionBlock::Panel panel;  // queries, transposed and scaled
    Value scores;                 // [key][query]
    Value heldKeys;
  };

  // The map that learns, whose block says where both stand.
  AttentionBlock& block() { return maps[0].block; }

  // Runs `body` for each block of queries, whose columns are transposed.
  void forEachBlock(llvm::function_ref<void()> body) {
    block().forEachBlock(arguments, [&] {
      maps[1].block.follow(block());
      for (Map& map : maps) map.block.transposeRows(map.query, map.panel);
      body();
    });
  }

  void emitScores(Value first, Value keys) {
    for (Map& map : maps) {
      map.block.copyRows({{map.key, map.heldKeys}}, first, keys);
      map.block.multiplyPanel(map.block.rowsOf(map.key, map.heldKeys, first),
                              map.panel, keys, map.scores);
    }
  }

  // The largest score of each query, of both maps one after the other.
  llvm::SmallVector<Value> findHighest(Value keys, mlir::ValueRange old) {
    return v.loop(
        v.index(0), keys, 1, old, [&](Value at, mlir::ValueRange highest) {
          llvm::SmallVector<Value> next;
          for (size_t m = 0; m < 2; ++m)
            for (int64_t g = 0; g < groups; ++g)
              next.push_back(v.larger(load(m, at, g), highest[m * groups + g]));
          return next;
        });
  }

  // e^(score - highest) of the keys, in the place of the scores.
  void emitExponentials(Value keys, mlir::ValueRange highest) {
    v.loop(v.index(0), keys, 1, [&](Value at) {
      for (size_t m = 0; m < 2; ++m)
        for (int64_t g = 0; g < groups; ++g)
          store(
              v.expNonPositive(v.sub(load(m, at, g), highest[m * groups + g])),
              m, at, g);
    });
  }

  // The share of a head in the loss of a row, or of a pair, times `factor`.
  Value divideByCount(Value factor) {
    Value length = v.toFloat(block().length);
    Value heads = v.scalar(static_cast<double>(config.map.heads));
    Value share = v.div(factor, v.mul(heads, length));
    return config.isKl() ? share : v.div(share, length);
  }

  // Adds the losses of the block's rows, and writes their sum with the last
  // block to `output` [S, N]. Lanes past the sequence repeat its last row.
  // `total` [kQueries] holds the sums of the blocks so far.
  void addRows(mlir::ValueRange losses, Value total, Value output) {
    Value isFirst = v.less(block().firstQuery, 1);
    llvm::SmallVector<Value> sums;
    for (int64_t g = 0; g < groups; ++g) {
      Value at = v.index(g * v.lanes());
      Value mask = v.tailMask(v.sub(block().queries, at));
      Value old = v.select(isFirst, v.splat(0.0), v.load(total, at));
      sums.push_back(v.add(old, v.select(mask, losses[g], v.splat(0.0))));
      v.store(sums.back(), total, at);
    }
    Value end = v.add(block().firstQuery, block().queries);
    Value isLast = v.less(v.sub(block().length, end), 1);
    v.ifThen(isLast, [&] {
      Value sum = sums[0];
      for (int64_t g = 1; g < groups; ++g) sum = v.add(sum, sums[g]);
      v.storeScalar(divideByCount(v.sumLanes(sum)), output,
                    {block().sequence, block().head});
    });
  }

  Value load(size_t map, Value key, int64_t group) {
    return block().loadScores(maps[map].scores, key, group);
  }
  void store(Value x, size_t map, Value key, int64_t group) {
    block().storeScores(x, maps[map].scores, key, group);
  }

  TileBuilder& v;
  const RelationConfig& config;
  const KernelArguments& arguments;
  Map maps[2];  // what learns, and the target
  const int64_t groups;

 private:
  Map makeMap(const IsaLevel& level, const AttentionConfig& map, unsigned query,
              unsigned segments) {
    AttentionBlock block(v, level, map, arguments, segments);
    AttentionBlock::Panel panel = block.makePanel(map.scale);
    Value scores = block.makeScores(), heldKeys = block.makeHold();
    return {std::move(block),
            arguments.buffers[query],
            arguments.buffers[query + 1],
            panel,
            scores,
            heldKeys};
  }
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_KERNEL_H_
