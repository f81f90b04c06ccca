// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// transfer.parameter: what a user may set.

#include "dialects/transfer/expression.h"
#include "dialects/transfer/number.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// A literal: a string, an integer or a float.
ParseResult parseLiteral(OpAsmParser& parser, Attribute& value) {
  std::string text;
  if (succeeded(parser.parseOptionalString(&text))) {
    value = parser.getBuilder().getStringAttr(text);
    return success();
  }
  SMLoc location = parser.getCurrentLocation();
  if (parseNumber(parser, value)) return failure();
  if (isa<FloatAttr, IntegerAttr>(value)) return success();
  return parser.emitError(location) << "expects a literal";
}

void printLiteral(OpAsmPrinter& printer, Operation* op, Attribute value) {
  if (auto text = dyn_cast<StringAttr>(value))
    printer.printString(text.getValue());
  else
    printNumber(printer, op, value);
}

std::string print(Attribute value) {
  if (auto text = dyn_cast<StringAttr>(value)) return text.str();
  if (auto integer = dyn_cast<IntegerAttr>(value))
    return std::to_string(integer.getInt());
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format("%g", cast<FloatAttr>(value).getValueAsDouble());
  return text;
}

// What the parameter takes, for messages.
std::string describe(HyperparameterOp op) {
  if (op.getChoices()) {
    SmallVector<StringRef> names(
        op.getChoices()->getAsValueRange<StringAttr>());
    return "one of " + llvm::join(names, ", ");
  }
  std::string kind = isa<StringAttr>(op.getValue())    ? "text"
                     : isa<IntegerAttr>(op.getValue()) ? "an integer"
                                                       : "a number";
  if (op.getMinimum() && op.getMaximum())
    kind += " in [" + print(*op.getMinimum()) + ", " + print(*op.getMaximum()) +
            "]";
  return kind;
}

// Whether `value`, of the op's type, is in its range or among its choices.
bool isAllowed(HyperparameterOp op, Attribute value) {
  if (op.getMinimum() && op.getMaximum())
    return *getLiteralNumber(*op.getMinimum()) <= *getLiteralNumber(value) &&
           *getLiteralNumber(value) <= *getLiteralNumber(*op.getMaximum());
  return !op.getChoices() || llvm::is_contained(*op.getChoices(), value);
}

}  // namespace

// transfer.parameter @NAME = VALUE [in [MIN, MAX] | of [WORDS]] "MEANING"
ParseResult HyperparameterOp::parse(OpAsmParser& parser,
                                    OperationState& result) {
  StringAttr name, meaning;
  Attribute value, minimum, maximum;
  if (parser.parseSymbolName(name) || parser.parseEqual() ||
      parseLiteral(parser, value))
    return failure();
  result.addAttribute(getSymNameAttrName(result.name), name);
  result.addAttribute(getValueAttrName(result.name), value);
  if (succeeded(parser.parseOptionalKeyword("in"))) {
    if (parser.parseLSquare() || parseLiteral(parser, minimum) ||
        parser.parseComma() || parseLiteral(parser, maximum) ||
        parser.parseRSquare())
      return failure();
    result.addAttribute(getMinimumAttrName(result.name), minimum);
    result.addAttribute(getMaximumAttrName(result.name), maximum);
  } else if (succeeded(parser.parseOptionalKeyword("of"))) {
    ArrayAttr choices;
    if (parser.parseAttribute(choices)) return failure();
    result.addAttribute(getChoicesAttrName(result.name), choices);
  }
  if (parser.parseAttribute(meaning)) return failure();
  result.addAttribute(getMeaningAttrName(result.name), meaning);
  return parser.parseOptionalAttrDict(result.attributes);
}

void HyperparameterOp::print(OpAsmPrinter& printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " = ";
  printLiteral(printer, *this, getValue());
  if (getMinimum() && getMaximum()) {
    printer << " in [";
    printLiteral(printer, *this, *getMinimum());
    printer << ", ";
    printLiteral(printer, *this, *getMaximum());
    printer << ']';
  }
  if (getChoices()) printer << " of " << *getChoices();
  printer << ' ' << getMeaningAttr();
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getValueAttrName(), getMinimumAttrName(),
       getMaximumAttrName(), getChoicesAttrName(), getMeaningAttrName()});
}

LogicalResult HyperparameterOp::verify() {
  auto isLiteral = [](Attribute value) {
    auto integer = dyn_cast<IntegerAttr>(value);
    return isa<StringAttr>(value) ||
           (integer && integer.getType().isInteger(64)) ||
           (isa<FloatAttr>(value) && cast<FloatAttr>(value).getType().isF64());
  };
  // C4.
  if (!isName("@" + getSymName().str()))
    return emitOpError("expects a name of letters, digits and '_', got ")
           << getSymNameAttr();
  // C1.
  if (!isLiteral(getValue()))
    return emitOpError("expects a float, an integer or a string, got ")
           << getValue();
  // C2.
  if (getMinimum().has_value() != getMaximum().has_value())
    return emitOpError("expects 'minimum' and 'maximum' together");
  if (getMinimum()) {
    TypeID type = getValue().getTypeID();
    if (isa<StringAttr>(getValue()) || getMinimum()->getTypeID() != type ||
        getMaximum()->getTypeID() != type)
      return emitOpError("expects a range of the value's type, got [")
             << *getMinimum() << ", " << *getMaximum() << "] for "
             << getValue();
  }
  // C3.
  if (getChoices() && !isa<StringAttr>(getValue()))
    return emitOpError("expects choices of a string only, got ") << getValue();
  if (isAllowed(*this, getValue())) return success();
  return emitOpError("expects ")
         << describe(*this) << ", got " << ::graft::transfer::print(getValue());
}

LogicalResult HyperparameterOp::setFromText(StringRef text) {
  Builder builder(getContext());
  Attribute value;
  if (isa<StringAttr>(getValue())) {
    value = builder.getStringAttr(text);
  } else if (isa<IntegerAttr>(getValue())) {
    int64_t integer;
    if (!text.getAsInteger(10, integer))
      value = builder.getI64IntegerAttr(integer);
  } else {
    double number;
    // getAsDouble reads 0x10p0, nan and inf, too; true is its way to say that
    // it failed.
    if (text.find_first_not_of("0123456789+-.eE") == StringRef::npos &&
        !text.getAsDouble(number) && std::isfinite(number))
      value = builder.getF64FloatAttr(number);
  }
  if (!value || !isAllowed(*this, value))
    return mlir::emitError(getLoc()) << getSymName() << ": expects "
                                     << describe(*this) << ", got " << text;
  setValueAttr(value);
  return success();
}

}  // namespace graft::transfer
