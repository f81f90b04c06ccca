// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/number.h"

#include "dialects/transfer/expression.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft::transfer {
namespace {

StrategyOp findStrategy(Operation* op) {
  auto strategy = dyn_cast<StrategyOp>(op);
  return strategy ? strategy : op->getParentOfType<StrategyOp>();
}

// The op of the strategy of `op` that declares `name`. Not by the symbol table,
// which a verifier may find broken.
template <typename OpTy>
OpTy findDeclared(Operation* op, StringRef name) {
  StrategyOp strategy = findStrategy(op);
  if (!strategy) return {};
  for (auto declared : strategy.getOps<OpTy>())
    if (declared.getSymName() == name) return declared;
  return {};
}

HyperparameterOp findParameter(Operation* op, StringRef name) {
  return findDeclared<HyperparameterOp>(op, name);
}

std::optional<double> findParameterNumber(Operation* op, StringRef name) {
  HyperparameterOp parameter = findParameter(op, name);
  return parameter ? getLiteralNumber(parameter.getValue()) : std::nullopt;
}

using NumberOf = std::optional<double> (*)(Operation* op, StringRef name);

// The value at the first step, where `lookup` gives the number of a name, and
// all else that changes is 0.
ExpressionValue evaluate(Operation* op, Attribute number, NumberOf lookup) {
  if (std::optional<double> value = getLiteralNumber(number))
    return {*value, ""};
  return evaluateExpression(
      cast<ExpressionAttr>(number).getText(),
      [&](StringRef name) { return lookup(op, name); },
      [](StringRef) { return 0.0; });
}

std::optional<double> findNumber(Operation* op, StringRef name) {
  if (findDeclared<RewardOp>(op, name)) return 0.0;
  auto known = findDeclared<RegisterOp>(op, name);
  if (!known) return findParameterNumber(op, name);
  // Which names no register, if it is verified.
  ExpressionValue initial =
      evaluate(known, known.getInitialAttr(), findParameterNumber);
  if (!initial) return std::nullopt;
  return initial.value;
}

ExpressionValue evaluate(Operation* op, Attribute number) {
  return evaluate(op, number, findNumber);
}

// Takes `@name` if that comes next.
OptionalParseResult parseOptionalName(OpAsmParser& parser,
                                      Attribute& attribute) {
  StringAttr name;
  if (failed(parser.parseOptionalSymbolName(name))) return std::nullopt;
  attribute =
      ExpressionAttr::get(parser.getContext(), "@" + name.getValue().str());
  return ParseResult(success());
}

// The parameter that an expression is the name of; null if it is no name.
HyperparameterOp findNamed(Operation* op, StringRef expression) {
  return isName(expression) ? findParameter(op, expression.drop_front())
                            : HyperparameterOp();
}

}  // namespace

std::optional<double> getLiteralNumber(Attribute literal) {
  if (auto value = dyn_cast<FloatAttr>(literal))
    return value.getValueAsDouble();
  if (auto value = dyn_cast<IntegerAttr>(literal))
    return static_cast<double>(value.getInt());
  return std::nullopt;
}

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
  HyperparameterOp parameter = findNamed(op, expression);
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
  HyperparameterOp parameter =
      findNamed(op, cast<ExpressionAttr>(text).getText());
  return parameter ? dyn_cast<StringAttr>(parameter.getValue()) : StringAttr();
}

void collectParameterNames(Attribute attribute, llvm::StringSet<>& names) {
  if (!attribute) return;
  auto inName = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  attribute.walk([&](ExpressionAttr expression) {
    StringRef rest = expression.getText();
    while (!rest.empty()) {
      rest = rest.split('@').second;
      names.insert(rest.take_while(inName));
    }
  });
}

Operation* findRegister(Operation* op, StringRef name) {
  if (auto reward = findDeclared<RewardOp>(op, name)) return reward;
  return findDeclared<RegisterOp>(op, name);
}

bool namesRegister(Operation* op, Attribute number) {
  llvm::StringSet<> names;
  collectParameterNames(number, names);
  return llvm::any_of(names.keys(), [&](StringRef name) {
    return findRegister(op, name) != nullptr;
  });
}

bool changesInTraining(Operation* op, Attribute number) {
  auto expression = dyn_cast_or_null<ExpressionAttr>(number);
  bool changes = namesRegister(op, number);
  if (expression)
    (void)evaluateExpression(
        expression.getText(), [](StringRef) { return 1.0; },
        [&](StringRef) {
          changes = true;
          return 1.0;
        });
  return changes;
}

LogicalResult verifyNumber(Operation* op, StringRef name, Attribute number,
                           const NumberRange& range, Change change) {
  if (!number) return success();
  FailureOr<double> value = getNumber(op, name, number, 0);
  if (failed(value)) return failure();
  if (change == Change::no && changesInTraining(op, number))
    return op->emitOpError("expects '")
           << name << "' to be the same in each step, got \""
           << cast<ExpressionAttr>(number).getText() << '"';
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

void printText(OpAsmPrinter& printer, Operation* op, Attribute text) {
  if (auto value = dyn_cast<StringAttr>(text))
    printer.printString(value.getValue());
  else
    printNumber(printer, op, text);
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
