// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/host_expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

namespace graft::exec {
namespace {

constexpr int kDeepest = 100;
// As kMaxExpressionStack of the runtime.
constexpr size_t kMostNumbers = 32;

using Steps = std::vector<ExpressionStep>;

struct Operator {
  int level;  // of precedence, from low to high
  llvm::StringRef text;
  ExpressionOp op;
  bool swapped = false;  // a > b is b < a
  bool negated = false;  // a != b is not a == b
};

// Longer texts come before their prefixes.
constexpr Operator kOperators[] = {
    {0, "or", ExpressionOp::kEither},
    {1, "and", ExpressionOp::kBoth},
    {2, "==", ExpressionOp::kEqual},
    {2, "!=", ExpressionOp::kEqual, false, true},
    {3, "<=", ExpressionOp::kLessEqual},
    {3, ">=", ExpressionOp::kLessEqual, true},
    {3, "<", ExpressionOp::kLess},
    {3, ">", ExpressionOp::kLess, true},
    {4, "+", ExpressionOp::kAdd},
    {4, "-", ExpressionOp::kSubtract},
    {5, "*", ExpressionOp::kMultiply},
    {5, "/", ExpressionOp::kDivide},
    {5, "%", ExpressionOp::kModulo},
};
constexpr int kLevels = 6;

struct Function {
  llvm::StringRef name;
  ExpressionOp op;
  int operands;
};

constexpr Function kFunctions[] = {
    {"min", ExpressionOp::kMinimum, 2},   {"max", ExpressionOp::kMaximum, 2},
    {"exp", ExpressionOp::kExp, 1},       {"log", ExpressionOp::kLog, 1},
    {"sqrt", ExpressionOp::kSqrt, 1},     {"cos", ExpressionOp::kCos, 1},
    {"floor", ExpressionOp::kFloor, 1},   {"ceil", ExpressionOp::kCeil, 1},
    {"round", ExpressionOp::kRound, 1},   {"select", ExpressionOp::kSelect, 3},
    {"finite", ExpressionOp::kFinite, 1}, {"random", ExpressionOp::kRandom, 1},
};

bool inName(char c) { return llvm::isAlnum(c) || c == '_'; }

void append(Steps& to, Steps steps) {
  to.insert(to.end(), std::make_move_iterator(steps.begin()),
            std::make_move_iterator(steps.end()));
}

class Parser {
 public:
  explicit Parser(llvm::StringRef text) : text(text), rest(text) {}

  ParsedExpression run() {
    Steps steps = parseLevel(0);
    skip();
    if (error.empty() && !rest.empty()) fail("an operator or the end");
    if (error.empty() && countNumbers(steps) > kMostNumbers)
      error = "expects an expression of at most " +
              std::to_string(kMostNumbers) + " numbers at once, got \"" +
              text.str() + "\"";
    return {std::move(steps), error};
  }

 private:
  // The numbers that the steps need at once.
  static size_t countNumbers(const Steps& steps) {
    size_t depth = 0, most = 0;
    for (const ExpressionStep& step : steps) {
      depth += 1 - operandsOf(step.op);
      most = std::max(most, depth);
    }
    return most;
  }

  static size_t operandsOf(ExpressionOp op) {
    for (const Function& function : kFunctions)
      if (function.op == op) return function.operands;
    if (op <= ExpressionOp::kSum || op == ExpressionOp::kTaskRows) return 0;
    return op == ExpressionOp::kNegate || op == ExpressionOp::kOpposite ? 1 : 2;
  }

  void skip() { rest = rest.ltrim(); }

  Steps fail(const llvm::Twine& expected) {
    if (error.empty())
      error = ("expects " + expected + " in \"" + text + "\", got " +
               (rest.empty() ? llvm::Twine("its end") : "\"" + rest + "\""))
                  .str();
    return {};
  }

  // Takes a word or an operator. A word does not end inside of a name.
  bool take(llvm::StringRef token) {
    skip();
    if (!rest.starts_with(token)) return false;
    llvm::StringRef after = rest.drop_front(token.size());
    if (inName(token.back()) && !after.empty() && inName(after.front()))
      return false;
    rest = after;
    return true;
  }

  void expect(llvm::StringRef token) {
    if (error.empty() && !take(token)) fail("'" + token + "'");
  }

  // A name that is no operator; empty after an error.
  std::string parseName(llvm::StringRef what) {
    skip();
    llvm::StringRef name = rest.take_while(inName);
    if (name.empty() || llvm::isDigit(name.front())) {
      fail(what);
      return {};
    }
    rest = rest.drop_front(name.size());
    return name.str();
  }

  // Operators of `level` and above.
  Steps parseLevel(int level) {
    if (level == kLevels) return parseUnary();
    Steps steps = parseLevel(level + 1);
    while (error.empty()) {
      const auto* found = std::find_if(
          std::begin(kOperators), std::end(kOperators),
          [&](const Operator& o) { return o.level == level && take(o.text); });
      if (found == std::end(kOperators)) break;
      Steps other = parseLevel(level + 1);
      if (found->swapped) std::swap(steps, other);
      append(steps, std::move(other));
      steps.push_back({found->op});
      if (found->negated) steps.push_back({ExpressionOp::kOpposite});
    }
    return steps;
  }

  Steps parseUnary() {
    if (++depth > kDeepest) return fail("less nesting");
    Steps steps = parseUnnested();
    --depth;
    return steps;
  }

  Steps parseUnnested() {
    for (auto [token, op] : {std::pair("-", ExpressionOp::kNegate),
                             std::pair("not", ExpressionOp::kOpposite)}) {
      if (!take(token)) continue;
      Steps steps = parseUnary();
      steps.push_back({op});
      return steps;
    }
    if (take("(")) {
      Steps steps = parseLevel(0);
      expect(")");
      return steps;
    }
    skip();
    if (rest.empty() || !inName(rest.front()) || llvm::isDigit(rest.front()))
      return {{ExpressionOp::kConstant, {}, {}, {}, parseNumber()}};
    llvm::StringRef before = rest;
    std::string name = parseName("a name");
    if (name == "and" || name == "or" || name == "where") {
      rest = before;
      return fail("a number, a name or a function");
    }
    if (!take("(")) return {{ExpressionOp::kLoad, name}};
    return parseCall(name, before);
  }

  double parseNumber() {
    size_t size = 0;
    while (size < rest.size() &&
           (llvm::isDigit(rest[size]) || rest[size] == '.' ||
            rest[size] == 'e' || rest[size] == 'E' ||
            // The sign of an exponent.
            (size > 0 && (rest[size] == '+' || rest[size] == '-') &&
             (rest[size - 1] == 'e' || rest[size - 1] == 'E'))))
      ++size;
    double value = 0;
    // True is LLVM's way to say that it failed.
    if (size == 0 || rest.take_front(size).getAsDouble(value) ||
        !std::isfinite(value)) {
      fail("a number, a name or a function");
      return 0;
    }
    rest = rest.drop_front(size);
    return value;
  }

  // What follows `name (`. `before` begins at the name.
  Steps parseCall(llvm::StringRef name, llvm::StringRef before) {
    if (name == "rows") return parseStream(ExpressionOp::kRows);
    if (name == "task_rows") return parseStream(ExpressionOp::kTaskRows);
    if (name == "present") return parseStream(ExpressionOp::kPresent);
    if (name == "sum") return parseStream(ExpressionOp::kSum);
    const auto* function =
        std::find_if(std::begin(kFunctions), std::end(kFunctions),
                     [&](const Function& f) { return f.name == name; });
    if (function == std::end(kFunctions)) {
      rest = before;
      return fail("a function of the host, such as min, select or sum");
    }
    Steps steps;
    for (int i = 0; i < function->operands && error.empty(); ++i) {
      if (i > 0) expect(",");
      append(steps, parseLevel(0));
    }
    expect(")");
    steps.push_back({function->op});
    return steps;
  }

  Steps parseStream(ExpressionOp op) {
    ExpressionStep step{op};
    expect("@");
    if (error.empty()) step.name = parseName("the name of a stream");
    if (op == ExpressionOp::kSum) parseSum(step);
    expect(")");
    return {std::move(step)};
  }

  // [FIELD] [where FIELD != NUMBER]
  void parseSum(ExpressionStep& step) {
    bool masked = error.empty() && take("where");
    skip();
    if (!masked && !rest.starts_with(")") && error.empty()) {
      step.field = parseName("a field");
      masked = take("where");
    }
    if (!masked || !error.empty()) return;
    step.mask = parseName("a field");
    expect("!=");
    bool negative = error.empty() && take("-");
    skip();
    if (error.empty()) step.value = parseNumber();
    if (negative) step.value = -step.value;
  }

  llvm::StringRef text, rest;
  std::string error;
  int depth = 0;
};

}  // namespace

ParsedExpression parseExpression(llvm::StringRef text) {
  return Parser(text).run();
}

std::string numberText(double number) {
  // Larger integers are not all doubles.
  if (number == std::floor(number) && std::abs(number) <= 1e15)
    return std::to_string(static_cast<int64_t>(number));
  char buffer[32];
  auto [end, error] = std::to_chars(buffer, std::end(buffer), number);
  std::string text(buffer, end);
  // MLIR reads an exponent behind a point only.
  size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos)
    text.insert(exponent, ".0");
  return text;
}

}  // namespace graft::exec
