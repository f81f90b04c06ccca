// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/expression.h"

#include <algorithm>
#include <cmath>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

namespace graft::transfer {
namespace {

constexpr int kDeepest = 100;

bool isNameCharacter(char c) { return llvm::isAlnum(c) || c == '_'; }

// Characters of the number that `rest` begins with; 0: none.
size_t numberSize(llvm::StringRef rest) {
  size_t size = 0;
  while (size < rest.size() &&
         (llvm::isDigit(rest[size]) || rest[size] == '.' ||
          (size > 0 && (rest[size] == 'e' || rest[size] == 'E')) ||
          // The sign of an exponent.
          (size > 0 && (rest[size] == '+' || rest[size] == '-') &&
           (rest[size - 1] == 'e' || rest[size - 1] == 'E'))))
    ++size;
  return size;
}

bool isFunction(llvm::StringRef name) {
  return llvm::is_contained({"min", "max", "exp", "log", "sqrt", "cos"}, name);
}

class Evaluator {
 public:
  Evaluator(llvm::StringRef text, NumberLookup lookup, VariableLookup variable)
      : text(text), rest(text), lookup(lookup), variable(variable) {}

  ExpressionValue run() {
    double value = sum();
    skip();
    if (error.empty() && !rest.empty()) fail("an operator or the end");
    if (error.empty() && !std::isfinite(value))
      error = "expects \"" + text.str() + "\" to be a finite number";
    return {value, error};
  }

 private:
  void skip() { rest = rest.ltrim(); }

  double fail(const llvm::Twine& expected) {
    if (error.empty())
      error = ("expects " + expected + " in \"" + text + "\", got " +
               (rest.empty() ? llvm::Twine("its end") : "\"" + rest + "\""))
                  .str();
    return 0;
  }

  bool take(char c) {
    skip();
    return rest.consume_front(llvm::StringRef(&c, 1));
  }

  double sum() {
    double value = product();
    while (error.empty()) {
      if (take('+'))
        value += product();
      else if (take('-'))
        value -= product();
      else
        break;
    }
    return value;
  }

  double product() {
    double value = factor();
    while (error.empty()) {
      if (take('*'))
        value *= factor();
      else if (take('/'))
        value /= factor();
      else
        break;
    }
    return value;
  }

  double factor() {
    if (++depth > kDeepest) return fail("less nesting");
    double value = unnestedFactor();
    --depth;
    return value;
  }

  double unnestedFactor() {
    if (take('-')) return -factor();
    if (take('(')) {
      double value = sum();
      return take(')') || !error.empty() ? value : fail("a ')'");
    }
    if (take('@')) {
      llvm::StringRef name = rest.take_while(isNameCharacter);
      std::optional<double> value = lookup(name);
      if (!value) return fail("a parameter that is a number behind '@'");
      rest = rest.drop_front(name.size());
      return *value;
    }
    skip();
    if (!rest.empty() && llvm::isAlpha(rest.front())) return function();
    return number();
  }

  double number() {
    size_t size = numberSize(rest);
    double value = 0;
    // True is LLVM's way to say that it failed.
    if (size == 0 || rest.take_front(size).getAsDouble(value))
      return fail("a number, a name or a function");
    rest = rest.drop_front(size);
    return value;
  }

  double function() {
    llvm::StringRef before = rest;
    llvm::StringRef name = rest.take_while(isNameCharacter);
    rest = rest.drop_front(name.size());
    if (llvm::is_contained(kChangingNames, name)) return variable(name);
    bool two = name == "min" || name == "max";
    if (!isFunction(name)) {
      rest = before.take_front(name.size());
      return fail(llvm::join(std::begin(kChangingNames),
                             std::end(kChangingNames), ", ") +
                  ", min, max, exp, log, sqrt or cos");
    }
    if (!take('(')) return fail("a '('");
    double first = sum(), second = 0;
    if (two) {
      if (error.empty() && !take(',')) return fail("a ','");
      second = sum();
    }
    if (error.empty() && !take(')')) return fail("a ')'");
    if (name == "min") return std::min(first, second);
    if (name == "max") return std::max(first, second);
    if (name == "exp") return std::exp(first);
    if (name == "log") return std::log(first);
    if (name == "sqrt") return std::sqrt(first);
    return std::cos(first);
  }

  llvm::StringRef text, rest;
  NumberLookup lookup;
  VariableLookup variable;
  std::string error;
  int depth = 0;
};

}  // namespace

ExpressionValue evaluateExpression(llvm::StringRef text, NumberLookup lookup,
                                   VariableLookup variable) {
  return Evaluator(text, lookup, variable).run();
}

std::string replaceNames(llvm::StringRef text, NameText parameter,
                         NameText variable) {
  std::string replaced;
  for (llvm::StringRef rest = text; !rest.empty();) {
    bool isParameter = rest.consume_front("@");
    llvm::StringRef name = rest.take_while(isNameCharacter);
    if (isParameter) {
      replaced += parameter(name);
    } else if (size_t size = numberSize(rest)) {
      name = rest.take_front(size);
      replaced += name;
    } else if (!name.empty()) {
      replaced += isFunction(name) ? name.str() : variable(name);
    } else {
      name = rest.take_front(1);
      replaced += name;
    }
    rest = rest.drop_front(name.size());
  }
  return replaced;
}

bool isName(llvm::StringRef text) {
  return text.consume_front("@") && !text.empty() &&
         llvm::all_of(text, isNameCharacter);
}

}  // namespace graft::transfer
