// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels that move rows: tables (embedding and its gradient, gather,
// scatter_add) and sequences (positions, pooling and its gradient).
//
// Where rows are added into rows that an index chooses, a work item owns a
// range of columns and takes the rows in ascending order: no two items touch
// one element, and the order of a sum is that of the rows.

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/builder/tile_builder.h"
#include "passes/lower/cpu/emitters.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

// Rows, columns and sequences that a work item takes.
constexpr int64_t kRows = 16;
constexpr int64_t kColumns = 64;
constexpr int64_t kSequences = 4;
constexpr int64_t kPositions = 1024;

using KernelBody =
    llvm::function_ref<void(TileBuilder&, const KernelArguments&)>;

LogicalResult checkMatrix(Operation* op, Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  if (!type.isDynamicDim(1)) return success();
  return op->emitOpError("expects rows of static width for CPU kernels, got ")
         << type;
}

// The same of a result that holds sums while more is added to them.
LogicalResult checkSums(Operation* op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.getElementType().isF32()) return checkMatrix(op, op->getResult(0));
  return op->emitOpError("expects f32 sums for CPU kernels, got ") << type;
}

ValueRange launch(Operation* op, OpBuilder& builder, CpuContext& context,
                  exec::GridAttr grid, ArrayRef<int64_t> ties,
                  KernelBody emit) {
  ValueRange results = context.launch(
      builder, op, op->getName().stripDialect(), op->getOperands(),
      op->getResultTypes(), grid, ties,
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        emit(v, arguments);
      });
  op->replaceAllUsesWith(results);
  op->erase();
  return results;
}

// A table of fewer rows stays in a cache, however often its rows are read.
constexpr int64_t kCachedRows = 1024;

// Tables of which `launch` touches rows, as many as `rows` has.
void countTables(ValueRange launch, ValueRange tables, Value rows) {
  auto type = cast<RankedTensorType>(tables.front().getType());
  if (!type.isDynamicDim(0) && type.getDimSize(0) >= kCachedRows)
    countRows(launch, tables, rows);
}

// Runs `body` for each of the units [0, count) that the call's items hold,
// `block` of them an item.
void forEachUnit(TileBuilder& v, const KernelArguments& arguments, Value count,
                 int64_t block, llvm::function_ref<void(Value)> body) {
  Value last = v.min(v.mul(arguments.end, block), count);
  v.loop(v.mul(arguments.begin, block), last, 1, body);
}

// output[r] = table[indices[r]].
LogicalResult emitRowCopies(Operation* op, OpBuilder& builder,
                            CpuContext& context, Value indices, Value table) {
  if (failed(checkMatrix(op, table))) return failure();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Dim rows = getDim(type, 0);
  unsigned indexBuffer = indices == op->getOperand(0) ? 0 : 1;
  ValueRange results = launch(
      op, builder, context, getGrid(op->getContext(), rows, kRows), {},
      [&](TileBuilder& v, const KernelArguments& arguments) {
        Value ids = arguments.buffers[indexBuffer];
        Value source = arguments.buffers[1 - indexBuffer];
        forEachUnit(v, arguments, getSize(v, rows, arguments), kRows,
                    [&](Value row) {
                      Value id = v.toIndex(v.loadScalar(ids, {row}));
                      v.columns(type.getDimSize(1), [&](Value c, Value m) {
                        v.store(v.load(source, {id, c}, m),
                                arguments.buffers[2], {row, c}, m);
                      });
                    });
      });
  countTables(results, table, results[0]);
  return success();
}

LogicalResult emitEmbedding(Operation* op, OpBuilder& builder,
                            CpuContext& context) {
  auto embedding = cast<EmbeddingOp>(op);
  return emitRowCopies(op, builder, context, embedding.getIds(),
                       embedding.getTable());
}

LogicalResult emitGather(Operation* op, OpBuilder& builder,
                         CpuContext& context) {
  auto gather = cast<GatherOp>(op);
  return emitRowCopies(op, builder, context, gather.getIndices(),
                       gather.getInput());
}

// Adds rows of `updates` to the rows of `output` that `ids` name, in ascending
// order, for the columns from `first` on.
void addRows(TileBuilder& v, Value ids, Value updates, Value output,
             Value count, Value first, int64_t width) {
  v.loop(v.index(0), count, 1, [&](Value row) {
    Value id = v.toIndex(v.loadScalar(ids, {row}));
    v.columns(first, kColumns, width, [&](Value c, Value m) {
      Value sum =
          v.add(v.load(output, {id, c}, m), v.load(updates, {row, c}, m));
      v.store(sum, output, {id, c}, m);
    });
  });
}

exec::GridAttr getColumnGrid(Operation* op, int64_t width) {
  return exec::GridAttr::get(op->getContext(), {}, 1,
                             llvm::divideCeil(width, kColumns));
}

// Fills columns [first, first + kColumns) of the rows of `output` with those of
// `source`, unless they are the same memory, or with zeros without a source.
void fillRows(TileBuilder& v, Value source, Value output, Value count,
              Value first, int64_t width) {
  auto fill = [&] {
    v.loop(v.index(0), count, 1, [&](Value row) {
      v.columns(first, kColumns, width, [&](Value c, Value m) {
        v.store(source ? v.load(source, {row, c}, m) : v.splat(0.0), output,
                {row, c}, m);
      });
    });
  };
  if (!source) return fill();
  v.ifThen(v.differ(source, output), fill);
}

LogicalResult emitEmbeddingGradient(Operation* op, OpBuilder& builder,
                                    CpuContext& context) {
  auto embedding = cast<EmbeddingGradientOp>(op);
  if (failed(checkSums(op))) return failure();
  Dim tokens = getDim(embedding.getGradient().getType(), 0);
  int64_t height = embedding.getOutput().getType().getDimSize(0);
  int64_t width = embedding.getOutput().getType().getDimSize(1);
  // With an addend in place, no more of the table is touched than the rows of
  // the tokens.
  Addend addend = findAddend(op);
  SmallVector<Value> operands = llvm::to_vector(op->getOperands());
  SmallVector<int64_t> ties;
  if (addend) {
    ties = {0, static_cast<int64_t>(operands.size())};
    operands.push_back(addend.value);
  }
  ValueRange results = context.launch(
      builder, op, addend ? "embedding_gradient_add" : "embedding_gradient",
      operands, op->getResultTypes(), getColumnGrid(op, width), ties,
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        Value output = arguments.buffers.back();
        Value count = getSize(v, tokens, arguments);
        v.loop(arguments.begin, arguments.end, 1, [&](Value item) {
          Value first = v.mul(item, kColumns);
          fillRows(v, addend ? arguments.buffers[2] : Value(), output,
                   v.index(height), first, width);
          addRows(v, arguments.buffers[0], arguments.buffers[1], output, count,
                  first, width);
        });
      });
  if (addend)
    countTables(results, {addend.value, results[0]}, embedding.getGradient());
  replaceWithSum(op, addend, results[0]);
  return success();
}

LogicalResult emitScatterAdd(Operation* op, OpBuilder& builder,
                             CpuContext& context) {
  auto scatter = cast<ScatterAddOp>(op);
  if (failed(checkSums(op))) return failure();
  Dim rows = getDim(scatter.getInput().getType(), 0);
  Dim updates = getDim(scatter.getUpdates().getType(), 0);
  int64_t width = scatter.getInput().getType().getDimSize(1);
  launch(op, builder, context, getColumnGrid(op, width), {0, 0},
         [&](TileBuilder& v, const KernelArguments& arguments) {
           Value input = arguments.buffers[0], output = arguments.buffers[3];
           v.loop(arguments.begin, arguments.end, 1, [&](Value item) {
             Value first = v.mul(item, kColumns);
             fillRows(v, input, output, getSize(v, rows, arguments), first,
                      width);
             addRows(v, arguments.buffers[1], arguments.buffers[2], output,
                     getSize(v, updates, arguments), first, width);
           });
         });
  return success();
}

LogicalResult emitPositions(Operation* op, OpBuilder& builder,
                            CpuContext& context) {
  StringAttr tokens = cast<PositionsOp>(op).getSegments().getType().getTokens();
  Dim rows = getNamedDim(tokens);
  launch(op, builder, context, getGrid(op->getContext(), rows, kPositions), {},
         [&](TileBuilder& v, const KernelArguments& arguments) {
           Value offsets = arguments.buffers[0];
           Value sequences = arguments.buffers[2];
           forEachUnit(v, arguments, getSize(v, rows, arguments), kPositions,
                       [&](Value row) {
                         Value sequence =
                             v.toIndex(v.loadScalar(sequences, {row}));
                         Value start = v.loadScalar(offsets, {sequence});
                         v.storeScalar(v.sub(v.toWord(row), start),
                                       arguments.buffers[3], {row});
                       });
         });
  return success();
}

// Runs `body(sequence, first row, last row + 1)` for the call's sequences;
// `offsets` is the first of the buffers of the segments.
void forEachSequence(TileBuilder& v, const KernelArguments& arguments,
                     StringRef sequences, unsigned offsets,
                     llvm::function_ref<void(Value, Value, Value)> body) {
  Value starts = arguments.buffers[offsets];
  forEachUnit(v, arguments, arguments.sizes.lookup(sequences), kSequences,
              [&](Value sequence) {
                Value begin = v.toIndex(v.loadScalar(starts, {sequence}));
                Value end =
                    v.toIndex(v.loadScalar(starts, {v.add(sequence, 1)}));
                body(sequence, begin, end);
              });
}

// One vector of columns of the pooled row.
Value emitPool(TileBuilder& v, PoolKind kind, Value input, Value begin,
               Value end, Value c, Value m) {
  Value first = v.load(input, {begin, c}, m);
  if (kind == PoolKind::first) return first;
  Value pooled =
      v.loop(v.add(begin, 1), end, 1, first, [&](Value row, ValueRange last) {
        Value x = v.load(input, {row, c}, m);
        return TileBuilder::Values{kind == PoolKind::max ? v.max(last[0], x)
                                                         : v.add(last[0], x)};
      })[0];
  if (kind == PoolKind::max) return pooled;
  return v.div(pooled, v.broadcast(v.toFloat(v.sub(end, begin))));
}

LogicalResult emitSegmentPool(Operation* op, OpBuilder& builder,
                              CpuContext& context) {
  auto pool = cast<SegmentPoolOp>(op);
  if (failed(checkMatrix(op, pool.getInput()))) return failure();
  StringAttr sequences = pool.getSegments().getType().getSequences();
  int64_t width = pool.getInput().getType().getDimSize(1);
  launch(op, builder, context,
         getGrid(op->getContext(), getNamedDim(sequences), kSequences), {},
         [&](TileBuilder& v, const KernelArguments& arguments) {
           forEachSequence(
               v, arguments, sequences, 1,
               [&](Value sequence, Value begin, Value end) {
                 v.columns(width, [&](Value c, Value m) {
                   Value pooled =
                       emitPool(v, pool.getKind(), arguments.buffers[0], begin,
                                end, c, m);
                   v.store(pooled, arguments.buffers[4], {sequence, c}, m);
                 });
               });
         });
  return success();
}

// The row number, a lane, of the first maximum.
Value emitFirstMaximum(TileBuilder& v, Value input, Value begin, Value end,
                       Value c, Value m) {
  TileBuilder::Values inits = {v.load(input, {begin, c}, m),
                               v.broadcast(v.toWord(begin))};
  return v.loop(v.add(begin, 1), end, 1, inits,
                [&](Value row, ValueRange best) {
                  Value x = v.load(input, {row, c}, m);
                  Value stays = v.greaterEqual(best[0], x);
                  return TileBuilder::Values{
                      v.select(stays, best[0], x),
                      v.select(stays, best[1], v.broadcast(v.toWord(row)))};
                })[1];
}

// Writes one vector of columns of all rows of a sequence.
void emitPoolGradient(TileBuilder& v, PoolKind kind,
                      const KernelArguments& arguments, Value sequence,
                      Value begin, Value end, Value c, Value m) {
  Value output = arguments.buffers.back();
  Value gradient = v.load(arguments.buffers[0], {sequence, c}, m);
  if (kind == PoolKind::mean)
    gradient = v.div(gradient, v.broadcast(v.toFloat(v.sub(end, begin))));
  // The row that takes the gradient; with the mean, all do.
  Value chosen;
  if (kind == PoolKind::first) chosen = v.broadcast(v.toWord(begin));
  if (kind == PoolKind::max)
    chosen = emitFirstMaximum(v, arguments.buffers[1], begin, end, c, m);
  v.loop(begin, end, 1, [&](Value row) {
    Value share = gradient;
    if (chosen)
      share = v.select(v.equalWord(chosen, v.broadcast(v.toWord(row))),
                       gradient, v.splat(0.0));
    v.store(share, output, {row, c}, m);
  });
}

LogicalResult emitSegmentPoolGradient(Operation* op, OpBuilder& builder,
                                      CpuContext& context) {
  auto pool = cast<SegmentPoolGradientOp>(op);
  if (failed(checkMatrix(op, pool.getInput()))) return failure();
  StringAttr sequences = pool.getSegments().getType().getSequences();
  int64_t width = pool.getInput().getType().getDimSize(1);
  launch(op, builder, context,
         getGrid(op->getContext(), getNamedDim(sequences), kSequences), {},
         [&](TileBuilder& v, const KernelArguments& arguments) {
           forEachSequence(v, arguments, sequences, 2,
                           [&](Value sequence, Value begin, Value end) {
                             v.columns(width, [&](Value c, Value m) {
                               emitPoolGradient(v, pool.getKind(), arguments,
                                                sequence, begin, end, c, m);
                             });
                           });
         });
  return success();
}

}  // namespace

void populateSegmentEmitters(KernelEmitters& emitters) {
  emitters["graft.embedding"] = emitEmbedding;
  emitters["graft.embedding_gradient"] = emitEmbeddingGradient;
  emitters["graft.gather"] = emitGather;
  emitters["graft.scatter_add"] = emitScatterAdd;
  emitters["graft.positions"] = emitPositions;
  emitters["graft.segment_pool"] = emitSegmentPool;
  emitters["graft.segment_pool_gradient"] = emitSegmentPoolGradient;
}

}  // namespace graft
