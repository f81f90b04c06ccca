// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/number.h"

#include "dialects/transfer/expression.h"

using namespace mlir;

namespace graft::transfer {
namespace {

HyperparameterOp findParameter(Operation* op, StringRef name) {
  auto strategy = op->getParentOfType<StrategyOp>();
  if (!strategy) return {};
  // Not by the symbol table, which a verifier may find broken.
  for (auto parameter : strategy.getOps<HyperparameterOp>())
    if (parameter.getSymName() == name) return parameter;
  return {};
}

std::optional<double> findNumber(Operation* op, StringRef name) {
  HyperparameterOp parameter = findParameter(op, name);
  if (!parameter) return std::nullopt;
  if (auto value = dyn_cast<FloatAttr>(parameter.getValue()))
    return value.getValueAsDouble();
  if (auto value = dyn_cast<IntegerAttr>(parameter.getValue()))
    return static_cast<double>(value.getInt());
  return std::nullopt;
}

ExpressionValue evaluate(Operation* op, Attribute number) {
  if (auto value = dyn_cast<FloatAttr>(number))
    return {value.getValueAsDouble(), ""};
  if (auto value = dyn_cast<IntegerAttr>(number))
    return {static_cast<double>(value.getInt()), ""};
  return evaluateExpression(
      cast<ExpressionAttr>(number).getText(),
      [&](StringRef name) { return findNumber(op, name); });
}

Attribute nameAttr(OpAsmParser& parser, FlatSymbolRefAttr symbol) {
  return ExpressionAttr::get(parser.getContext(),
                             ("@" + symbol.getValue()).str());
}

// Takes `@name` if that comes next.
OptionalParseResult parseOptionalName(OpAsmParser& parser,
                                      Attribute& attribute) {
  StringAttr name;
  if (failed(parser.parseOptionalSymbolName(name))) return std::nullopt;
  attribute = nameAttr(parser, FlatSymbolRefAttr::get(name));
  return ParseResult(success());
}

}  // namespace

FailureOr<double> getNumber(Operation* op, StringRef name, Attribute number,
                            double absent) {
  if (!number) return absent;
  ExpressionValue result = evaluate(op, number);
  if (result) return result.value;
  return op->emitOpError("'") << name << "' " << result.error, failure();
}

double getVerifiedNumber(Operation* op, Attribute number, double absent) {
  return number ? evaluate(op, number).value : absent;
}

FailureOr<StringAttr> getText(Operation* op, StringRef name, Attribute text) {
  if (auto value = dyn_cast<StringAttr>(text)) return value;
  StringRef expression = cast<ExpressionAttr>(text).getText();
  HyperparameterOp parameter = findParameter(op, expression.drop_front());
  if (parameter && isa<StringAttr>(parameter.getValue()))
    return cast<StringAttr>(parameter.getValue());
  return op->emitOpError("'")
             << name << "' expects a parameter that is a string, got "
             << expression,
         failure();
}

StringAttr getVerifiedText(Operation* op, Attribute text) {
  if (!text) return {};
  if (auto value = dyn_cast<StringAttr>(text)) return value;
  StringRef expression = cast<ExpressionAttr>(text).getText();
  HyperparameterOp parameter = findParameter(op, expression.drop_front());
  return parameter ? dyn_cast<StringAttr>(parameter.getValue()) : StringAttr();
}

LogicalResult verifyNumber(Operation* op, StringRef name, Attribute number,
                           const NumberRange& range) {
  if (!number) return success();
  FailureOr<double> value = getNumber(op, name, number, 0);
  if (failed(value)) return failure();
  if (range.contains(*value)) return success();
  return op->emitOpError("expects '")
         << name << "' to be " << range.description << ", got " << *value;
}

ParseResult parseNumber(OpAsmParser& parser, Attribute& number) {
  if (auto name = parseOptionalName(parser, number); name.has_value())
    return *name;
  std::string text;
  if (succeeded(parser.parseOptionalString(&text))) {
    number = ExpressionAttr::get(parser.getContext(), text);
    return success();
  }
  bool negative = succeeded(parser.parseOptionalMinus());
  // A bare integer stays one: epochs are not 3.0.
  int64_t integer = 0;
  Builder& builder = parser.getBuilder();
  if (auto parsed = parser.parseOptionalInteger(integer); parsed.has_value()) {
    number = builder.getI64IntegerAttr(negative ? -integer : integer);
    return *parsed;
  }
  double value = 0;
  if (parser.parseFloat(value)) return failure();
  number = builder.getF64FloatAttr(negative ? -value : value);
  return success();
}

void printNumber(OpAsmPrinter& printer, Operation*, Attribute number) {
  if (auto value = dyn_cast<FloatAttr>(number))
    return printer.printFloat(value.getValue());
  if (auto value = dyn_cast<IntegerAttr>(number)) {
    printer << value.getInt();
    return;
  }
  StringRef text = cast<ExpressionAttr>(number).getText();
  if (isName(text))
    printer.printSymbolName(text.drop_front());
  else
    printer.printString(text);
}

ParseResult parseText(OpAsmParser& parser, Attribute& text) {
  if (auto name = parseOptionalName(parser, text); name.has_value())
    return *name;
  std::string value;
  if (parser.parseString(&value)) return failure();
  text = parser.getBuilder().getStringAttr(value);
  return success();
}

void printText(OpAsmPrinter& printer, Operation*, Attribute text) {
  if (auto value = dyn_cast<StringAttr>(text))
    printer.printString(value.getValue());
  else
    printer.printSymbolName(cast<ExpressionAttr>(text).getText().drop_front());
}

ParseResult parseWord(OpAsmParser& parser, Attribute& word) {
  if (auto name = parseOptionalName(parser, word); name.has_value())
    return *name;
  StringRef value;
  if (parser.parseKeyword(&value)) return failure();
  word = parser.getBuilder().getStringAttr(value);
  return success();
}

void printWord(OpAsmPrinter& printer, Operation* op, Attribute word) {
  if (auto value = dyn_cast<StringAttr>(word))
    printer << value.getValue();
  else
    printText(printer, op, word);
}

}  // namespace graft::transfer
