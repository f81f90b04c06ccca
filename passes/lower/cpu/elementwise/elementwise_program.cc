// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels that compute each element from the elements at the same place. A
// tensor is one flat array, cut without regard to its rows; with dropout, it is
// taken in rows, whose mask of runtime/formats/philox.h is drawn anew in
// registers.
//
// Aliasing: a result may be any operand of its type, since each register is
// read before it is written. Cost: memory bandwidth, except for functions that
// are polynomials, and about one vector operation of drawing an element of a
// dropout.

#include "passes/lower/cpu/elementwise/elementwise_program.h"

#include <numeric>

#include "dialects/graft/element_function.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/elementwise/region.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft {
namespace {

bool drawsMask(Operation* op) {
  auto dropout = dyn_cast<DropoutOp>(op);
  return dropout && !dropout.getRate().isZero();
}

// Counter words 1 to 3 of a row: position in the example, example, step.
SmallVector<Value> rowCounter(VectorBuilder& v,
                              const KernelArguments& arguments, Value offsets,
                              Value ordinals, Value rows, Value row,
                              bool perToken) {
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

bool isPerToken(DropoutOp op) {
  auto dims = cast<DimsAttr>(op.getInput().getType().getEncoding());
  return dims.getNames()[0] == op.getSegments().getType().getTokens();
}

}  // namespace

const VectorFunctions& getVectorFunctions() {
  static const VectorFunctions functions = [] {
    VectorFunctions all;
    populateElementwiseFunctions(all);
    return all;
  }();
  return functions;
}

VectorFunction getVectorFunction(Operation* op) {
  auto known = getVectorFunctions().find(op->getName().getStringRef());
  if (known != getVectorFunctions().end()) return known->second;
  FailureOr<ElementFunction> elements = ElementFunction::get(op);
  if (failed(elements)) return nullptr;
  auto shared = std::make_shared<ElementFunction>(std::move(*elements));
  return [shared](VectorBuilder& v, Operation*, ArrayRef<Value> x) {
    return shared->evaluate(x, [&](Operation* inner, ArrayRef<Value> operands) {
      return v.widen(inner, operands);
    });
  };
}

DropoutOp ElementwiseProgram::getDropout() const {
  auto* found = llvm::find_if(ops, drawsMask);
  return found == ops.end() ? DropoutOp() : cast<DropoutOp>(*found);
}

LogicalResult ElementwiseProgram::check() const {
  DropoutOp op = getDropout();
  if (!op) return success();
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  if (failed(staticWidth(op, type))) return failure();
  if (!type.isDynamicDim(0) || !isa_and_present<DimsAttr>(type.getEncoding()))
    return op.emitOpError("expects rows of a named size, got ") << type;
  return success();
}

ElementwiseEmitter::ElementwiseEmitter(const ElementwiseProgram& program,
                                       VectorBuilder& v,
                                       const KernelArguments& arguments,
                                       ArrayRef<Value> flat)
    : program(program), v(v), arguments(arguments) {
  for (Operation* op : program.ops) {
    functions.push_back(getVectorFunction(op));
    assert((isa<DropoutOp>(op) || functions.back()) &&
           "an elementwise op of the dialect without a vector function");
  }
  DropoutOp op = program.getDropout();
  for (Value input : program.inputs) {
    bool isTensor = isa<RankedTensorType>(input.getType());
    inputs.push_back(isTensor ? flat.front() : Value());
    if (op && input == op.getSegments())
      dropout.emplace(
          Dropout{DropoutBuilder(v, arguments, op.getRate().convertToDouble()),
                  flat[0],
                  flat[1],
                  flat[2],
                  isPerToken(op),
                  {},
                  {}});
    flat = flat.drop_front(isTensor ? 1 : 3);
  }
  llvm::append_range(outputs, flat);
}

Work ElementwiseEmitter::cut(const ElementwiseProgram& program) {
  return program.getDropout() ? Work::rows(program.getType())
                              : Work::elements(program.getType());
}

void ElementwiseEmitter::emitItems() {
  Work work = cut(program);
  if (!dropout) {
    forElements(v, work, arguments, [&](Value at, Value mask) {
      emitRegister(at, mask, /*chunk=*/0);
    });
    return;
  }
  forRows(v, work, arguments, [&](Value row) { emitRow(row); });
}

void ElementwiseEmitter::emitRow(Value row) {
  int64_t width = rowWidth(program.getType());
  Value offset = v.mulIndex(row, width);
  if (!dropout) {
    forColumns(v, width, [&](Value column, Value mask) {
      emitRegister(v.addIndex(offset, column), mask, /*chunk=*/0);
    });
    return;
  }
  beginRow(row);
  int64_t whole = width / kDropoutBlock;
  v.loop(v.index(0), v.index(whole), 1,
         [&](Value block) { emitBlock(offset, block, 0, kDropoutBlock); });
  if (width % kDropoutBlock)
    emitBlock(offset, v.index(whole), 0, width % kDropoutBlock);
}

void ElementwiseEmitter::emitTile(TileBuilder& tile, Value row, Value rows,
                                  Value column, int64_t columns) {
  int64_t width = rowWidth(program.getType());
  auto equal = [&](Value a, int64_t b) -> Value {
    return arith::CmpIOp::create(v.b(), v.location(), arith::CmpIPredicate::eq,
                                 a, v.index(b));
  };
  v.loop(v.index(0), rows, 1, [&](Value i) {
    Value at = v.addIndex(row, i);
    Value offset = v.mulIndex(at, width);
    if (!dropout) {
      tile.columns(column, columns, width, [&](Value place, Value mask) {
        emitRegister(v.addIndex(offset, place), mask, /*chunk=*/0);
      });
      return;
    }
    beginRow(at);
    int64_t whole = width / kDropoutBlock, rest = width % kDropoutBlock;
    int64_t part = std::gcd(columns, kDropoutBlock);
    Value end = tile.min(tile.add(column, columns), v.index(width));
    v.loop(column, end, part, [&](Value from) {
      Value block = v.divIndex(from, kDropoutBlock);
      Value start = tile.rem(from, kDropoutBlock);
      // Which chunk of the words a register takes must be known here, so there
      // is code for each place in a block.
      for (int64_t first = 0; first < std::min(width, kDropoutBlock);
           first += part) {
        v.ifThen(equal(start, first), [&] {
          if (whole > 0)
            v.ifThen(tile.less(block, whole),
                     [&] { emitBlock(offset, block, first, first + part); });
          if (first < rest)
            v.ifThen(equal(block, whole), [&] {
              emitBlock(offset, block, first, std::min(first + part, rest));
            });
        });
      }
    });
  });
}

void ElementwiseEmitter::beginRow(Value row) {
  dropout->counter =
      rowCounter(v, arguments, dropout->offsets, dropout->ordinals,
                 dropout->rows, row, dropout->perToken);
}

void ElementwiseEmitter::emitBlock(Value offset, Value block, int64_t first,
                                   int64_t last) {
  Value start = v.addIndex(offset, v.mulIndex(block, kDropoutBlock));
  int64_t groups = kDropoutLanes / v.lanes();
  for (int64_t group = 0; group < groups; ++group) {
    int64_t place = group * v.lanes();
    if (first + place >= last) break;
    dropout->words = dropout->mask.words(block, group, dropout->counter);
    for (int64_t chunk = first / kDropoutLanes; chunk < kDropoutChunks;
         ++chunk) {
      int64_t element = chunk * kDropoutLanes + place;
      if (element >= last) break;
      int64_t left = last - element;
      Value mask = left < v.lanes() ? v.mask(left) : Value();
      emitRegister(v.addIndex(start, element), mask, chunk);
    }
  }
}

void ElementwiseEmitter::emitRegister(Value at, Value mask, int64_t chunk) {
  llvm::DenseMap<Value, Value> registers;
  for (auto [input, buffer] : llvm::zip_equal(program.inputs, inputs))
    if (buffer && !registers.contains(input))
      registers[input] = v.load(buffer, at, mask);
  for (auto [op, function] : llvm::zip_equal(program.ops, functions)) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(registers.lookup(operand));
    Value result;
    if (drawsMask(op))
      result = dropout->mask.apply(operands[0], dropout->words, chunk);
    else if (isa<DropoutOp>(op))
      result = operands[0];
    else
      result = function(v, op, operands);
    // What another kernel would have read back.
    Value value = op->getResult(0);
    if (llvm::any_of(value.getUsers(), [&](Operation* user) {
          return llvm::is_contained(program.ops, user);
        }))
      result = v.round(result, getElementTypeOrSelf(value.getType()));
    registers[value] = result;
  }
  for (auto [output, buffer] : llvm::zip_equal(program.outputs, outputs))
    v.store(registers.lookup(output), buffer, at, mask);
}

namespace {

// Replaces `op`, whose results are the program's outputs, by a kernel that
// takes `operands` for its inputs.
LogicalResult emitProgram(Operation* op, const ElementwiseProgram& program,
                          ValueRange operands, StringRef stem,
                          OpBuilder& builder, CpuContext& context) {
  if (failed(program.check())) return failure();
  SmallVector<int64_t> ties;
  addTies(op->getResultTypes(), operands, /*first=*/0, ties);
  return replaceBy(
      op, launchKernel(
              op, builder, context, stem, operands, op->getResultTypes(),
              ElementwiseEmitter::cut(program).grid(), ties,
              [&](VectorBuilder& v, const KernelArguments& arguments,
                  ArrayRef<Value> flat) {
                ElementwiseEmitter(program, v, arguments, flat).emitItems();
              }));
}

}  // namespace

LogicalResult emitElementwise(Operation* op, OpBuilder& builder,
                              CpuContext& context) {
  if (isa<DropoutOp>(op) && !drawsMask(op))
    return replaceBy(op, op->getOperand(0));
  ElementwiseProgram program{llvm::to_vector(op->getOperands()),
                             {op},
                             llvm::to_vector_of<Value>(op->getResults())};
  return emitProgram(op, program, op->getOperands(),
                     op->getName().stripDialect(), builder, context);
}

LogicalResult emitElementwiseRegion(RegionOp op, OpBuilder& builder,
                                    CpuContext& context) {
  Block& body = op.getBody().front();
  auto yielded = body.getTerminator()->getOperands();
  FailureOr<ElementwiseRegion> lanes = getElementwiseRegion(
      op, body.begin(), body.getTerminator()->getIterator(),
      cast<RankedTensorType>(yielded.front().getType()));
  if (failed(lanes)) return failure();
  llvm::append_range(lanes->program.outputs, yielded);
  return emitProgram(op, lanes->program, lanes->operands, getRegionStem(op),
                     builder, context);
}

void populateElementwiseEmitters(KernelEmitters& emitters) {
  for (StringRef name : getVectorFunctions().keys())
    emitters[name] = emitElementwise;
  emitters[DropoutOp::getOperationName()] = emitElementwise;
}

}  // namespace graft
