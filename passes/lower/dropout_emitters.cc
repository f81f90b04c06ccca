// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Dropout of rows of features: output = keep ? input * scale : 0, with the
// mask of runtime/formats/philox.h drawn anew in registers.
//
// Aliasing: the result may be the input. Cost: about one vector operation of
// drawing an element; two of everything else.

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/lower/random.h"
#include "passes/lower/row_kernel.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft {
namespace {

// Counter words 1 to 3 of a row: position in the example, example, step.
SmallVector<Value> rowCounter(VectorBuilder& v,
                              const KernelArguments& arguments,
                              ArrayRef<Value> flat, Value row, bool perToken) {
  Value offsets = flat[1], ordinals = flat[2], rows = flat[3];
  if (!perToken)
    return {v.integer(0), v.loadScalar(ordinals, row), arguments.step};
  OpBuilder& b = v.b();
  Location loc = v.location();
  Value sequence = v.toIndex(v.loadScalar(rows, row));
  Value position = arith::SubIOp::create(b, loc, v.toWord(row),
                                         v.loadScalar(offsets, sequence));
  position = arith::AndIOp::create(b, loc, position, v.integer(0xFFFF));
  return {position, v.loadScalar(ordinals, sequence), arguments.step};
}

// Elements [block * 128, block * 128 + `count`) of a row.
void dropBlock(VectorBuilder& v, DropoutBuilder& dropout, Value input,
               Value output, Value offset, Value block, int64_t count,
               ArrayRef<Value> counter) {
  Value start = v.addIndex(offset, v.mulIndex(block, kDropoutBlock));
  int64_t groups = kDropoutLanes / v.lanes();
  for (int64_t group = 0; group < groups; ++group) {
    int64_t place = group * v.lanes();
    if (place >= count) break;
    DropoutBuilder::Words words = dropout.words(block, group, counter);
    for (int64_t r = 0; r < kDropoutChunks; ++r) {
      int64_t element = r * kDropoutLanes + place;
      if (element >= count) break;
      int64_t left = count - element;
      Value mask = left < v.lanes() ? v.mask(left) : Value();
      Value at = v.addIndex(start, element);
      v.store(dropout.apply(v.load(input, at, mask), words, r), output, at,
              mask);
    }
  }
}

LogicalResult emitDropout(Operation* operation, OpBuilder& builder,
                          KernelContext& context) {
  auto op = cast<DropoutOp>(operation);
  double rate = op.getRate().convertToDouble();
  if (rate == 0) return replaceBy(op, op.getInput());
  auto type = cast<RankedTensorType>(op.getInput().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  auto dims = dyn_cast_if_present<DimsAttr>(type.getEncoding());
  if (!type.isDynamicDim(0) || !dims)
    return op.emitOpError("expects rows of a named size, got ") << type;
  bool perToken = dims.getNames()[0] == op.getSegments().getType().getTokens();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {0, 0},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        DropoutBuilder dropout(v, arguments, rate);
        forRows(v, work, arguments, [&](Value row) {
          SmallVector<Value> counter =
              rowCounter(v, arguments, flat, row, perToken);
          Value offset = v.mulIndex(row, *width);
          int64_t whole = *width / kDropoutBlock;
          auto drop = [&](Value block, int64_t count) {
            dropBlock(v, dropout, flat[0], flat[4], offset, block, count,
                      counter);
          };
          v.loop(v.index(0), v.index(whole), 1,
                 [&](Value block) { drop(block, kDropoutBlock); });
          if (*width % kDropoutBlock)
            drop(v.index(whole), *width % kDropoutBlock);
        });
      });
}

}  // namespace

void populateDropoutEmitters(KernelEmitters& emitters) {
  emitters[DropoutOp::getOperationName()] = emitDropout;
}

}  // namespace graft
