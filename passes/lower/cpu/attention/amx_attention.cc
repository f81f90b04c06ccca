// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/attention/amx_attention.h"

#include "passes/lower/cpu/builder/amx_registers.h"
#include "passes/lower/cpu/builder/bf16_tile.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kRows = AmxRegisters::kRows;
constexpr int64_t kDepth = AmxRegisters::kDepth;
constexpr int64_t kElements = AmxRegisters::kElements;
constexpr int64_t kQueries = AttentionBlock::kQueries;
constexpr int64_t kKeys = AttentionBlock::kKeys;
static_assert(kQueries == kRows, "a register takes the queries of a block");

// What the kernels of attention and of its gradient share.
class AmxAttention {
 protected:
  AmxAttention(TileBuilder& v, const IsaLevel& level,
               const AttentionConfig& config, const KernelArguments& arguments,
               unsigned segments)
      : v(v),
        config(config),
        arguments(arguments),
        block(v, level, config, arguments, segments),
        registers(v),
        panels(config.width / kRows),
        product(v.scratch({kRows, kRows})) {}

  Value makePieces(int64_t count) {
    return v.flat(v.scratch({count, kElements}, v.b().getBF16Type()));
  }

  // The block's rows of `rows` [T, H] as pairs of rows, a piece for 16 features
  // of which the upper half of the rows is zero.
  void packQueries(Value rows, Value pieces) {
    for (int64_t panel = 0; panel < panels; ++panel) {
      SmallVector<Value> lines;
      for (int64_t i = 0; i < kQueries; i += 2)
        lines.push_back(joinPairs(
            v, loadRow(rows, block.firstQuery, i, block.queries, panel),
            loadRow(rows, block.firstQuery, i + 1, block.queries, panel)));
      Value zero = joinPairs(v, v.splat(0.0), v.splat(0.0));
      lines.append(kQueries / 2, zero);
      storeTile(v, lines, pieces, v.index(panel * kElements));
    }
  }

  // The chunk's rows of `rows` [T, H], transposed: pieces [panel of 16
  // features][32 keys], with zeros in the place of keys past the chunk.
  void packKeys(Value rows, Value first, Value keys, Value pieces) {
    v.loop(v.index(0), keys, kDepth, [&](Value at) {
      Value left = v.sub(keys, at);
      for (int64_t panel = 0; panel < panels; ++panel) {
        SmallVector<Value> lines;
        for (int64_t i = 0; i < kDepth; i += 2)
          lines.push_back(
              joinPairs(v, loadRow(rows, v.add(first, at), i, left, panel),
                        loadRow(rows, v.add(first, at), i + 1, left, panel)));
        transposePairs(v, lines);
        storeTile(v, lines, pieces, keyPiece(panel, at));
      }
    });
  }

  // Runs `pack` if its result is not there from the block of queries before.
  void unlessPacked(llvm::function_ref<void()> pack) {
    v.ifThen(v.orWord(v.less(block.firstQuery, 1),
                      v.less(v.index(kKeys), block.length)),
             pack);
  }

  // Runs `body(first key of the tile)` for tiles of 16 keys, the last one with
  // registers of fewer rows.
  void forEachTile(Value keys, llvm::function_ref<void(Value)> body) {
    Value full = v.mul(v.div(keys, kRows), kRows);
    registers.configure(v.index(kRows), v.index(kRows));
    v.loop(v.index(0), full, kRows, body);
    v.ifThen(v.less(full, keys), [&] {
      Value left = v.sub(keys, full);
      registers.configure(left, left);
      body(full);
      registers.configure(v.index(kRows), v.index(kRows));
    });
  }

  // out[key][query] = the chunk's rows of keys times packed features.
  void multiplyKeys(int64_t i, Value rows, Value first, Value at, Value pieces,
                    Value out) {
    Value row = v.add(v.add(block.start, first), at);
    registers.clearSums(i, i);
    for (int64_t part = 0; part < config.width / kDepth; ++part) {
      registers.loadLhs(i, rows, offsetOf(row, part * kDepth), stride());
      registers.loadRhs(i, pieces, v.index(part * kElements));
      registers.multiply(i, i);
    }
    registers.storeSums(i, i, v.flat(out), v.mul(at, kQueries),
                        v.index(kQueries));
  }

  // Rows of `out` [key][query] past the chunk, as far as pieces go.
  void fillPast(Value keys, Value out, double value) {
    v.loop(keys, padded(keys), 1,
           [&](Value key) { v.store(v.splat(value), out, {key, v.index(0)}); });
  }

  // Runs `body(first key)` for groups of 16 keys, two at least, carrying
  // values.
  SmallVector<Value> forEachGroup(
      Value keys, ValueRange inits,
      llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    return v.loop(v.index(0), padded(keys), kRows, inits, body);
  }

  // The largest of scale * scores of each query.
  Value findHighest(Value scores, Value keys, Value old) {
    SmallVector<Value> chains(4, old);
    chains = forEachGroup(keys, chains, [&](Value first, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t lane = 0; lane < kRows; ++lane)
        next[lane % 4] =
            v.larger(scaled(scores, v.add(first, lane)), next[lane % 4]);
      return next;
    });
    return v.larger(v.larger(chains[0], chains[1]),
                    v.larger(chains[2], chains[3]));
  }

  Value scaled(Value scores, Value key) {
    return v.mul(load(scores, key), v.splat(config.scale));
  }
  Value load(Value scores, Value key) {
    return v.load(scores, {key, v.index(0)});
  }

  // Products of packed keys and pairs of weights of two keys: [feature][query]
  // of a panel, given row by row.
  void multiplyWeights(Value keys, Value pieces, Value weights,
                       llvm::function_ref<void(Value, Value)> take) {
    for (int64_t panel = 0; panel < panels; ++panel) {
      registers.clearSums(0, 0);
      v.loop(v.index(0), keys, kDepth, [&](Value at) {
        registers.loadLhs(0, pieces, keyPiece(panel, at), v.index(kDepth));
        registers.loadRhs(0, weights, v.mul(at, kQueries));
        registers.multiply(0, 0);
      });
      registers.storeSums(0, 0, v.flat(product), v.index(0), v.index(kRows));
      v.loop(v.index(0), v.index(kRows), 1, [&](Value row) {
        take(v.add(row, panel * kRows), v.load(product, {row, v.index(0)}));
      });
    }
  }

  // The block's rows of `output` = transposed sums [feature][query] times
  // `factor`, a vector of queries, or null.
  void storeQueries(Value sums, Value factor, Value output) {
    for (int64_t panel = 0; panel < panels; ++panel) {
      SmallVector<Value> lines;
      for (int64_t i = 0; i < kRows; ++i) {
        Value line = load(sums, v.index(panel * kRows + i));
        lines.push_back(factor ? v.mul(line, factor) : line);
      }
      v.transpose(lines);
      for (int64_t i = 0; i < kQueries; ++i)
        v.ifThen(v.less(v.index(i), block.queries), [&] {
          Value row = v.add(block.start, v.add(block.firstQuery, i));
          v.store(lines[i], output, {row, column(panel * kRows)});
        });
    }
  }

  void storePair(Value even, Value odd, Value pieces, Value key) {
    SmallVector<Value> line{joinPairs(v, even, odd)};
    storeTile(v, line, pieces, v.mul(key, kQueries));
  }

  Value column(int64_t feature) { return v.add(block.firstColumn, feature); }
  Value stride() { return v.index(config.heads * config.width); }
  Value offsetOf(Value row, int64_t feature) {
    return v.add(v.mul(row, stride()), column(feature));
  }
  Value padded(Value keys) {
    return v.mul(v.div(v.add(keys, kDepth - 1), kDepth), kDepth);
  }

  TileBuilder& v;
  const AttentionConfig& config;
  const KernelArguments& arguments;
  AttentionBlock block;
  AmxRegisters registers;
  const int64_t panels;  // of 16 features
  Value product;         // of a register

 private:
  Value keyPiece(int64_t panel, Value at) {
    return v.add(v.mul(at, kRows), panel * (kKeys / kDepth) * kElements);
  }

  // A vector of features of row `first` + `i` of the sequence; zero from `left`
  // on.
  Value loadRow(Value rows, Value first, int64_t i, Value left, int64_t panel) {
    Value mask = v.tailMask(
        v.select(v.less(v.index(i), left), v.index(kRows), v.index(0)));
    Value row = v.add(v.add(block.start, first), i);
    return v.load(rows, {row, column(panel * kRows)}, mask);
  }
};

class ForwardKernel : AmxAttention {
 public:
  ForwardKernel(TileBuilder& v, const IsaLevel& level,
                const AttentionConfig& config, const KernelArguments& arguments)
      : AmxAttention(v, level, config, arguments, /*segments=*/3),
        queries(makePieces(config.width / kDepth)),
        values(makePieces(panels * (kKeys / kDepth))),
        weights(makePieces(kKeys / kDepth)),
        scores(block.makeScores()),
        sums(v.scratch({config.width, kQueries})) {}

  void emit() {
    block.forEachBlock(arguments, [&] {
      block.packFeatures(arguments.buffers[0], queries);
      SmallVector<Value> state{v.splat(kLowest), v.splat(0.0)};
      state = block.forEachChunk(
          state, [&](Value first, Value keys, ValueRange carried) {
            return emitChunk(first, keys, carried);
          });
      storeQueries(sums, v.div(v.splat(1.0), state[1]),
                   arguments.buffers.back());
    });
    registers.release();
  }

 private:
  // `carried`: the maximum and the sum of each query so far.
  SmallVector<Value> emitChunk(Value first, Value keys, ValueRange carried) {
    unlessPacked([&] { packKeys(arguments.buffers[2], first, keys, values); });
    forEachTile(keys, [&](Value at) {
      multiplyKeys(0, arguments.buffers[1], first, at, queries, scores);
    });
    fillPast(keys, scores, kLowest);
    block.drawWords(first, keys);
    Value highest = findHighest(scores, keys, carried[0]);
    Value rescale = v.expNonPositive(v.sub(carried[0], highest));
    SmallVector<Value> chains(4, v.splat(0.0));
    chains[0] = v.mul(carried[1], rescale);
    chains = forEachGroup(keys, chains, [&](Value group, ValueRange carried) {
      SmallVector<Value> next(carried), pair;
      for (int64_t lane = 0; lane < kRows; ++lane) {
        Value key = v.add(group, lane);
        Value p = v.expNonPositive(v.sub(scaled(scores, key), highest));
        next[lane % 4] = v.add(next[lane % 4], p);
        pair.push_back(block.keep(group, v.index(lane), 0, p));
        if (lane % 2)
          storePair(pair[lane - 1], pair[lane], weights,
                    v.sub(key, v.index(1)));
      }
      return next;
    });
    Value isFirst = v.less(first, 1);
    multiplyWeights(keys, values, weights, [&](Value feature, Value sum) {
      Value old = v.mul(load(sums, feature), rescale);
      v.store(v.add(v.select(isFirst, v.splat(0.0), old), sum), sums,
              {feature, v.index(0)});
    });
    return {highest,
            v.add(v.add(chains[0], chains[1]), v.add(chains[2], chains[3]))};
  }

  Value queries;  // pieces of the block
  Value values;   // pieces of the chunk, transposed
  Value weights;  // pieces of the chunk, pairs of keys
  Value scores;   // [key][query]
  Value sums;     // [feature][query]
};

class GradientKernel : AmxAttention {
 public:
  GradientKernel(TileBuilder& v, const IsaLevel& level,
                 const AttentionConfig& config,
                 const KernelArguments& arguments)
      : AmxAttention(v, level, config, arguments, /*segments=*/4),
        gradient(arguments.buffers[0]),
        query(arguments.buffers[1]),
        key(arguments.buffers[2]),
        value(arguments.buffers[3]),
        queryFeatures(makePieces(config.width / kDepth)),
        gradientFeatures(makePieces(config.width / kDepth)),
        queryRows(makePieces(panels)),
        gradientRows(makePieces(panels)),
        keys(makePieces(panels * (kKeys / kDepth))),
        slopePairs(makePieces(kKeys / kDepth)),
        weightRows(makePieces(kKeys / kRows)),
        slopeRows(makePieces(kKeys / kRows)),
        scores(block.makeScores()),
        slopes(block.makeScores()),
        sums(v.scratch({config.width, kQueries})) {}

  void emit() {
    block.forEachBlock(arguments, [&] {
      block.packFeatures(query, queryFeatures);
      block.packFeatures(gradient, gradientFeatures);
      packQueries(query, queryRows);
      packQueries(gradient, gradientRows);
      SmallVector<Value> state{v.splat(kLowest), v.splat(0.0), v.splat(0.0)};
      state = block.forEachChunk(
          state, [&](Value first, Value count, ValueRange carried) {
            emitScores(first, count);
            return emitStatistics(count, carried);
          });
      // One chunk is still there; more must be computed again.
      Value again = v.less(v.index(kKeys), block.length);
      block.forEachChunk({}, [&](Value first, Value count, ValueRange) {
        v.ifThen(again, [&] {
          emitScores(first, count);
          emitExponentials(count, state[0]);
        });
        unlessPacked([&] { packKeys(key, first, count, keys); });
        emitWeights(count, state);
        emitProducts(first, count);
        return SmallVector<Value>{};
      });
      storeQueries(sums, {}, result(0));
    });
    registers.release();
  }

 private:
  void emitScores(Value first, Value count) {
    forEachTile(count, [&](Value at) {
      multiplyKeys(0, key, first, at, queryFeatures, scores);
      multiplyKeys(1, value, first, at, gradientFeatures, slopes);
    });
    fillPast(count, scores, kLowest);
    fillPast(count, slopes, 0.0);
    block.drawWords(first, count);
  }

  // `carried`: maximum, sum, and sum of p dp of each query so far. Scores
  // become exponentials by the maximum so far.
  SmallVector<Value> emitStatistics(Value count, ValueRange carried) {
    Value highest = findHighest(scores, count, carried[0]);
    Value rescale = v.expNonPositive(v.sub(carried[0], highest));
    SmallVector<Value> chains(4, v.splat(0.0));
    chains[0] = v.mul(carried[1], rescale);
    chains[1] = v.mul(carried[2], rescale);
    chains = forEachGroup(count, chains, [&](Value group, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t lane = 0; lane < kRows; ++lane) {
        Value at = v.add(group, lane);
        Value p = v.expNonPositive(v.sub(scaled(scores, at), highest));
        Value slope = block.keep(group, v.index(lane), 0, load(slopes, at));
        int64_t chain = lane % 2 * 2;
        next[chain] = v.add(next[chain], p);
        next[chain + 1] = v.fma(p, slope, next[chain + 1]);
        v.store(p, scores, {at, v.index(0)});
      }
      return next;
    });
    return {highest, v.add(chains[0], chains[2]), v.add(chains[1], chains[3])};
  }

  // Scores become exponentials by the maximum of all keys.
  void emitExponentials(Value count, Value highest) {
    forEachGroup(count, {}, [&](Value group, ValueRange) {
      for (int64_t lane = 0; lane < kRows; ++lane) {
        Value at = v.add(group, lane);
        v.store(v.expNonPositive(v.sub(scaled(scores, at), highest)), scores,
                {at, v.index(0)});
      }
      return SmallVector<Value>{};
    });
  }

  // Rows and pairs of the weights a and of ds.
  void emitWeights(Value count, ValueRange statistics) {
    Value inverse = v.div(v.splat(1.0), statistics[1]);
    Value delta = v.mul(statistics[2], inverse);
    forEachGroup(count, {}, [&](Value group, ValueRange) {
      SmallVector<Value> pair;
      for (int64_t lane = 0; lane < kRows; ++lane) {
        Value at = v.add(group, lane);
        Value p = v.mul(load(scores, at), inverse);
        Value slope = block.keep(group, v.index(lane), 0, load(slopes, at));
        slope = v.mul(v.mul(p, v.sub(slope, delta)), v.splat(config.scale));
        storeRow(block.keep(group, v.index(lane), 0, p), weightRows, at);
        storeRow(slope, slopeRows, at);
        pair.push_back(slope);
        if (lane % 2)
          storePair(pair[lane - 1], pair[lane], slopePairs,
                    v.sub(at, v.index(1)));
      }
      return SmallVector<Value>{};
    });
  }

  // Of a register's 32 of k a block of queries has 16.
  void storeRow(Value row, Value rows, Value at) {
    storeTile(v, joinHalves(v, row, v.splat(0.0)), rows, v.mul(at, kDepth));
  }

  void emitProducts(Value first, Value count) {
    forEachTile(count, [&](Value at) {
      for (int64_t panel = 0; panel < panels; ++panel)
        emitKeyGradients(first, at, panel);
    });
    Value isFirst = v.less(first, 1);
    multiplyWeights(count, keys, slopePairs, [&](Value feature, Value sum) {
      Value old = v.select(isFirst, v.splat(0.0), load(sums, feature));
      v.store(v.add(old, sum), sums, {feature, v.index(0)});
    });
  }

  // 16 rows of the gradients of values and keys, and 16 of their features.
  void emitKeyGradients(Value first, Value at, int64_t panel) {
    Value row = v.add(v.add(block.start, first), at);
    Value offset = offsetOf(row, panel * kRows);
    Value isFirst = v.less(block.firstQuery, 1);
    Value valueGradient = v.flat(result(2)), keyGradient = v.flat(result(1));
    v.ifThen(isFirst, [&] {
      registers.clearSums(0, 0);
      registers.clearSums(1, 1);
    });
    v.ifThen(v.less(v.index(0), block.firstQuery), [&] {
      registers.loadSums(0, 0, valueGradient, offset, stride());
      registers.loadSums(1, 1, keyGradient, offset, stride());
    });
    registers.loadLhs(0, weightRows, v.mul(at, kDepth), v.index(kDepth));
    registers.loadLhs(1, slopeRows, v.mul(at, kDepth), v.index(kDepth));
    registers.loadRhs(0, gradientRows, v.index(panel * kElements));
    registers.loadRhs(1, queryRows, v.index(panel * kElements));
    registers.multiply(0, 0);
    registers.multiply(1, 1);
    registers.storeSums(0, 0, valueGradient, offset, stride());
    registers.storeSums(1, 1, keyGradient, offset, stride());
  }

  // The gradients of query, key and value.
  Value result(size_t which) {
    return arguments.buffers[arguments.buffers.size() - 3 + which];
  }

  Value gradient, query, key, value;
  Value queryFeatures, gradientFeatures;  // pieces of the block, for scores
  Value queryRows, gradientRows;          // pieces of the block, pairs of rows
  Value keys;                             // pieces of the chunk, transposed
  Value slopePairs;                       // pieces of the chunk, pairs of keys
  Value weightRows, slopeRows;            // [key][32], of which queries are 16
  Value scores, slopes;  // [key][query]; scores, then exponentials
  Value sums;            // gradient of the queries, [feature][query]
};

// Whether registers take the rows of a head, and products are of bf16.
template <typename Op>
bool fits(const IsaLevel& level, Op op) {
  return level.hasAmx &&
         isBf16Attention(op, AttentionConfig::get(op, level).width);
}

}  // namespace

bool isAmxAttention(const IsaLevel& level, AttentionOp op) {
  return fits(level, op);
}

bool isAmxAttention(const IsaLevel& level, AttentionGradientOp op) {
  // Gradients of keys are summed where they are stored.
  return fits(level, op) && llvm::all_of(op->getResultTypes(), [](Type type) {
           return getElementTypeOrSelf(type).isF32();
         });
}

void emitAmxAttention(TileBuilder& v, const IsaLevel& level,
                      const AttentionConfig& config,
                      const KernelArguments& arguments) {
  ForwardKernel(v, level, config, arguments).emit();
}

void emitAmxAttentionGradient(TileBuilder& v, const IsaLevel& level,
                              const AttentionConfig& config,
                              const KernelArguments& arguments) {
  GradientKernel(v, level, config, arguments).emit();
}

}  // namespace graft
