// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What the kernels of attention and of its gradients share: one work item is a
// (sequence, head), taken in blocks of 16 queries and chunks of 128 keys.
//
// Scores are kept transposed, [key][query]: a vector holds queries, so that
// maxima and sums over keys are plain vector operations, and the columns of
// the queries are transposed once a block while keys and values are read row
// by row. The rows of a head lie a row of all heads apart, at addresses that
// share few lines of the first-level cache, so they are copied side by side
// first. Memory beside operands and results is a fixed stack of some 30 KiB and
// of up to 4.1 KiB a feature of the head (1.1 KiB of wide ones), of which short
// texts touch little.
//
// Operands of bf16 are multiplied by dot products of pairs where the target has
// them (dot_gemm.h): pairs of features, of neighbouring queries or of
// neighbouring keys. What the kernel multiplies by is rounded to bf16 first.

#ifndef GRAFT_PASSES_LOWER_CPU_ATTENTION_ATTENTION_BLOCK_H_
#define GRAFT_PASSES_LOWER_CPU_ATTENTION_ATTENTION_BLOCK_H_

#include <optional>

#include "passes/lower/cpu/builder/cpu_context.h"
#include "passes/lower/cpu/builder/random.h"
#include "passes/lower/cpu/builder/tile_builder.h"
#include "passes/lower/cpu/gemm/microkernel.h"

namespace graft {

// Attributes of graft.attention and of its gradients, or those of one map of
// scores.
struct AttentionConfig {
  int64_t heads;
  int64_t width;  // features of a head
  double scale;
  double dropout;
  bool dots;  // products are dot products of pairs of bf16

  template <typename Op>
  static AttentionConfig get(Op op, const IsaLevel& level);
};

// Whether operands are bf16, and rows of heads `width` features wide are whole
// lines of pairs of it.
bool isBf16Attention(mlir::Operation* op, int64_t width);

// Below every score that can occur; finite, so that differences stay numbers.
constexpr double kLowest = -1e30;

class AttentionBlock {
 public:
  using Value = mlir::Value;

  // Queries of a block: a vector at 512 bits, several below.
  static constexpr int64_t kQueries = 16;
  // Keys of a chunk: as many as share one set of random calls.
  static constexpr int64_t kKeys = 128;
  // Keys that are copied once for all blocks of queries, as many as BERT has
  // positions; longer sequences copy each chunk for each block. Of heads that
  // are wider than those of transformers, a chunk.
  static constexpr int64_t kHeld = 512;
  static constexpr int64_t kHeldWidth = 256;

  // `segments` is the first of the three buffers of the segments. Makes the
  // scratch memory: call at the start of the kernel.
  AttentionBlock(TileBuilder& v, const IsaLevel& level,
                 const AttentionConfig& config,
                 const KernelArguments& arguments, unsigned segments);

  // Vectors that hold one value a query of the block.
  int64_t vectors() const { return kQueries / v.lanes(); }
  llvm::SmallVector<Value> splat(double value);
  bool hasDropout() const { return config.dropout > 0; }

  // Runs `body` for each work item of the call, block of queries inside.
  void forEachBlock(const KernelArguments& arguments,
                    llvm::function_ref<void()> body);
  // Stands at the work item and the block of queries of `other`, another map of
  // the same tokens and heads, whose heads may have another width. For blocks
  // without dropout.
  void follow(const AttentionBlock& other);
  // Runs `body(first key, keys)` for each chunk, carrying values.
  llvm::SmallVector<Value> forEachChunk(
      mlir::ValueRange inits,
      llvm::function_ref<llvm::SmallVector<Value>(Value, Value,
                                                  mlir::ValueRange)>
          body);
  // The same for chunks that have been taken before: where there are several,
  // memory holds the last one, and `renew(first key, keys)` computes each again
  // ahead of `body`.
  llvm::SmallVector<Value> forEachChunkAgain(
      mlir::ValueRange inits, llvm::function_ref<void(Value, Value)> renew,
      llvm::function_ref<llvm::SmallVector<Value>(Value, Value,
                                                  mlir::ValueRange)>
          body);
  // Runs `body(key, keep)` for each of the chunk's keys, carrying values.
  // `keep(g, x)` is dropout of the vector x of query group g: kept lanes times
  // the scale, the others zero. Needs the words of the chunk.
  using Keep = llvm::function_ref<Value(int64_t group, Value x)>;
  llvm::SmallVector<Value> forEachKey(
      Value keys, mlir::ValueRange inits,
      llvm::function_ref<llvm::SmallVector<Value>(Value, Keep,
                                                  mlir::ValueRange)>
          body);

  // Dropout of the vector x of query group g, of key `first` + `lane` with
  // `first` a multiple of 16 below `lane`: see Keep.
  Value keep(Value first, Value lane, int64_t group, Value x);

  // Rows of the block [query, feature], to be multiplied by rows of keys.
  struct Panel {
    Value values;   // factor * [feature][query], or pieces of packFeatures
    double factor;  // with pieces, of the products instead
  };
  Panel makePanel(double factor);
  // The panel takes the block's rows of `rows` [T, H].
  void transposeRows(Value rows, const Panel& panel);
  // The block's rows of `rows` [T, H], of bf16, as pairs of features, a piece
  // for 32 of them. Rows past the sequence repeat its last one; nothing uses
  // the results.
  void packFeatures(Value rows, Value pieces);

  // Rows of a chunk of keys: element (i, j) is buffer[row + i, column + j].
  struct Rows {
    Value buffer, row, column;
  };
  // Memory for the rows of a head; null where these are read as they lie,
  // because dot products take pairs of bf16.
  Value makeHold();
  // The rows of `rows` [T, H] of a chunk in `hold`, or as they lie without.
  // `copyRows` is called for a chunk before they are used.
  Rows rowsOf(Value rows, Value hold, Value firstKey);
  struct Copy {
    Value rows, hold;
  };
  void copyRows(llvm::ArrayRef<Copy> copies, Value firstKey, Value keys);

  // out[key][query] (+)= factor * rows of keys times the panel; added to what
  // is there with `adds`.
  void multiplyPanel(const Rows& rows, const Panel& panel, Value keys,
                     Value out, bool adds = false);
  // Random words of the chunk that starts at `firstKey`.
  void drawWords(Value firstKey, Value keys);

  // output rows of the block (+)= transposed weights [key][query] times rows
  // of keys; weights of a memory of makeWeights(). `init` and `finish` as in
  // GemmAccess, on rows of the block. `partial` [kQueries, width] holds the
  // sums between chunks where the output would round them; null where that is
  // f32.
  void accumulateQueries(
      Value weights, const Rows& rows, Value keys, Value output, Value partial,
      llvm::function_ref<Value(Value row, Value old)> init,
      llvm::function_ref<Value(Value row, Value sum)> finish);
  // The same of an output that is f32, in chunks: starts from zero with the
  // first one, unless it `adds` there, too.
  void accumulateQueries(Value weights, const Rows& rows, Value firstKey,
                         Value keys, Value output, bool adds);
  // output rows of the chunk's keys += weights [key][query] times the block's
  // rows of `rows`; starts from zero with the first block of queries, unless it
  // `adds` there, too.
  void accumulateKeys(Value weights, Value rows, Value firstKey, Value keys,
                      Value output, bool adds = false);

  Value makeScores() { return v.scratch({kKeys, kQueries}); }
  // A vector of them, of query group `group`.
  Value loadScores(Value scores, Value key, int64_t group) {
    return v.load(scores, {key, v.index(group * v.lanes())});
  }
  void storeScores(Value x, Value scores, Value key, int64_t group) {
    v.store(x, scores, {key, v.index(group * v.lanes())});
  }
  // The largest score of each query, of the chunk and of `old`.
  llvm::SmallVector<Value> findMaxima(Value scores, Value keys,
                                      mlir::ValueRange old);
  // `carried` has the largest score of each query so far, and sums over keys of
  // multiples of e^(score - largest). Returns both with the chunk's scores
  // among those that the largest is of, but the chunk not yet in the sums.
  llvm::SmallVector<Value> raiseMaxima(Value scores, Value keys,
                                       mlir::ValueRange carried);
  // Scores become e^(score - maximum).
  void emitExponentials(Value scores, Value keys, mlir::ValueRange maxima);
  // Memory of what multiplies rows; that of `scores` where that will do.
  Value makeWeights(Value scores);

  Value sequence, head;  // of the work item
  Value length;          // of the sequence
  Value firstQuery;      // of the block, in the sequence
  Value queries;         // of the block
  Value start;           // of the sequence, a row of the operands
  Value firstColumn;     // of the head

 private:
  // Asks for what the next head reads of this row, as far as the next item is
  // of the same sequence: a head's rows are too short and too far apart for
  // the hardware to see a stream.
  void prefetchNextHead(Value rows, Value row);
  Value column(Value feature) { return v.add(firstColumn, feature); }
  int64_t held() const { return config.width > kHeldWidth ? kKeys : kHeld; }
  // Whether the sequence has more keys than are held.
  Value isLong() { return v.less(v.index(held()), length); }
  // The row at which the chunk from `firstKey` on is held.
  Value heldRow(Value firstKey) {
    return v.select(isLong(), v.index(0), firstKey);
  }
  // sums + `count` rows of `rows` from row `first` on times pieces of
  // packFeatures.
  llvm::SmallVector<Value> addFeatures(const Rows& rows, Value first,
                                       int64_t count, Value pieces,
                                       mlir::ValueRange sums);
  // sums + pairs(row of the tile, pair) times pairs of `rows`, of which there
  // are `count`.
  using PairOf = llvm::function_ref<Value(TilePosition row, Value pair)>;
  llvm::SmallVector<Value> addRowPairs(const AccumulatorTile& tile,
                                       PairOf pairOf, const Rows& rows,
                                       Value count, mlir::ValueRange sums);
  void joinKeys(Value weights, Value keys);

  TileBuilder& v;
  const IsaLevel& level;
  const AttentionConfig& config;
  Value offsets, ordinals;
  std::optional<PhiloxBuilder> philox;  // with dropout
  Value step;
  Value words;     // [16 calls x 4 words][query]
  Value keyPairs;  // weights of two keys for each query, with dot products
  Value ordinal;   // of the sequence
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ATTENTION_ATTENTION_BLOCK_H_
