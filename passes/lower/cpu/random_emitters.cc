// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The kernel of uniform random numbers, bit for bit those of
// runtime/formats/philox.h. An item is some rows; cost: ten rounds of Philox
// for each element, whose other three words are left.

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/lower/cpu/builder/random.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/builder/tile_builder.h"
#include "passes/lower/cpu/emitters.h"
#include "passes/lower/cpu/gemm/pack.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kRows = 64;  // of a work item

// UniformOf of runtime/formats/philox.h.
Value toUniform(TileBuilder& v, Value words) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  Value upper = arith::ShRUIOp::create(b, loc, words, v.splatWord(8));
  Value number = arith::SIToFPOp::create(
      b, loc, VectorType::get({v.lanes()}, b.getF32Type()), upper);
  return v.mul(number, v.splat(1.0 / 16777216));
}

// Words 1 to 3 of the counter of `row`, a token or a sequence.
std::array<Value, 3> counterOf(TileBuilder& v, const KernelArguments& arguments,
                               Value row, bool perToken) {
  Value offsets = arguments.buffers[0], ordinals = arguments.buffers[1];
  Value head = v.integer(kUniformHead << 16);
  if (!perToken) return {head, v.loadScalar(ordinals, {row}), arguments.step};
  Value sequence = v.toIndex(v.loadScalar(arguments.buffers[2], {row}));
  Value position = v.sub(v.toWord(row), v.loadScalar(offsets, {sequence}));
  position = v.andWord(position, v.integer(0xFFFF));
  return {v.orWord(head, position), v.loadScalar(ordinals, {sequence}),
          arguments.step};
}

LogicalResult emitUniform(Operation* op, OpBuilder& builder,
                          CpuContext& context) {
  auto uniform = cast<UniformOp>(op);
  auto type = cast<RankedTensorType>(uniform.getOutput().getType());
  bool isMatrix = type.getRank() > 1;
  Dim rows = getDim(type, 0);
  auto segments = cast<SegmentsType>(uniform.getSegments().getType());
  bool perToken = rows.name == segments.getTokens();
  ValueRange results = context.launch(
      builder, op, "uniform", op->getOperands(), op->getResultTypes(),
      getGrid(op->getContext(), rows, kRows), {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        PhiloxBuilder philox(v, arguments);
        Value last =
            v.min(v.mul(arguments.end, kRows), getSize(v, rows, arguments));
        v.loop(v.mul(arguments.begin, kRows), last, 1, [&](Value row) {
          auto [second, third, fourth] = counterOf(v, arguments, row, perToken);
          auto write = [&](Value c, Value m) {
            Value call = v.add(v.broadcast(v.toWord(c)), v.laneNumbers());
            Value words =
                philox.call({call, v.broadcast(second), v.broadcast(third),
                             v.broadcast(fourth)})[0];
            SmallVector<Value> place = {row};
            if (isMatrix) place.push_back(c);
            v.store(toUniform(v, words), arguments.buffers[3], place, m);
          };
          if (!isMatrix)
            v.columns(1, write);
          else if (!type.isDynamicDim(1))
            v.columns(type.getDimSize(1), write);
          else  // a number for each example of a batch
            forRange(v, v.index(0), getSize(v, getDim(type, 1), arguments),
                     write);
        });
      });
  return replaceBy(op, results);
}

}  // namespace

void populateRandomEmitters(KernelEmitters& emitters) {
  emitters[UniformOp::getOperationName()] = emitUniform;
}

}  // namespace graft
