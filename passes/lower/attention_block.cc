// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/attention_block.h"

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/MathExtras.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft {

static_assert(AttentionBlock::kKeys == kDropoutBlock);

template <typename Op>
AttentionConfig AttentionConfig::get(Op op) {
  AttentionConfig config;
  config.heads = static_cast<int64_t>(op.getHeads());
  config.width = op.getQuery().getType().getDimSize(1) / config.heads;
  config.scale = op.getScale()
                     ? op.getScale()->convertToDouble()
                     : 1 / std::sqrt(static_cast<double>(config.width));
  config.dropout = op.getDropout().convertToDouble();
  return config;
}

template AttentionConfig AttentionConfig::get(AttentionOp);
template AttentionConfig AttentionConfig::get(AttentionGradientOp);

AttentionBlock::AttentionBlock(TileBuilder& v, const CpuTarget& target,
                               const AttentionConfig& config,
                               const KernelArguments& arguments,
                               unsigned segments)
    : v(v),
      target(target),
      config(config),
      offsets(arguments.buffers[segments]),
      ordinals(arguments.buffers[segments + 1]) {
  if (!hasDropout()) return;
  philox.emplace(v, arguments);
  step = arguments.step;
  words = v.scratch({4 * kDropoutLanes, kQueries}, v.b().getI32Type());
}

SmallVector<Value> AttentionBlock::splat(double value) {
  return SmallVector<Value>(vectors(), v.splat(value));
}

void AttentionBlock::forEachBlock(const KernelArguments& arguments,
                                  llvm::function_ref<void()> body) {
  v.loop(arguments.begin, arguments.end, 1, [&](Value item) {
    Value sequence = v.div(item, config.heads);
    head = v.rem(item, config.heads);
    firstColumn = v.mul(head, config.width);
    start = v.toIndex(v.loadScalar(offsets, {sequence}));
    Value end = v.toIndex(v.loadScalar(offsets, {v.add(sequence, 1)}));
    length = v.sub(end, start);
    if (hasDropout()) ordinal = v.loadScalar(ordinals, {sequence});
    v.loop(v.index(0), length, kQueries, [&](Value first) {
      firstQuery = first;
      queries = v.min(v.index(kQueries), v.sub(length, first));
      body();
    });
  });
}

SmallVector<Value> AttentionBlock::forEachChunk(
    ValueRange inits,
    llvm::function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) {
  return v.loop(v.index(0), length, kKeys, inits,
                [&](Value first, ValueRange carried) {
                  Value keys = v.min(v.index(kKeys), v.sub(length, first));
                  return body(first, keys, carried);
                });
}

SmallVector<Value> AttentionBlock::forEachKey(
    Value keys, ValueRange inits,
    llvm::function_ref<SmallVector<Value>(Value, Keep, ValueRange)> body) {
  if (!hasDropout())
    return v.loop(
        v.index(0), keys, 1, inits, [&](Value at, ValueRange carried) {
          return body(at, [](int64_t, Value x) { return x; }, carried);
        });
  return v.loop(v.index(0), keys, kDropoutLanes, inits,
                [&](Value first, ValueRange outer) {
                  Value count =
                      v.min(v.index(kDropoutLanes), v.sub(keys, first));
                  return v.loop(v.index(0), count, 1, outer,
                                [&](Value lane, ValueRange carried) {
                                  return body(
                                      v.add(first, lane),
                                      [&](int64_t group, Value x) {
                                        return keep(first, lane, group, x);
                                      },
                                      carried);
                                });
                });
}

Value AttentionBlock::keep(Value first, Value lane, int64_t group, Value x) {
  if (!hasDropout()) return x;
  // Sixteen neighbouring keys use the same chunk of sixteen calls. The 16 bits
  // of an element compare as the upper half of a word; what is below them in an
  // odd chunk does not change the order.
  uint32_t threshold = DropoutThreshold(config.dropout);
  Value chunk = v.div(first, kDropoutLanes);
  Value shift =
      v.broadcast(v.toWord(v.sub(v.index(16), v.mul(v.rem(chunk, 2), 16))));
  Value line = v.add(v.mul(lane, 4), v.div(chunk, 2));
  Value drawn = v.load(words, {line, v.index(group * v.lanes())});
  Value kept = v.greaterEqualWord(v.shiftLeftWord(drawn, shift),
                                  v.splatWord(threshold << 16));
  return v.select(kept, v.mul(x, v.splat(DropoutScale(threshold))),
                  v.splat(0.0));
}

void AttentionBlock::drawWords(Value firstKey, Value keys) {
  if (!hasDropout()) return;
  Value firstCall = v.mul(v.div(firstKey, kDropoutBlock), kDropoutLanes);
  Value count = v.min(v.index(kDropoutLanes), keys);
  v.loop(v.index(0), count, 1, [&](Value lane) {
    Value call = v.broadcast(v.toWord(v.add(firstCall, lane)));
    for (int64_t group = 0; group < vectors(); ++group) {
      Value first = v.add(firstQuery, group * v.lanes());
      Value position = v.add(v.broadcast(v.toWord(first)), v.laneNumbers());
      Value row = v.orWord(v.broadcast(v.toWord(v.mul(head, 65536))),
                           v.andWord(position, v.splatWord(0xFFFF)));
      PhiloxBuilder::Words drawn =
          philox->call({call, row, v.broadcast(ordinal), v.broadcast(step)});
      for (int64_t word = 0; word < 4; ++word)
        v.store(drawn[word], words,
                {v.add(v.mul(lane, 4), word), v.index(group * v.lanes())});
    }
  });
}

void AttentionBlock::transposeRows(Value rows, Value panel, double factor) {
  int64_t lanes = v.lanes();
  Value last = v.sub(length, v.index(1));
  for (int64_t group = 0; group < vectors(); ++group) {
    // Rows past the sequence repeat its last one; nothing uses the results.
    SmallVector<Value> rowAt;
    for (int64_t i = 0; i < lanes; ++i)
      rowAt.push_back(
          v.add(start, v.min(v.add(firstQuery, group * lanes + i), last)));
    v.columns(config.width, [&](Value feature, Value mask) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < lanes; ++i)
        square.push_back(v.load(rows, {rowAt[i], column(feature)}, mask));
      v.transpose(square);
      int64_t count = mask ? config.width % lanes : lanes;
      for (int64_t i = 0; i < count; ++i)
        v.store(factor == 1 ? square[i] : v.mul(square[i], v.splat(factor)),
                panel, {v.add(feature, i), v.index(group * lanes)});
    });
  }
}

void AttentionBlock::multiplyPanel(Value rows, Value panel, Value firstKey,
                                   Value keys, Value out) {
  Value first = v.add(start, firstKey);
  ProductAccess access;
  access.lhs = [&](TilePosition row, Value k) {
    return v.loadBroadcast(
        rows, {v.add(v.add(first, row.tile), row.offset), column(k)});
  };
  access.rhs = [&](Value k, TilePosition at, Value) {
    return v.load(panel, {k, v.add(at.tile, at.offset)});
  };
  access.finish = [&](Value row, Value at, Value, Value sum) {
    v.store(sum, out, {row, at});
  };
  emitProduct(v, getTileShape(target, vectors()), keys, kQueries,
              v.index(config.width), access);
}

// Tiles of whole heads up to two vectors wide.
static TileShape getFeatureTile(TileBuilder& v, const CpuTarget& target,
                                int64_t width) {
  int64_t widest = v.lanes() >= 8 ? 2 : 8 / v.lanes();
  int64_t vectors =
      std::min<int64_t>(widest, llvm::divideCeil(width, v.lanes()));
  TileShape tile = getTileShape(target, vectors);
  // Half a block of queries: no remainder in whole blocks.
  if (tile.rows > 8) tile.rows = 8;
  return tile;
}

void AttentionBlock::accumulateQueries(
    Value weights, Value rows, Value firstKey, Value keys, Value output,
    Value partial, llvm::function_ref<Value(Value, Value)> init,
    llvm::function_ref<Value(Value, Value)> finish) {
  Value first = v.add(start, firstKey);
  Value block = v.add(start, firstQuery);
  ProductAccess access;
  access.lhs = [&](TilePosition row, Value k) {
    return v.loadBroadcast(weights, {k, v.add(row.tile, row.offset)});
  };
  access.rhs = [&](Value k, TilePosition at, Value mask) {
    return v.load(rows, {v.add(first, k), column(v.add(at.tile, at.offset))},
                  mask);
  };
  access.init = [&](Value row, Value at, Value mask) {
    Value old = partial ? v.load(partial, {row, at}, mask)
                        : v.load(output, {v.add(block, row), column(at)}, mask);
    return init(row, old);
  };
  access.finish = [&](Value row, Value at, Value mask, Value sum) {
    Value done = finish(row, sum);
    if (partial) v.store(done, partial, {row, at}, mask);
    v.store(done, output, {v.add(block, row), column(at)}, mask);
  };
  emitProduct(v, getFeatureTile(v, target, config.width), queries, config.width,
              keys, access);
}

void AttentionBlock::accumulateKeys(Value weights, Value rows, Value firstKey,
                                    Value keys, Value output) {
  Value first = v.add(start, firstKey);
  Value block = v.add(start, firstQuery);
  Value isFirst = v.less(firstQuery, 1);
  ProductAccess access;
  access.lhs = [&](TilePosition row, Value k) {
    return v.loadBroadcast(weights, {v.add(row.tile, row.offset), k});
  };
  access.rhs = [&](Value k, TilePosition at, Value mask) {
    return v.load(rows, {v.add(block, k), column(v.add(at.tile, at.offset))},
                  mask);
  };
  access.init = [&](Value row, Value at, Value mask) {
    Value old = v.load(output, {v.add(first, row), column(at)}, mask);
    return v.select(isFirst, v.splat(0.0), old);
  };
  access.finish = [&](Value row, Value at, Value mask, Value sum) {
    v.store(sum, output, {v.add(first, row), column(at)}, mask);
  };
  emitProduct(v, getFeatureTile(v, target, config.width), keys, config.width,
              queries, access);
}

}  // namespace graft
