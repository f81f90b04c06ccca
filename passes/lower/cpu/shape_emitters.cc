// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels that move elements: transpose, concatenation and slices of columns.
// No result may share an operand's buffer.

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/emitters.h"

using namespace mlir;

namespace graft {
namespace {

// output[j][i] = input[i][j]; a unit of work is a row of the result, and rows
// of the result are written in blocks of one register's width of columns.
LogicalResult emitTranspose(Operation* operation, OpBuilder& builder,
                            CpuContext& context) {
  auto op = cast<TransposeOp>(operation);
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  // Rows of the result, as many as the input has columns.
  auto names = dyn_cast_if_present<DimsAttr>(output.getEncoding());
  Attribute encoding;
  if (output.isDynamicDim(0))
    encoding = DimsAttr::get(op.getContext(), names.getNames().take_front(1));
  auto rowsType = RankedTensorType::get({output.getDimSize(0)},
                                        output.getElementType(), encoding);
  int64_t length = input.isDynamicDim(0) ? 1024 : input.getDimSize(0);
  Work work = Work::elements(rowsType, std::max<int64_t>(1, 16384 / length));
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value columns = rowCount(v, arguments, input);
        Value stride = elementCount(v, arguments, rowsType);
        auto [begin, end] = work.range(v, arguments);
        // Blocks of 16 x 16, so that what one line of the input holds is
        // written while it is in the cache.
        constexpr int64_t block = 16;
        Value last = end;
        v.loop(begin, end, block, [&](Value j0) {
          Value j1 = v.minIndex(v.addIndex(j0, block), last);
          v.loop(v.index(0), columns, block, [&](Value i0) {
            Value i1 = v.minIndex(v.addIndex(i0, block), columns);
            v.loop(j0, j1, 1, [&](Value j) {
              v.loop(i0, i1, 1, [&](Value i) {
                Value from = v.addIndex(v.mulIndex(i, stride), j);
                Value to = v.addIndex(v.mulIndex(j, columns), i);
                v.storeScalar(v.loadScalar(flat[0], from), flat[1], to);
              });
            });
          });
        });
      });
}

// Copies `count` columns of a row.
void copyColumns(VectorBuilder& v, int64_t count, Value from, Value fromOffset,
                 Value to, Value toOffset) {
  forColumns(v, count, [&](Value column, Value mask) {
    v.store(v.load(from, v.addIndex(fromOffset, column), mask), to,
            v.addIndex(toOffset, column), mask);
  });
}

LogicalResult emitConcat(Operation* operation, OpBuilder& builder,
                         CpuContext& context) {
  auto op = cast<ConcatOp>(operation);
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value to = v.mulIndex(row, *width);
          for (auto [index, part] : llvm::enumerate(op.getInputs())) {
            int64_t count = rowWidth(cast<RankedTensorType>(part.getType()));
            copyColumns(v, count, flat[index], v.mulIndex(row, count),
                        flat.back(), to);
            to = v.addIndex(to, count);
          }
        });
      });
}

LogicalResult emitSlice(Operation* operation, OpBuilder& builder,
                        CpuContext& context) {
  auto op = cast<SliceOp>(operation);
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  FailureOr<int64_t> width = staticWidth(op, op.getInput().getType());
  if (failed(width)) return failure();
  int64_t count = static_cast<int64_t>(op.getSize());
  int64_t first = static_cast<int64_t>(op.getOffset());
  Work work = Work::rows(type);
  return replaceByKernel(op, builder, context, work.grid(), {},
                         [&](VectorBuilder& v, const KernelArguments& arguments,
                             ArrayRef<Value> flat) {
                           forRows(v, work, arguments, [&](Value row) {
                             copyColumns(
                                 v, count, flat[0],
                                 v.addIndex(v.mulIndex(row, *width), first),
                                 flat[1], v.mulIndex(row, count));
                           });
                         });
}

}  // namespace

void populateShapeEmitters(KernelEmitters& emitters) {
  emitters[TransposeOp::getOperationName()] = emitTranspose;
  emitters[ConcatOp::getOperationName()] = emitConcat;
  emitters[SliceOp::getOperationName()] = emitSlice;
}

}  // namespace graft
