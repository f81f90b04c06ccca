// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reductions over trailing dimensions (each row to one value), leading
// dimensions (columns) or all, and their inverse, broadcast.
//
// Accumulation order depends on shapes only: registers of a row in four
// chains; rows in chunks of 128 for columns; a whole tensor in 64 equal parts,
// added in order.

#include <limits>

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/emitters.h"

using namespace mlir;

namespace graft {
namespace {

// Parts of a whole tensor, reduced in parallel.
constexpr int64_t kTerms = 64;

// Tensors whose rows are no wider are reduced by one item: a loss per row.
constexpr int64_t kNarrow = 16;

struct Folder {
  bool sum;

  Value combine(VectorBuilder& v, Value a, Value b) const {
    return sum ? v.add(a, b) : v.max(a, b);
  }
  Value lanes(VectorBuilder& v, Value x) const {
    return sum ? v.sumLanes(x) : v.maxLanes(x);
  }
  double neutral() const {
    return sum ? 0.0 : -std::numeric_limits<double>::infinity();
  }
};

// The elements [begin, end) of a flat buffer folded to a scalar: four chains
// of registers, then one register at a time, then the rest under a mask.
Value foldRange(VectorBuilder& v, const Folder& folder, Value flat, Value begin,
                Value end) {
  constexpr int64_t chains = 4;
  Value neutral = v.splat(folder.neutral());
  Value count = v.subIndex(end, begin);
  auto wholeUntil = [&](int64_t step) {
    return v.addIndex(begin, v.mulIndex(v.divIndex(count, step), step));
  };
  int64_t step = chains * v.lanes();
  Value middle = wholeUntil(step), last = wholeUntil(v.lanes());
  SmallVector<Value> sums(chains, neutral);
  sums = v.loop(begin, middle, step, sums, [&](Value at, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t c = 0; c < chains; ++c)
      next.push_back(folder.combine(
          v, carried[c], v.load(flat, v.addIndex(at, c * v.lanes()))));
    return next;
  });
  Value sum = folder.combine(v, folder.combine(v, sums[0], sums[1]),
                             folder.combine(v, sums[2], sums[3]));
  sum = v.loop(middle, last, v.lanes(), sum, [&](Value at, ValueRange carried) {
           return SmallVector<Value>{
               folder.combine(v, carried[0], v.load(flat, at))};
         }).front();
  sum = v.loop(last, end, v.lanes(), sum, [&](Value at, ValueRange carried) {
           Value mask = v.mask(v.subIndex(end, at));
           Value x = v.select(mask, v.load(flat, at, mask), neutral);
           return SmallVector<Value>{folder.combine(v, carried[0], x)};
         }).front();
  return folder.lanes(v, sum);
}

LogicalResult reduceAll(ReduceOp op, OpBuilder& builder, CpuContext& context,
                        const Folder& folder) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  auto one = exec::GridAttr::get(op.getContext(), StringAttr(), 1, 1);
  // Items of a loop that runs once or not at all, for this call's range.
  auto single = [&](VectorBuilder& v, const KernelArguments& arguments,
                    Value flat, Value count, Value result) {
    v.loop(arguments.begin, arguments.end, 1, [&](Value) {
      Value sum = foldRange(v, folder, flat, v.index(0), count);
      v.storeScalar(sum, result, v.index(0));
    });
  };
  int64_t fixed = 1;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size)) fixed *= size;
  if (fixed <= kNarrow || (type.hasStaticShape() && fixed <= 65536))
    return replaceByKernel(
        op, builder, context, one, {},
        [&](VectorBuilder& v, const KernelArguments& arguments,
            ArrayRef<Value> flat) {
          single(v, arguments, flat[0], elementCount(v, arguments, type),
                 flat[1]);
        });

  auto termsType = RankedTensorType::get({kTerms}, builder.getF32Type());
  auto parts = exec::GridAttr::get(op.getContext(), StringAttr(), 1, kTerms);
  ValueRange partial = launchKernel(
      op, builder, context, "reduce.parts", op.getInput(), termsType, parts, {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value count = elementCount(v, arguments, type);
        v.loop(arguments.begin, arguments.end, 1, [&](Value item) {
          auto bound = [&](Value part) {
            return v.divIndex(v.mulIndex(part, count), kTerms);
          };
          Value sum = foldRange(v, folder, flat[0], bound(item),
                                bound(v.addIndex(item, 1)));
          v.storeScalar(sum, flat[1], item);
        });
      });
  ValueRange total =
      launchKernel(op, builder, context, "reduce.total", partial,
                   op->getResultTypes(), one, {},
                   [&](VectorBuilder& v, const KernelArguments& arguments,
                       ArrayRef<Value> flat) {
                     single(v, arguments, flat[0], v.index(kTerms), flat[1]);
                   });
  return replaceBy(op, total);
}

// The type of the dimensions [begin, end) of `type`.
RankedTensorType partOf(RankedTensorType type, int64_t begin, int64_t end) {
  SmallVector<Dim> dims = getDims(type);
  return getTensorType(ArrayRef(dims).slice(begin, end - begin),
                       type.getElementType());
}

// Rows that are not static, such as those of a matrix of pairs, are as many an
// item.
constexpr int64_t kDynamicRows = 16;

// The dimensions from `dims` on, which are not static, of each row.
LogicalResult reduceDynamicTrailing(ReduceOp op, OpBuilder& builder,
                                    CpuContext& context, const Folder& folder,
                                    RankedTensorType row) {
  Work work = Work::elements(cast<RankedTensorType>(op.getOutput().getType()),
                             kDynamicRows);
  return replaceByKernel(op, builder, context, work.grid(), {},
                         [&](VectorBuilder& v, const KernelArguments& arguments,
                             ArrayRef<Value> flat) {
                           Value width = elementCount(v, arguments, row);
                           forRows(v, work, arguments, [&](Value index) {
                             Value begin = v.mulIndex(index, width);
                             Value sum = foldRange(v, folder, flat[0], begin,
                                                   v.addIndex(begin, width));
                             v.storeScalar(sum, flat[1], index);
                           });
                         });
}

// The first `dims` dimensions of each column of rows that are not static.
LogicalResult reduceDynamicLeading(ReduceOp op, OpBuilder& builder,
                                   CpuContext& context, const Folder& folder,
                                   RankedTensorType rows,
                                   RankedTensorType row) {
  Work work = Work::elements(cast<RankedTensorType>(op.getOutput().getType()));
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value count = elementCount(v, arguments, rows);
        Value width = elementCount(v, arguments, row);
        forElements(v, work, arguments, [&](Value column, Value mask) {
          Value sum = v.loop(v.index(0), count, 1, v.splat(folder.neutral()),
                             [&](Value index, ValueRange carried) {
                               Value at =
                                   v.addIndex(v.mulIndex(index, width), column);
                               return SmallVector<Value>{folder.combine(
                                   v, carried[0], v.load(flat[0], at, mask))};
                             })
                          .front();
          v.store(sum, flat[1], column, mask);
        });
      });
}

// The last `dims` dimensions of each row.
LogicalResult reduceTrailing(ReduceOp op, OpBuilder& builder,
                             CpuContext& context, const Folder& folder,
                             int64_t dims) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  RankedTensorType row = partOf(type, type.getRank() - dims, type.getRank());
  if (!row.hasStaticShape())
    return reduceDynamicTrailing(op, builder, context, folder, row);
  int64_t width = row.getNumElements();
  // Rows are the elements of the result.
  Work work = Work::elements(cast<RankedTensorType>(op.getOutput().getType()),
                             std::max<int64_t>(1, 8192 / width));
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, width);
          Value sum =
              reduceColumns(
                  v, width, v.splat(folder.neutral()),
                  [&](Value column, Value mask, ValueRange carried) {
                    Value x = v.load(flat[0], v.addIndex(offset, column), mask);
                    x = maskedOr(v, mask, x, folder.neutral());
                    return SmallVector<Value>{folder.combine(v, carried[0], x)};
                  },
                  [&](unsigned, Value a, Value b) {
                    return folder.combine(v, a, b);
                  })
                  .front();
          v.storeScalar(folder.lanes(v, sum), flat[1], row);
        });
      });
}

// The first `dims` dimensions of each column.
LogicalResult reduceLeading(ReduceOp op, OpBuilder& builder,
                            CpuContext& context, const Folder& folder,
                            int64_t dims) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  RankedTensorType row = partOf(type, dims, type.getRank());
  if (!row.hasStaticShape())
    return reduceDynamicLeading(op, builder, context, folder,
                                partOf(type, 0, dims), row);
  int64_t width = row.getNumElements();
  SmallVector<Value> operands = {op.getInput()};
  SmallVector<int64_t> ties;
  // The gradient of a bias goes straight to what it is added to.
  Addend addend = folder.sum ? findAddend(op) : Addend();
  if (addend) {
    operands.push_back(addend.value);
    ties = {0, 1};
  }
  ValueRange results = launchKernel(
      op, builder, context, addend ? "reduce_add" : "reduce", operands,
      op->getResultTypes(), columnGrid(op.getContext(), width), ties,
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        // As many rows as elements over columns.
        Value rows = v.divIndex(elementCount(v, arguments, type), width);
        foldRows(
            v, arguments, rows, width, v.splat(folder.neutral()),
            [&](Value row, Value column, Value mask) {
              Value at = v.addIndex(v.mulIndex(row, width), column);
              return SmallVector<Value>{v.load(flat[0], at, mask)};
            },
            [&](Value a, Value b) { return folder.combine(v, a, b); },
            [&](unsigned, Value column, Value mask, Value sum) {
              if (addend) sum = v.add(v.load(flat[1], column, mask), sum);
              v.store(sum, flat.back(), column, mask);
            });
      });
  replaceWithSum(op, addend, results[0]);
  return success();
}

LogicalResult emitReduce(Operation* operation, OpBuilder& builder,
                         CpuContext& context) {
  auto op = cast<ReduceOp>(operation);
  Folder folder{op.getKind() == ReduceKind::sum};
  ArrayRef<int64_t> dimensions = op.getDimensions();
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank();
  int64_t count = static_cast<int64_t>(dimensions.size());
  if (count == rank) return reduceAll(op, builder, context, folder);
  bool contiguous =
      count > 0 && dimensions.back() - dimensions.front() + 1 == count;
  if (contiguous && dimensions.back() == rank - 1)
    return reduceTrailing(op, builder, context, folder, count);
  if (contiguous && dimensions.front() == 0)
    return reduceLeading(op, builder, context, folder, count);
  return op.emitOpError(
      "expects leading or trailing dimensions to generate a kernel for");
}

// One value everywhere.
LogicalResult broadcastScalar(BroadcastOp op, OpBuilder& builder,
                              CpuContext& context) {
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  Work work = Work::elements(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value x = v.broadcast(v.loadScalar(flat[0], v.index(0)));
        forElements(v, work, arguments, [&](Value at, Value mask) {
          v.store(x, flat[1], at, mask);
        });
      });
}

// Rows of the result are one value of the input each (trailing dimensions are
// new) or the whole input each (leading ones are).
LogicalResult emitBroadcast(Operation* operation, OpBuilder& builder,
                            CpuContext& context) {
  auto op = cast<BroadcastOp>(operation);
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  ArrayRef<int64_t> dimensions = op.getDimensions();
  int64_t count = static_cast<int64_t>(dimensions.size());
  int64_t rank = type.getRank();
  if (count == rank) return broadcastScalar(op, builder, context);
  bool contiguous =
      count > 0 && dimensions.back() - dimensions.front() + 1 == count;
  bool leading = contiguous && dimensions.front() == 0;
  bool trailing = contiguous && dimensions.back() == rank - 1;
  if (!leading && !trailing)
    return op.emitOpError(
        "expects new leading or trailing dimensions to generate a kernel for");
  int64_t rowDims = leading ? count : rank - count;
  RankedTensorType row = partOf(type, rowDims, rank);
  bool isStatic = row.hasStaticShape();
  int64_t width = isStatic ? row.getNumElements() : 0;
  Work work = Work::elements(
      partOf(type, 0, rowDims),
      isStatic ? std::max<int64_t>(1, 8192 / width) : kDynamicRows);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value count =
            isStatic ? v.index(width) : elementCount(v, arguments, row);
        forRows(v, work, arguments, [&](Value index) {
          Value offset = v.mulIndex(index, count);
          Value x;
          if (trailing) x = v.broadcast(v.loadScalar(flat[0], index));
          auto fill = [&](Value column, Value mask) {
            v.store(trailing ? x : v.load(flat[0], column, mask), flat[1],
                    v.addIndex(offset, column), mask);
          };
          if (isStatic)
            forColumns(v, width, fill);
          else
            forRange(v, v.index(0), count, fill);
        });
      });
}

}  // namespace

void populateReductionEmitters(KernelEmitters& emitters) {
  emitters[ReduceOp::getOperationName()] = emitReduce;
  emitters[BroadcastOp::getOperationName()] = emitBroadcast;
}

}  // namespace graft
