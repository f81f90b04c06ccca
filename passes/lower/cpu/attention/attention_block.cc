// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/attention/attention_block.h"

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/builder/bf16_tile.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft {

static_assert(AttentionBlock::kKeys == kDropoutBlock);

bool isBf16Attention(Operation* op, int64_t width) {
  return width % Bf16Tile::kDepth == 0 &&
         llvm::all_of(op->getOperandTypes(), [](Type type) {
           return isa<SegmentsType>(type) ||
                  getElementTypeOrSelf(type).isBF16();
         });
}

template <typename Op>
AttentionConfig AttentionConfig::get(Op op, const IsaLevel& level) {
  AttentionConfig config;
  config.heads = static_cast<int64_t>(op.getHeads());
  config.width = op.getQuery().getType().getDimSize(1) / config.heads;
  config.scale = op.getScale()
                     ? op.getScale()->convertToDouble()
                     : 1 / std::sqrt(static_cast<double>(config.width));
  config.dropout = op.getDropout().convertToDouble();
  config.dots =
      level.hasBf16 && !level.hasAmx && isBf16Attention(op, config.width);
  return config;
}

template AttentionConfig AttentionConfig::get(AttentionOp, const IsaLevel&);
template AttentionConfig AttentionConfig::get(AttentionGradientOp,
                                              const IsaLevel&);
template AttentionConfig AttentionConfig::get(AttentionSecondGradientOp,
                                              const IsaLevel&);

AttentionBlock::AttentionBlock(TileBuilder& v, const IsaLevel& level,
                               const AttentionConfig& config,
                               const KernelArguments& arguments,
                               unsigned segments)
    : v(v),
      level(level),
      config(config),
      offsets(arguments.buffers[segments]),
      ordinals(arguments.buffers[segments + 1]) {
  if (config.dots)
    keyPairs =
        v.flat(v.scratch({kKeys / 2, Bf16Tile::kDepth}, v.b().getBF16Type()));
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
    sequence = v.div(item, config.heads);
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

void AttentionBlock::follow(const AttentionBlock& other) {
  length = other.length;
  firstQuery = other.firstQuery;
  queries = other.queries;
  start = other.start;
  sequence = other.sequence;
  head = other.head;
  firstColumn = v.mul(head, config.width);
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

SmallVector<Value> AttentionBlock::forEachChunkAgain(
    ValueRange inits, llvm::function_ref<void(Value, Value)> renew,
    llvm::function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) {
  Value several = v.less(v.index(kKeys), length);
  return forEachChunk(inits, [&](Value first, Value keys, ValueRange carried) {
    v.ifThen(several, [&] { renew(first, keys); });
    return body(first, keys, carried);
  });
}

SmallVector<Value> AttentionBlock::findMaxima(Value scores, Value keys,
                                              ValueRange old) {
  return v.loop(v.index(0), keys, 1, old, [&](Value key, ValueRange highest) {
    SmallVector<Value> next;
    for (int64_t g = 0; g < vectors(); ++g)
      next.push_back(v.larger(loadScores(scores, key, g), highest[g]));
    return next;
  });
}

SmallVector<Value> AttentionBlock::raiseMaxima(Value scores, Value keys,
                                               ValueRange carried) {
  const auto groups = static_cast<size_t>(vectors());
  ValueRange old = carried.take_front(groups);
  SmallVector<Value> state = findMaxima(scores, keys, old);
  for (size_t i = groups; i < carried.size(); ++i) {
    size_t g = i % groups;
    state.push_back(
        v.mul(carried[i], v.expNonPositive(v.sub(old[g], state[g]))));
  }
  return state;
}

void AttentionBlock::emitExponentials(Value scores, Value keys,
                                      ValueRange maxima) {
  v.loop(v.index(0), keys, 1, [&](Value key) {
    for (int64_t g = 0; g < vectors(); ++g) {
      Value x = loadScores(scores, key, g);
      storeScores(v.expNonPositive(v.sub(x, maxima[g])), scores, key, g);
    }
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

static Value scaled(TileBuilder& v, Value x, double factor) {
  return factor == 1 ? x : v.mul(x, v.splat(factor));
}

AttentionBlock::Panel AttentionBlock::makePanel(double factor) {
  if (config.dots)
    return {v.flat(v.scratch({config.width / 2, 2 * kQueries},
                             v.b().getBF16Type())),
            factor};
  return {v.scratch({config.width, kQueries}), factor};
}

Value AttentionBlock::makeWeights(Value scores) {
  return config.dots ? v.scratch({kKeys, kQueries}, v.b().getBF16Type())
                     : scores;
}

void AttentionBlock::packFeatures(Value rows, Value pieces) {
  Value last = v.sub(length, v.index(1));
  for (int64_t part = 0; part < config.width / Bf16Tile::kDepth; ++part) {
    SmallVector<Value> lines;
    for (int64_t i = 0; i < kQueries; ++i) {
      Value at = v.add(start, v.min(v.add(firstQuery, i), last));
      lines.push_back(
          loadPairs(v, rows, at, column(v.index(part * Bf16Tile::kDepth))));
    }
    transposePairs(v, lines);
    storeTile(v, lines, pieces, v.index(part * Bf16Tile::kElements));
  }
}

SmallVector<Value> AttentionBlock::addFeatures(const Rows& rows, Value first,
                                               int64_t count, Value pieces,
                                               ValueRange sums) {
  Value row = v.add(rows.row, first);
  return v.loop(v.index(0), v.index(config.width), 2, sums,
                [&](Value feature, ValueRange carried) -> SmallVector<Value> {
                  Value line = loadLine(v, pieces, v.mul(feature, kQueries));
                  SmallVector<Value> next;
                  for (int64_t i = 0; i < count; ++i) {
                    Value pair = broadcastPair(
                        v, rows.buffer,
                        {v.add(row, i), v.add(rows.column, feature)});
                    next.push_back(dotPairs(v, carried[i], pair, line));
                  }
                  return next;
                });
}

SmallVector<Value> AttentionBlock::addRowPairs(const AccumulatorTile& tile,
                                               PairOf pairOf, const Rows& rows,
                                               Value count, ValueRange sums) {
  const TileColumns& columns = tile.columns;
  auto add = [&](Value pair, bool isLast, ValueRange carried) {
    Value row = v.add(rows.row, v.mul(pair, 2));
    SmallVector<Value> lines, next;
    for (int64_t j = 0; j < columns.vectors; ++j) {
      Value at = v.add(rows.column, v.add(columns.first, j * v.lanes()));
      lines.push_back(joinRows(v, rows.buffer, row, at, /*hasSecond=*/!isLast));
    }
    for (int64_t i = 0; i < tile.rows; ++i) {
      Value factor = pairOf({tile.row, i}, pair);
      for (int64_t j = 0; j < columns.vectors; ++j)
        next.push_back(
            dotPairs(v, carried[i * columns.vectors + j], factor, lines[j]));
    }
    return next;
  };
  Value whole = v.div(count, 2);
  SmallVector<Value> all =
      v.loop(v.index(0), whole, 1, sums, [&](Value pair, ValueRange carried) {
        return add(pair, /*isLast=*/false, carried);
      });
  // One row is left, or none.
  return v.loop(whole, v.div(v.add(count, 1), 2), 1, all,
                [&](Value pair, ValueRange carried) {
                  return add(pair, /*isLast=*/true, carried);
                });
}

// keyPairs[pair of keys][query] = weights of both, zero past the last key.
void AttentionBlock::joinKeys(Value weights, Value keys) {
  Value whole = v.div(keys, 2);
  auto join = [&](Value pair, bool hasSecond) {
    Value line = joinRows(v, weights, v.mul(pair, 2), v.index(0), hasSecond);
    storeLine(v, line, keyPairs, v.mul(pair, Bf16Tile::kDepth));
  };
  v.loop(v.index(0), whole, 1, [&](Value pair) { join(pair, true); });
  v.ifThen(v.less(v.mul(whole, 2), keys), [&] { join(whole, false); });
}

void AttentionBlock::prefetchNextHead(Value rows, Value row) {
  unsigned bits = cast<MemRefType>(rows.getType()).getElementTypeBitWidth();
  constexpr int64_t kLineBits = 512;
  int64_t line = kLineBits / bits;
  // The hardware sees a stream in what is longer.
  int64_t end = std::min(config.width, kHeldWidth);
  for (int64_t at = 0; at < end; at += line)
    v.prefetchSecond(rows, {row, column(v.index(config.width + at))});
}

void AttentionBlock::transposeRows(Value rows, const Panel& panel) {
  if (config.dots) return packFeatures(rows, panel.values);
  int64_t lanes = v.lanes();
  Value last = v.sub(length, v.index(1));
  for (int64_t group = 0; group < vectors(); ++group) {
    // Rows past the sequence repeat its last one; nothing uses the results.
    SmallVector<Value> rowAt;
    for (int64_t i = 0; i < lanes; ++i)
      rowAt.push_back(
          v.add(start, v.min(v.add(firstQuery, group * lanes + i), last)));
    for (Value row : rowAt) prefetchNextHead(rows, row);
    v.columns(config.width, [&](Value feature, Value mask) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < lanes; ++i)
        square.push_back(v.load(rows, {rowAt[i], column(feature)}, mask));
      v.transpose(square);
      int64_t count = mask ? config.width % lanes : lanes;
      for (int64_t i = 0; i < count; ++i)
        v.store(scaled(v, square[i], panel.factor), panel.values,
                {v.add(feature, i), v.index(group * lanes)});
    });
  }
}

Value AttentionBlock::makeHold() {
  return config.dots ? Value() : v.scratch({held(), config.width});
}

AttentionBlock::Rows AttentionBlock::rowsOf(Value rows, Value hold,
                                            Value firstKey) {
  if (!hold) return {rows, v.add(start, firstKey), firstColumn};
  return {hold, heldRow(firstKey), v.index(0)};
}

void AttentionBlock::copyRows(ArrayRef<Copy> copies, Value firstKey,
                              Value keys) {
  if (!copies[0].hold) return;
  Value first = v.add(start, firstKey);
  Value to = heldRow(firstKey);
  // Once a head, or again where the memory holds another chunk now.
  v.ifThen(v.orWord(v.less(firstQuery, 1), isLong()), [&] {
    v.loop(v.index(0), keys, 1, [&](Value key) {
      Value from = v.add(first, key);
      for (const Copy& copy : copies) prefetchNextHead(copy.rows, from);
      v.columns(config.width, [&](Value feature, Value mask) {
        for (const Copy& copy : copies) {
          Value piece = v.load(copy.rows, {from, column(feature)}, mask);
          v.store(piece, copy.hold, {v.add(to, key), feature}, mask);
        }
      });
    });
  });
}

void AttentionBlock::multiplyPanel(const Rows& rows, const Panel& panel,
                                   Value keys, Value out, bool adds) {
  GemmAccess access;
  if (config.dots)
    access.accumulate = [&](const AccumulatorTile& tile,
                            SmallVector<Value> sums) {
      return addFeatures(rows, tile.row, tile.rows, panel.values, sums);
    };
  access.lhs = [&](TilePosition row, Value k) {
    return v.loadBroadcast(
        rows.buffer,
        {v.add(v.add(rows.row, row.tile), row.offset), v.add(rows.column, k)});
  };
  access.rhs = [&](Value k, TilePosition at, Value) {
    return v.load(panel.values, {k, v.add(at.tile, at.offset)});
  };
  access.finish = [&](Value row, Value at, Value, Value sum) {
    if (config.dots) sum = scaled(v, sum, panel.factor);
    if (adds) sum = v.add(v.load(out, {row, at}), sum);
    v.store(sum, out, {row, at});
  };
  emitMicrokernel(v, getTileShape(level, vectors()), keys, kQueries,
                  v.index(config.width), access);
}

// Tiles of whole heads up to two vectors wide.
static TileShape getFeatureTile(TileBuilder& v, const IsaLevel& level,
                                int64_t width) {
  int64_t widest = v.lanes() >= 8 ? 2 : 8 / v.lanes();
  int64_t vectors =
      std::min<int64_t>(widest, llvm::divideCeil(width, v.lanes()));
  TileShape tile = getTileShape(level, vectors);
  // Half a block of queries: no remainder in whole blocks.
  if (tile.rows > 8) tile.rows = 8;
  return tile;
}

void AttentionBlock::accumulateQueries(
    Value weights, const Rows& rows, Value keys, Value output, Value partial,
    llvm::function_ref<Value(Value, Value)> init,
    llvm::function_ref<Value(Value, Value)> finish) {
  Value block = v.add(start, firstQuery);
  GemmAccess access;
  if (config.dots) {
    joinKeys(weights, keys);
    access.accumulate = [&](const AccumulatorTile& tile,
                            SmallVector<Value> sums) {
      auto pairOf = [&](TilePosition row, Value pair) {
        Value query = v.add(row.tile, row.offset);
        return broadcastPair(
            v, keyPairs,
            {v.add(v.mul(pair, Bf16Tile::kDepth), v.mul(query, 2))});
      };
      return addRowPairs(tile, pairOf, rows, keys, sums);
    };
  }
  access.lhs = [&](TilePosition row, Value k) {
    return v.loadBroadcast(weights, {k, v.add(row.tile, row.offset)});
  };
  access.rhs = [&](Value k, TilePosition at, Value mask) {
    return v.load(
        rows.buffer,
        {v.add(rows.row, k), v.add(rows.column, v.add(at.tile, at.offset))},
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
  emitMicrokernel(v, getFeatureTile(v, level, config.width), queries,
                  config.width, keys, access);
}

void AttentionBlock::accumulateQueries(Value weights, const Rows& rows,
                                       Value firstKey, Value keys, Value output,
                                       bool adds) {
  Value isFirst = v.less(firstKey, 1);
  accumulateQueries(
      weights, rows, keys, output, /*partial=*/{},
      [&](Value, Value old) {
        return adds ? old : v.select(isFirst, v.splat(0.0), old);
      },
      [](Value, Value sum) { return sum; });
}

void AttentionBlock::accumulateKeys(Value weights, Value rows, Value firstKey,
                                    Value keys, Value output, bool adds) {
  Value first = v.add(start, firstKey);
  Value block = v.add(start, firstQuery);
  Value isFirst = v.less(firstQuery, 1);
  GemmAccess access;
  if (config.dots)
    access.accumulate = [&](const AccumulatorTile& tile,
                            SmallVector<Value> sums) {
      auto pairOf = [&](TilePosition row, Value pair) {
        return broadcastPair(v, weights,
                             {v.add(row.tile, row.offset), v.mul(pair, 2)});
      };
      return addRowPairs(tile, pairOf, {rows, block, firstColumn}, queries,
                         sums);
    };
  access.lhs = [&](TilePosition row, Value k) {
    return v.loadBroadcast(weights, {v.add(row.tile, row.offset), k});
  };
  access.rhs = [&](Value k, TilePosition at, Value mask) {
    return v.load(rows, {v.add(block, k), column(v.add(at.tile, at.offset))},
                  mask);
  };
  access.init = [&](Value row, Value at, Value mask) {
    Value old = v.load(output, {v.add(first, row), column(at)}, mask);
    return adds ? old : v.select(isFirst, v.splat(0.0), old);
  };
  access.finish = [&](Value row, Value at, Value mask, Value sum) {
    v.store(sum, output, {v.add(first, row), column(at)}, mask);
  };
  emitMicrokernel(v, getFeatureTile(v, level, config.width), keys, config.width,
                  queries, access);
}

}  // namespace graft
