// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/exec_host.h"
#include "dialects/exec/exec_host_enums.cc.inc"
#include "dialects/exec/host_expression.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

namespace graft::exec {
namespace {

// (TOKENS, SEQUENCES) or (SEQUENCES)
ParseResult parseStreamSizes(OpAsmParser& parser, StringAttr& tokens,
                             StringAttr& sequences) {
  StringRef first, second;
  if (parser.parseLParen() || parser.parseKeyword(&first)) return failure();
  bool two = succeeded(parser.parseOptionalComma());
  if ((two && parser.parseKeyword(&second)) || parser.parseRParen())
    return failure();
  Builder& builder = parser.getBuilder();
  if (two) tokens = builder.getStringAttr(first);
  sequences = builder.getStringAttr(two ? second : first);
  return success();
}

void printStreamSizes(OpAsmPrinter& printer, StreamOp, StringAttr tokens,
                      StringAttr sequences) {
  printer << '(';
  if (tokens) printer << tokens.getValue() << ", ";
  printer << sequences.getValue() << ')';
}

// An integer or a float, as an f64.
ParseResult parseNumber(OpAsmParser& parser, FloatAttr& number) {
  bool negative = succeeded(parser.parseOptionalMinus());
  int64_t integer = 0;
  double value = 0;
  if (auto parsed = parser.parseOptionalInteger(integer); parsed.has_value()) {
    if (failed(*parsed)) return failure();
    value = static_cast<double>(integer);
  } else if (parser.parseFloat(value)) {
    return failure();
  }
  number = parser.getBuilder().getF64FloatAttr(negative ? -value : value);
  return success();
}

void printNumber(OpAsmPrinter& printer, Operation*, FloatAttr number) {
  printer << numberText(number.getValueAsDouble());
}

// (@TARGET = NAME, @TARGET += NAME, ...)
ParseResult parseResults(OpAsmParser& parser, ArrayAttr& assignments) {
  SmallVector<Attribute> list;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
        list.push_back(AssignmentAttr::parseBare(parser));
        return success(list.back() != nullptr);
      }))
    return failure();
  assignments = parser.getBuilder().getArrayAttr(list);
  return success();
}

void printResults(OpAsmPrinter& printer, Operation*, ArrayAttr assignments) {
  printer << '(';
  llvm::interleaveComma(
      assignments.getAsRange<AssignmentAttr>(), printer,
      [&](AssignmentAttr assignment) { assignment.printBare(printer); });
  printer << ')';
}

// (NAME = @REGISTER, ...)
ParseResult parseShown(OpAsmParser& parser, ArrayAttr& assignments) {
  SmallVector<Attribute> list;
  Builder& builder = parser.getBuilder();
  auto parseOne = [&]() -> ParseResult {
    std::string name;
    StringAttr source;
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() ||
        parser.parseSymbolName(source))
      return failure();
    list.push_back(
        AssignmentAttr::get(parser.getContext(), builder.getStringAttr(name),
                            FlatSymbolRefAttr::get(source), /*add=*/false));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseOne))
    return failure();
  assignments = builder.getArrayAttr(list);
  return success();
}

void printShown(OpAsmPrinter& printer, Operation*, ArrayAttr assignments) {
  printer << '(';
  llvm::interleaveComma(
      assignments.getAsRange<AssignmentAttr>(), printer,
      [&](AssignmentAttr shown) {
        printer.printKeywordOrString(shown.getName().getValue());
        printer << " = " << shown.getTarget();
      });
  printer << ')';
}

}  // namespace

Operation* lookupSource(ModuleOp module, SourceAttr source) {
  if (source.isCaller()) return nullptr;
  for (auto host : module.getOps<HostOp>()) {
    Operation* found = SymbolTable::lookupSymbolIn(host, source.getSymbol());
    bool fits = (source.getKind() == SourceKind::kStream &&
                 isa_and_nonnull<StreamOp>(found)) ||
                (source.getKind() == SourceKind::kCache &&
                 isa_and_nonnull<CacheOp>(found)) ||
                (source.getKind() == SourceKind::kRegister &&
                 isa_and_nonnull<RegisterOp>(found));
    if (fits) return found;
  }
  return nullptr;
}

}  // namespace graft::exec

#define GET_OP_CLASSES
#include "dialects/exec/exec_host_ops.cc.inc"

namespace graft::exec {

void ExecDialect::registerHostOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/exec_host_ops.cc.inc"
      >();
}

}  // namespace graft::exec
