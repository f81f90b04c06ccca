// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/exec_dialect.h"
#include "dialects/exec/exec_host.h"
#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

namespace graft::exec {
namespace {

ParseResult parseBuffer(OpAsmParser& parser, BufferAttr& buffer) {
  buffer = BufferAttr::parseBare(parser);
  return success(buffer != nullptr);
}

void printBuffer(OpAsmPrinter& printer, Operation*, BufferAttr buffer) {
  buffer.printBare(printer);
}

ParseResult parseBuffers(OpAsmParser& parser, ArrayAttr& buffers) {
  SmallVector<Attribute> list;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                     [&]() -> ParseResult {
                                       BufferAttr buffer;
                                       if (parseBuffer(parser, buffer))
                                         return failure();
                                       list.push_back(buffer);
                                       return success();
                                     }))
    return failure();
  buffers = parser.getBuilder().getArrayAttr(list);
  return success();
}

void printBuffers(OpAsmPrinter& printer, Operation*, ArrayAttr buffers) {
  printer << '(';
  llvm::interleaveComma(buffers, printer, [&](Attribute buffer) {
    cast<BufferAttr>(buffer).printBare(printer);
  });
  printer << ')';
}

// Returns the buffers that `op` reads and writes.
void collectBuffers(Operation& op, SmallVectorImpl<BufferAttr>& reads,
                    SmallVectorImpl<BufferAttr>& writes) {
  if (auto command = dyn_cast<CommandOp>(op)) {
    llvm::append_range(reads, command.getReads().getAsRange<BufferAttr>());
    llvm::append_range(writes, command.getWrites().getAsRange<BufferAttr>());
  } else if (auto copy = dyn_cast<CopyOp>(op)) {
    reads.push_back(copy.getSource());
    writes.push_back(copy.getTarget());
  } else if (auto fill = dyn_cast<FillOp>(op)) {
    writes.push_back(fill.getTarget());
  }
}

// C2 and C3.
LogicalResult verifyBuffer(ProgramOp program, Operation& op,
                           BufferAttr buffer) {
  FunctionType type = program.getFunctionType();
  switch (buffer.getPlace()) {
    case Place::kArena: {
      int64_t offset = buffer.getOffset(), bytes = buffer.getBytes();
      int64_t arena = program.getArena();
      if (offset >= 0 && offset % 64 == 0 && bytes >= 0 && bytes <= arena &&
          offset <= arena - bytes)
        return success();
      return op.emitOpError("expects an aligned range of the arena of ")
             << arena << " bytes, got " << bytes << " bytes at " << offset;
    }
    case Place::kSlot:
      return success();
    case Place::kInput: {
      int64_t parts = 0;
      if (buffer.getIndex() >= 0 && buffer.getIndex() < type.getNumInputs())
        parts = isa<SegmentsType>(type.getInput(buffer.getIndex())) ? 3 : 1;
      if (buffer.getPart() >= 0 && buffer.getPart() < parts) return success();
      break;
    }
    case Place::kOutput:
      if (buffer.getIndex() >= 0 && buffer.getIndex() < type.getNumResults())
        return success();
      break;
  }
  return op.emitOpError("expects a buffer of the program's signature, got ")
         << buffer;
}

// C6.
LogicalResult verifyPrologue(ProgramOp program) {
  int64_t left = program.getPrologue();
  for (Operation& op : program.getBody().front()) {
    if (left <= 0) break;
    --left;
    auto command = dyn_cast<CommandOp>(op);
    if (!command || command.getRandom() != 0 || command.getGrid().getSize())
      return op.emitOpError(
          "expects a command that depends on parameters only in the prologue");
    SmallVector<BufferAttr> reads, writes;
    collectBuffers(op, reads, writes);
    for (BufferAttr buffer : reads)
      if (buffer.getPlace() != Place::kSlot &&
          buffer.getPlace() != Place::kArena)
        return op.emitOpError(
                   "expects the prologue to read slots and the "
                   "arena, got ")
               << buffer;
    for (BufferAttr buffer : writes)
      if (buffer.getPlace() != Place::kArena)
        return op.emitOpError("expects the prologue to write the arena, got ")
               << buffer;
  }
  if (left == 0) return success();
  return program.emitOpError(
             "expects a prologue of at most as many commands "
             "as there are, got ")
         << program.getPrologue();
}

// The inputs or outputs of a program. Outputs have only names and types.
struct Values {
  SmallVector<Attribute> names;
  SmallVector<Type> types;
  SmallVector<int64_t> limits, exceptions;
  SmallVector<Attribute> sources;
};

// [below LIMIT [or EXCEPTION]] [from SOURCE]
ParseResult parseInput(OpAsmParser& parser, Values& values) {
  int64_t& limit = values.limits.emplace_back(0);
  int64_t& exception = values.exceptions.emplace_back(0);
  if (succeeded(parser.parseOptionalKeyword("below")) &&
      (parser.parseInteger(limit) ||
       (succeeded(parser.parseOptionalKeyword("or")) &&
        parser.parseInteger(exception))))
    return failure();
  auto source = SourceAttr::getCaller(parser.getContext());
  if (succeeded(parser.parseOptionalKeyword("from")))
    source = SourceAttr::parseBare(parser);
  values.sources.push_back(source);
  return success(source != nullptr);
}

// (NAME: TYPE, ...)
ParseResult parseValues(OpAsmParser& parser, Values& values, bool inputs) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Paren, [&]() -> ParseResult {
        std::string name;
        if (parser.parseKeywordOrString(&name) ||
            parser.parseColonType(values.types.emplace_back()))
          return failure();
        values.names.push_back(parser.getBuilder().getStringAttr(name));
        return inputs ? parseInput(parser, values) : ParseResult(success());
      });
}

void printInput(OpAsmPrinter& printer, ProgramOp program, unsigned index) {
  if (int64_t limit = program.getLimits()[index]) {
    printer << " below " << limit;
    if (int64_t exception = program.getExceptions()[index])
      printer << " or " << exception;
  }
  auto source = cast<SourceAttr>(program.getSources()[index]);
  if (source.isCaller()) return;
  printer << " from ";
  source.printBare(printer);
}

void printValues(OpAsmPrinter& printer, ProgramOp program, bool inputs) {
  FunctionType type = program.getFunctionType();
  ArrayRef<Type> types = inputs ? type.getInputs() : type.getResults();
  ArrayAttr names = inputs ? program.getInputNames() : program.getOutputNames();
  printer << '(';
  for (unsigned i = 0; i < types.size(); ++i) {
    if (i != 0) printer << ", ";
    printer.printKeywordOrString(cast<StringAttr>(names[i]).getValue());
    printer << ": " << types[i];
    if (inputs) printInput(printer, program, i);
  }
  printer << ')';
}

// C7.
LogicalResult verifySource(ProgramOp program, StringRef input,
                           SourceAttr source) {
  if (source.isCaller() ||
      lookupSource(program->getParentOfType<ModuleOp>(), source))
    return success();
  return program.emitOpError("expects a ")
         << stringifySource(source.getKind()) << " of an exec.host for input "
         << input << ", got " << source.getSymbol();
}

}  // namespace

// exec.program @NAME(IN: TYPE, ...) -> (OUT: TYPE, ...) phase N arena N live N
// prologue N {...}
ParseResult ProgramOp::parse(OpAsmParser& parser, OperationState& result) {
  Builder& builder = parser.getBuilder();
  StringAttr name;
  Values inputs, outputs;
  int64_t phase, arena, live, prologue = 0;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name),
                             result.attributes) ||
      parseValues(parser, inputs, /*inputs=*/true) || parser.parseArrow() ||
      parseValues(parser, outputs, /*inputs=*/false) ||
      parser.parseKeyword("phase") || parser.parseInteger(phase) ||
      parser.parseKeyword("arena") || parser.parseInteger(arena) ||
      parser.parseKeyword("live") || parser.parseInteger(live) ||
      (succeeded(parser.parseOptionalKeyword("prologue")) &&
       parser.parseInteger(prologue)) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  Properties& properties = result.getOrAddProperties<Properties>();
  properties.sym_name = name;
  properties.function_type =
      TypeAttr::get(builder.getFunctionType(inputs.types, outputs.types));
  properties.input_names = builder.getArrayAttr(inputs.names);
  properties.output_names = builder.getArrayAttr(outputs.names);
  properties.limits = builder.getDenseI64ArrayAttr(inputs.limits);
  properties.exceptions = builder.getDenseI64ArrayAttr(inputs.exceptions);
  properties.sources = builder.getArrayAttr(inputs.sources);
  properties.phase = builder.getI64IntegerAttr(phase);
  properties.arena = builder.getI64IntegerAttr(arena);
  properties.live = builder.getI64IntegerAttr(live);
  properties.prologue = builder.getI64IntegerAttr(prologue);
  Region* body = result.addRegion();
  if (parser.parseRegion(*body)) return failure();
  if (body->empty()) body->emplaceBlock();
  return success();
}

void ProgramOp::print(OpAsmPrinter& printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printValues(printer, *this, /*inputs=*/true);
  printer << " -> ";
  printValues(printer, *this, /*inputs=*/false);
  printer << " phase " << getPhase() << " arena " << getArena() << " live "
          << getLive();
  if (getPrologue() != 0) printer << " prologue " << getPrologue();
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getFunctionTypeAttrName(), getInputNamesAttrName(),
       getOutputNamesAttrName(), getLimitsAttrName(), getExceptionsAttrName(),
       getSourcesAttrName(), getPhaseAttrName(), getArenaAttrName(),
       getLiveAttrName(), getPrologueAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult ProgramOp::verify() {
  FunctionType type = getFunctionType();
  if (getInputNames().size() != type.getNumInputs() ||
      getLimits().size() != type.getNumInputs() ||
      getExceptions().size() != type.getNumInputs() ||
      getSources().size() != type.getNumInputs() ||
      getOutputNames().size() != type.getNumResults())
    return emitOpError("expects a name for each input and output");
  for (Operation& op : getBody().front()) {
    // C1.
    if (!isa<CommandOp, CopyOp, FillOp>(op))
      return op.emitOpError("expects only commands in a program");
    SmallVector<BufferAttr> reads, writes;
    collectBuffers(op, reads, writes);
    for (BufferAttr buffer : llvm::concat<BufferAttr>(reads, writes))
      if (failed(verifyBuffer(*this, op, buffer))) return failure();
    // C5.
    for (BufferAttr buffer : writes)
      if (buffer.getPlace() == Place::kInput)
        return op.emitOpError("expects to write no input, got ") << buffer;
  }
  return verifyPrologue(*this);
}

LogicalResult ProgramOp::verifySymbolUses(SymbolTableCollection& tables) {
  // C7.
  for (auto [name, source] :
       llvm::zip(getInputNames(), getSources().getAsRange<SourceAttr>()))
    if (failed(verifySource(*this, cast<StringAttr>(name).getValue(), source)))
      return failure();
  for (Operation& op : getBody().front()) {
    if (auto command = dyn_cast<CommandOp>(op)) {
      auto kernel = tables.lookupNearestSymbolFrom<func::FuncOp>(
          *this, command.getKernel());
      if (!kernel || !isa<KernelsOp>(kernel->getParentOp()))
        return op.emitOpError("expects a function of exec.kernels, got ")
               << command.getKernel();
    }
    // C4.
    SmallVector<BufferAttr> buffers;
    collectBuffers(op, buffers, buffers);
    for (BufferAttr buffer : buffers) {
      if (buffer.getPlace() != Place::kSlot) continue;
      if (!isa_and_nonnull<ParameterOp, StateOp>(
              tables.lookupNearestSymbolFrom(*this, buffer.getSlot())))
        return op.emitOpError("expects a parameter or state tensor, got ")
               << buffer.getSlot();
    }
  }
  return success();
}

}  // namespace graft::exec

#define GET_OP_CLASSES
#include "dialects/exec/exec_program_ops.cc.inc"

namespace graft::exec {

void ExecDialect::registerProgramOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/exec_program_ops.cc.inc"
      >();
}

}  // namespace graft::exec
