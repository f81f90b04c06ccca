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

#include "passes/lower/lane_program.h"

#include <optional>

#include "llvm/ADT/StringExtras.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/lower/random.h"
#include "passes/lower/row_kernel.h"
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

// Ops in the order of their execution, of which at most one is a dropout, since
// a launch has one place of draws. `inputs` are tensors of one shape and the
// segments of the dropout; all values of `outputs` have that shape as well.
struct LaneProgram {
  SmallVector<Value> inputs;
  SmallVector<Operation*> ops;
  SmallVector<Value> outputs;

  RankedTensorType getType() const {
    return cast<RankedTensorType>(outputs.front().getType());
  }
  // The op that draws a mask, so that elements must be taken row by row; null
  // if there is none.
  DropoutOp getDropout() const;
  // A diagnostic if the shape is none that its ops can be computed over.
  LogicalResult check() const;
};

// Emits a program in a kernel. Construct it at the start of the function.
class LaneEmitter {
 public:
  // `flat` are the buffers of the inputs (segments have three) and of the
  // outputs; an output may be an input's buffer.
  LaneEmitter(const LaneProgram& program, VectorBuilder& v,
              const KernelArguments& arguments, ArrayRef<Value> flat);

  // How the program is cut into items when it is a kernel by itself.
  static Work cut(const LaneProgram& program);
  // All elements of this call's items of `cut`.
  void emitItems();

 private:
  struct Dropout {
    DropoutBuilder mask;
    Value offsets, ordinals, rows;
    bool perToken;
    SmallVector<Value> counter;   // of the row
    DropoutBuilder::Words words;  // of the group
  };

  // Elements [block * 128, block * 128 + `count`) of the row from `offset` on.
  void emitBlock(Value offset, Value block, int64_t count);
  // The register from `at` on; it lies in this chunk of the dropout's words.
  void emitRegister(Value at, Value mask, int64_t chunk);

  const LaneProgram& program;
  VectorBuilder& v;
  const KernelArguments& arguments;
  SmallVector<Value> inputs;   // null for segments
  SmallVector<Value> outputs;  // buffers
  std::optional<Dropout> dropout;
};

}  // namespace

const LaneFunctions& getLaneFunctions() {
  static const LaneFunctions functions = [] {
    LaneFunctions all;
    populateElementwiseFunctions(all);
    return all;
  }();
  return functions;
}

bool isLaneOp(Operation* op) {
  auto factors = dyn_cast<ShardingFactorInterface>(op);
  if (!factors || op->getNumResults() != 1 || !isPure(op)) return false;
  auto [operands, result] = factors.getShardingFactors().split("->");
  SmallVector<StringRef> terms;
  operands.split(terms, ',');
  if (result != "*" || !llvm::all_of(terms, [](StringRef term) {
        return term == "*" || term == "-";
      }))
    return false;
  return isa<DropoutOp>(op) ||
         getLaneFunctions().contains(op->getName().getStringRef());
}

bool hasShape(ValueRange values, RankedTensorType shape) {
  return llvm::all_of(values.getTypes(), [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return !tensor || (tensor.getShape() == shape.getShape() &&
                       tensor.getEncoding() == shape.getEncoding());
  });
}

namespace {

DropoutOp LaneProgram::getDropout() const {
  auto* found = llvm::find_if(ops, drawsMask);
  return found == ops.end() ? DropoutOp() : cast<DropoutOp>(*found);
}

LogicalResult LaneProgram::check() const {
  DropoutOp op = getDropout();
  if (!op) return success();
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  if (failed(staticWidth(op, type))) return failure();
  if (!type.isDynamicDim(0) || !isa_and_present<DimsAttr>(type.getEncoding()))
    return op.emitOpError("expects rows of a named size, got ") << type;
  return success();
}

LaneEmitter::LaneEmitter(const LaneProgram& program, VectorBuilder& v,
                         const KernelArguments& arguments, ArrayRef<Value> flat)
    : program(program), v(v), arguments(arguments) {
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

Work LaneEmitter::cut(const LaneProgram& program) {
  return program.getDropout() ? Work::rows(program.getType())
                              : Work::elements(program.getType());
}

void LaneEmitter::emitItems() {
  Work work = cut(program);
  if (!dropout) {
    forElements(v, work, arguments, [&](Value at, Value mask) {
      emitRegister(at, mask, /*chunk=*/0);
    });
    return;
  }
  int64_t width = rowWidth(program.getType());
  forRows(v, work, arguments, [&](Value row) {
    dropout->counter =
        rowCounter(v, arguments, dropout->offsets, dropout->ordinals,
                   dropout->rows, row, dropout->perToken);
    Value offset = v.mulIndex(row, width);
    int64_t whole = width / kDropoutBlock;
    v.loop(v.index(0), v.index(whole), 1,
           [&](Value block) { emitBlock(offset, block, kDropoutBlock); });
    if (width % kDropoutBlock)
      emitBlock(offset, v.index(whole), width % kDropoutBlock);
  });
}

void LaneEmitter::emitBlock(Value offset, Value block, int64_t count) {
  Value start = v.addIndex(offset, v.mulIndex(block, kDropoutBlock));
  int64_t groups = kDropoutLanes / v.lanes();
  for (int64_t group = 0; group < groups; ++group) {
    int64_t place = group * v.lanes();
    if (place >= count) break;
    dropout->words = dropout->mask.words(block, group, dropout->counter);
    for (int64_t chunk = 0; chunk < kDropoutChunks; ++chunk) {
      int64_t element = chunk * kDropoutLanes + place;
      if (element >= count) break;
      int64_t left = count - element;
      Value mask = left < v.lanes() ? v.mask(left) : Value();
      emitRegister(v.addIndex(start, element), mask, chunk);
    }
  }
}

void LaneEmitter::emitRegister(Value at, Value mask, int64_t chunk) {
  llvm::DenseMap<Value, Value> registers;
  for (auto [input, buffer] : llvm::zip_equal(program.inputs, inputs))
    if (buffer && !registers.contains(input))
      registers[input] = v.load(buffer, at, mask);
  for (Operation* op : program.ops) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(registers.lookup(operand));
    Value result;
    if (drawsMask(op))
      result = dropout->mask.apply(operands[0], dropout->words, chunk);
    else if (isa<DropoutOp>(op))
      result = operands[0];
    else
      result =
          getLaneFunctions().at(op->getName().getStringRef())(v, op, operands);
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

// The program of a region, whose ops must be lane ops over one shape; a
// diagnostic at the region otherwise.
FailureOr<LaneProgram> getProgram(RegionOp op) {
  LaneProgram program;
  Block& body = op.getBody().front();
  auto yielded = body.getTerminator()->getOperands();
  llvm::append_range(program.outputs, yielded);
  RankedTensorType type = program.getType();
  for (Operation& inner : body.without_terminator()) {
    if (!isLaneOp(&inner))
      return op.emitOpError(
                 "expects elementwise ops that have a form in "
                 "registers, got '")
                 << inner.getName() << "'",
             failure();
    if (!hasShape(inner.getOperands(), type) ||
        !hasShape(inner.getResults(), type))
      return op.emitOpError("expects tensors of shape ")
                 << type << ", got '" << inner.getName() << "' of "
                 << inner.getOperandTypes(),
             failure();
    if (isa<DropoutOp>(inner) &&
        llvm::any_of(program.ops,
                     [](Operation* other) { return isa<DropoutOp>(other); }))
      return op.emitOpError("expects one dropout, got another"), failure();
    program.ops.push_back(&inner);
  }
  if (!hasShape(yielded, type))
    return op.emitOpError("expects results of one shape, got ")
               << op.getOutputs().getTypes(),
           failure();
  llvm::append_range(program.inputs, body.getArguments());
  return program;
}

// Ties of results to operands of their type. No operand is offered to two
// results, which might both take it; a single result may choose.
SmallVector<int64_t> getTies(TypeRange results, ValueRange operands) {
  SmallVector<int64_t> ties;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    bool again = llvm::is_contained(operands.take_front(index), operand);
    if (again && results.size() > 1) continue;
    SmallVector<int64_t> candidates;
    for (auto [result, type] : llvm::enumerate(results))
      if (type == operand.getType())
        candidates.push_back(static_cast<int64_t>(result));
    if (candidates.empty()) continue;
    ties.append(
        {candidates[index % candidates.size()], static_cast<int64_t>(index)});
  }
  return ties;
}

// The name of the region's kernel: those of its first ops.
std::string getStem(RegionOp op) {
  // A long list would say less in a table of kernels.
  constexpr size_t kNames = 4;
  SmallVector<StringRef> names;
  for (Operation& inner : op.getBody().front().without_terminator())
    names.push_back(inner.getName().stripDialect());
  std::string stem = llvm::join(
      ArrayRef(names).take_front(std::min(kNames, names.size())), "_");
  return names.size() > kNames ? stem + "_etc" : stem;
}

// Replaces `op`, whose operands and results are those of the program, by a
// kernel.
LogicalResult emitLanes(Operation* op, const LaneProgram& program,
                        StringRef stem, OpBuilder& builder,
                        KernelContext& context) {
  if (failed(program.check())) return failure();
  return replaceBy(
      op, launchKernel(op, builder, context, stem, op->getOperands(),
                       op->getResultTypes(), LaneEmitter::cut(program).grid(),
                       getTies(op->getResultTypes(), op->getOperands()),
                       [&](VectorBuilder& v, const KernelArguments& arguments,
                           ArrayRef<Value> flat) {
                         LaneEmitter(program, v, arguments, flat).emitItems();
                       }));
}

LogicalResult emitSingle(Operation* op, OpBuilder& builder,
                         KernelContext& context) {
  if (isa<DropoutOp>(op) && !drawsMask(op))
    return replaceBy(op, op->getOperand(0));
  LaneProgram program{llvm::to_vector(op->getOperands()),
                      {op},
                      llvm::to_vector_of<Value>(op->getResults())};
  return emitLanes(op, program, op->getName().stripDialect(), builder, context);
}

LogicalResult emitRegion(Operation* operation, OpBuilder& builder,
                         KernelContext& context) {
  auto op = cast<RegionOp>(operation);
  FailureOr<LaneProgram> program = getProgram(op);
  if (failed(program)) return failure();
  return emitLanes(op, *program, getStem(op), builder, context);
}

}  // namespace

void populateLaneEmitters(KernelEmitters& emitters) {
  for (StringRef name : getLaneFunctions().keys()) emitters[name] = emitSingle;
  emitters[DropoutOp::getOperationName()] = emitSingle;
  emitters[RegionOp::getOperationName()] = emitRegion;
}

}  // namespace graft
