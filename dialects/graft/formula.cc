// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The parser of formulas.

#include "dialects/graft/formula.h"

#include <optional>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace graft::formula {
namespace {

constexpr int kDeepest = 100;
// As much of the text as a message repeats.
constexpr size_t kShown = 20;

bool isNameCharacter(char c) { return llvm::isAlnum(c) || c == '_'; }

// Characters of the number that `rest` begins with; 0: none.
size_t numberSize(StringRef rest) {
  auto digitsFrom = [&](size_t begin) {
    return rest.drop_front(begin).take_while(llvm::isDigit).size();
  };
  size_t size = digitsFrom(0);
  if (size == 0) return 0;
  if (rest.substr(size, 1) == ".") size += 1 + digitsFrom(size + 1);
  StringRef exponent = rest.drop_front(size);
  if (!exponent.consume_front("e") && !exponent.consume_front("E")) return size;
  bool sign = exponent.consume_front("-") || exponent.consume_front("+");
  size_t digits = exponent.take_while(llvm::isDigit).size();
  return digits == 0 ? size : size + 1 + (sign ? 1 : 0) + digits;
}

std::optional<Function> findFunction(StringRef name) {
  return llvm::StringSwitch<std::optional<Function>>(name)
      .Case("exp", Function::exp)
      .Case("log", Function::log)
      .Case("sqrt", Function::sqrt)
      .Case("tanh", Function::tanh)
      .Case("sigmoid", Function::sigmoid)
      .Case("relu", Function::relu)
      .Case("softplus", Function::softplus)
      .Case("max", Function::max)
      .Case("min", Function::min)
      .Case("step", Function::step)
      .Default(std::nullopt);
}

std::optional<Reduction> findReduction(StringRef name) {
  return llvm::StringSwitch<std::optional<Reduction>>(name)
      .Case("sum", Reduction::sum)
      .Case("mean", Reduction::mean)
      .Case("max", Reduction::max)
      .Default(std::nullopt);
}

bool isReserved(StringRef name) {
  return name == "is" || findFunction(name) || findReduction(name);
}

class Parser {
 public:
  Parser(StringRef text, EmitError emitError)
      : rest(text), emitError(emitError) {
    formula.text = text.str();
  }

  FailureOr<Formula> run() {
    parseHeader();
    if (!failed) formula.root = parseSum();
    skip();
    if (!failed && !rest.empty()) fail("an operator or the end");
    if (!failed) checkUses();
    if (failed) return failure();
    return std::move(formula);
  }

 private:
  using NodePtr = std::unique_ptr<Node>;

  void skip() { rest = rest.ltrim(); }
  size_t position() const { return formula.text.size() - rest.size(); }

  std::nullptr_t fail(const Twine& expected) {
    skip();
    if (failed) return nullptr;
    failed = true;
    InFlightDiagnostic diagnostic = emitError() << "expects " << expected
                                                << " at character "
                                                << position() + 1 << ", got ";
    if (rest.empty())
      diagnostic << "the end of the formula";
    else
      diagnostic << '"' << rest.take_front(kShown) << '"';
    return nullptr;
  }
  // At what has been read already.
  std::nullptr_t failAt(size_t place, const Twine& expected) {
    if (!failed) rest = StringRef(formula.text).drop_front(place);
    return fail(expected);
  }

  bool take(StringRef token) {
    skip();
    return rest.consume_front(token);
  }
  bool expect(StringRef token) {
    if (failed || take(token)) return !failed;
    fail("'" + token + "'");
    return false;
  }
  // Empty if there is none.
  StringRef takeName() {
    skip();
    if (rest.empty() || !llvm::isAlpha(rest.front())) return {};
    StringRef name = rest.take_while(isNameCharacter);
    rest = rest.drop_front(name.size());
    return name;
  }

  void parseHeader();
  void parseOperand();
  void parseIndices(SmallVectorImpl<std::string>& names);
  void nameIndices(ArrayRef<SmallVector<std::string>> operands,
                   ArrayRef<std::string> result);
  Index indexOf(StringRef name);
  void checkUses();

  NodePtr make(Kind kind, size_t place) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->position = place;
    return node;
  }
  NodePtr parseSum() { return parseChain(Kind::sum, "+", "-"); }
  NodePtr parseProduct() { return parseChain(Kind::product, "*", "/"); }
  // Terms, or factors, between these operators.
  NodePtr parseChain(Kind kind, StringRef plain, StringRef inverse);
  NodePtr parseFactor();
  NodePtr parseUnnested();
  NodePtr parseNumber();
  NodePtr parseNamed();
  NodePtr parseFunction(Function function, size_t place);
  NodePtr parseReduction(Reduction reduction, size_t place);
  NodePtr parseIs(size_t place);
  // The operand of the name, marked as used; none if there is none.
  std::optional<unsigned> findOperand(StringRef name);

  Formula formula;
  SmallVector<SmallVector<std::string>> listed;  // indices of each operand
  SmallVector<bool> used;
  StringRef rest;
  EmitError emitError;
  int depth = 0;
  bool failed = false;
};

void Parser::parseHeader() {
  do parseOperand();
  while (!failed && take(","));
  SmallVector<std::string> result;
  if (!failed && take("->")) {
    formula.namesResult = true;
    if (expect("[")) parseIndices(result);
  }
  if (failed) return;
  if (!take(":")) {
    fail(formula.namesResult ? "':'" : "',', '->' or ':'");
    return;
  }
  nameIndices(listed, result);
}

void Parser::parseOperand() {
  skip();
  size_t place = position();
  StringRef name = takeName();
  if (name.empty()) {
    fail("the name of an operand");
    return;
  }
  if (isReserved(name)) {
    failAt(place, "a name that is no function");
    return;
  }
  for (const Operand& other : formula.operands)
    if (other.name == name) {
      failAt(place, "each operand once");
      return;
    }
  Operand& operand = formula.operands.emplace_back();
  operand.name = name.str();
  operand.position = place;
  operand.likeResult = !take("[");
  used.push_back(false);
  SmallVector<std::string>& names = listed.emplace_back();
  if (!operand.likeResult) parseIndices(names);
}

// Behind the '['.
void Parser::parseIndices(SmallVectorImpl<std::string>& names) {
  if (take("]")) return;
  do {
    skip();
    size_t place = position();
    std::string name = takeName().str();
    if (name.empty() && take("1")) name = "1";
    if (name.empty()) {
      fail("an index or 1");
      return;
    }
    if (names.size() == 2) {
      failAt(place, "two indices at most");
      return;
    }
    if (name != "1" && llvm::is_contained(names, name)) {
      failAt(place, "different indices");
      return;
    }
    if (isReserved(name)) {
      failAt(place, "an index that is no function");
      return;
    }
    names.push_back(std::move(name));
  } while (take(","));
  if (!take("]")) fail("',' or ']'");
}

// Those of the result first.
void Parser::nameIndices(ArrayRef<SmallVector<std::string>> operands,
                         ArrayRef<std::string> result) {
  auto number = [&](ArrayRef<std::string> names, Indices& indices) {
    for (StringRef name : names)
      indices.push_back(name == "1" ? kOne : indexOf(name));
  };
  number(result, formula.result);
  for (auto [operand, names] : llvm::zip_equal(formula.operands, operands))
    number(names, operand.indices);
  for (const Operand& operand : formula.operands)
    for (const NamedIndex& index : formula.indices)
      if (operand.name == index.name) {
        failAt(operand.position, "other names for operands than for indices");
        return;
      }
}

Index Parser::indexOf(StringRef name) {
  for (auto [number, index] : llvm::enumerate(formula.indices))
    if (index.name == name) return number;
  formula.indices.emplace_back().name = name.str();
  return formula.indices.size() - 1;
}

void Parser::checkUses() {
  for (auto [operand, isUsed] : llvm::zip_equal(formula.operands, used))
    if (!isUsed) {
      failAt(operand.position, "an operand that the formula uses");
      return;
    }
}

std::optional<unsigned> Parser::findOperand(StringRef name) {
  for (auto [number, operand] : llvm::enumerate(formula.operands)) {
    if (operand.name != name) continue;
    used[number] = true;
    return number;
  }
  return std::nullopt;
}

std::unique_ptr<Node> Parser::parseChain(Kind kind, StringRef plain,
                                         StringRef inverse) {
  skip();
  NodePtr chain = make(kind, position());
  bool isInverse = false;
  do {
    chain->children.push_back(kind == Kind::sum ? parseProduct()
                                                : parseFactor());
    chain->inverse.push_back(isInverse);
    if (failed) return nullptr;
    isInverse = take(inverse);
  } while (isInverse || take(plain));
  if (chain->children.size() > 1) return chain;
  return std::move(chain->children.front());
}

std::unique_ptr<Node> Parser::parseFactor() {
  if (++depth > kDeepest) return fail("less nesting");
  NodePtr node = parseUnnested();
  --depth;
  return node;
}

std::unique_ptr<Node> Parser::parseUnnested() {
  skip();
  size_t place = position();
  if (take("-")) {
    NodePtr negative = make(Kind::sum, place);
    negative->children.push_back(parseFactor());
    negative->inverse.push_back(true);
    return failed ? nullptr : std::move(negative);
  }
  if (take("(")) {
    NodePtr inner = parseSum();
    return expect(")") ? std::move(inner) : nullptr;
  }
  if (!rest.empty() && llvm::isAlpha(rest.front())) return parseNamed();
  return parseNumber();
}

std::unique_ptr<Node> Parser::parseNumber() {
  NodePtr node = make(Kind::number, position());
  size_t size = numberSize(rest);
  // True is LLVM's way to say that it failed.
  if (size == 0 || rest.take_front(size).getAsDouble(node->number))
    return fail("a number, an operand or a function");
  rest = rest.drop_front(size);
  return node;
}

std::unique_ptr<Node> Parser::parseNamed() {
  size_t place = position();
  StringRef name = takeName();
  if (name == "is") return parseIs(place);
  skip();
  std::optional<Reduction> reduction = findReduction(name);
  // `max` is both.
  if (reduction && !rest.starts_with("("))
    return parseReduction(*reduction, place);
  if (std::optional<Function> function = findFunction(name))
    return parseFunction(*function, place);
  if (reduction) return fail("an index or segments");
  std::optional<unsigned> operand = findOperand(name);
  if (!operand) return failAt(place, "a number, an operand or a function");
  NodePtr node = make(Kind::operand, place);
  node->operand = *operand;
  return node;
}

std::unique_ptr<Node> Parser::parseFunction(Function function, size_t place) {
  NodePtr node = make(Kind::function, place);
  node->function = function;
  bool two = function == Function::max || function == Function::min ||
             function == Function::step;
  if (!expect("(")) return nullptr;
  node->children.push_back(parseSum());
  if (two && expect(",")) node->children.push_back(parseSum());
  return expect(")") ? std::move(node) : nullptr;
}

std::unique_ptr<Node> Parser::parseReduction(Reduction reduction,
                                             size_t place) {
  NodePtr node = make(Kind::reduction, place);
  node->reduction = reduction;
  size_t at = position();
  StringRef name = takeName();
  if (std::optional<unsigned> operand = findOperand(name)) {
    node->operand = *operand;
    node->overTokens = true;
    if (reduction == Reduction::sum)
      return failAt(at, "an index, or a mean or max over segments");
  } else {
    size_t known = formula.indices.size();
    node->index = indexOf(name);
    if (name.empty() || formula.indices.size() > known)
      return failAt(at, "an index or segments");
  }
  if (!expect("(")) return nullptr;
  node->children.push_back(parseSum());
  return expect(")") ? std::move(node) : nullptr;
}

std::unique_ptr<Node> Parser::parseIs(size_t place) {
  NodePtr node = make(Kind::is, place);
  if (!expect("(")) return nullptr;
  skip();
  size_t at = position();
  std::optional<unsigned> operand = findOperand(takeName());
  if (!operand) return failAt(at, "an operand of labels");
  node->operand = *operand;
  if (!expect(",")) return nullptr;
  skip();
  at = position();
  StringRef name = takeName();
  size_t known = formula.indices.size();
  node->index = indexOf(name);
  if (name.empty() || formula.indices.size() > known)
    return failAt(at, "an index of an operand or of the result");
  return expect(")") ? std::move(node) : nullptr;
}

}  // namespace

FailureOr<Formula> parse(StringRef text, EmitError emitError) {
  return Parser(text, emitError).run();
}

}  // namespace graft::formula
