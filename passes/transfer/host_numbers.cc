// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The numbers of a host program that steps compute for their entries: sums over
// a batch, rates, and what the expressions of a strategy say.

#include "dialects/exec/host_expression.h"
#include "dialects/transfer/expression.h"
#include "dialects/transfer/number.h"
#include "passes/transfer/host_program.h"

using namespace mlir;

namespace graft::transfer {

// A number as a term of an expression.
static std::string literal(double value) {
  std::string text = exec::numberText(value);
  return value < 0 ? "(" + text + ")" : text;
}

StringRef BatchSum::getInput() const {
  if (weighted) return ignored ? "labelled_weight_total" : "weight_total";
  return ignored ? "labelled" : "total";
}

// A sum is not called as its input is where that says too little.
std::string HostProgram::variableOf(StreamOp stream, const BatchSum& sum) {
  StringRef name = sum == BatchSum() ? "examples" : sum.getInput();
  if (stream == streams.front()) return name.str();
  return (stream.getSymName() + "_" + name).str();
}

std::string HostProgram::variableOfRegister(StringRef name) {
  return (name + "_register").str();
}

exec::SourceAttr HostProgram::addSum(StreamOp stream, const BatchSum& sum) {
  std::string variable = variableOf(stream, sum);
  std::pair<StreamOp, BatchSum> added = {stream, sum};
  if (!llvm::is_contained(sums, added)) {
    sums.push_back(added);
    host->declareVariable(variable);
  }
  return sourceOf(variable);
}

std::pair<std::string, exec::SourceAttr> HostProgram::addNumber(
    Attribute number, PhaseOp phase, Range range) {
  auto* found = llvm::find_if(
      numbers, [&](const Number& known) { return known.value == number; });
  if (found == numbers.end()) {
    std::string name = "factor" + std::to_string(numbers.size());
    host->declareVariable(name);
    numbers.push_back({name, number, Range::finite, {}});
    found = &numbers.back();
  }
  found->range = std::max(found->range, range);
  if (!llvm::is_contained(found->phases, phase)) found->phases.push_back(phase);
  return {found->variable, sourceOf(found->variable)};
}

std::string HostProgram::term(Attribute number) {
  if (!number) return "0";
  if (std::optional<double> value = getLiteralNumber(number))
    return literal(*value);
  StringRef text = cast<ExpressionAttr>(number).getText();
  std::string term = replaceNames(
      text,
      [&](StringRef name) {
        if (findRegister(strategy, name)) return "$" + variableOfRegister(name);
        // Registers have the names of the parameters.
        if (runParameters.contains(name)) return name.str();
        auto parameter =
            cast<HyperparameterOp>(SymbolTable::lookupSymbolIn(strategy, name));
        return literal(*getLiteralNumber(parameter.getValue()));
      },
      [&](StringRef variable) -> std::string {
        if (variable == "progress")
          return "(" + stepsDone() + " / " + stageSteps() + ")";
        if (variable == "step") return stepsDone();
        return "$" + variable.str();
      });
  return isName(text) ? term : "(" + term + ")";
}

// None of them is 0: a batch may have no labels.
void HostProgram::addSums(ArrayRef<StreamOp> taken) {
  for (auto [stream, sum] : sums) {
    if (!llvm::is_contained(taken, stream)) continue;
    std::string text = "sum(@" + stream.getSymName().str();
    if (sum.weighted) text += " weights";
    if (sum.ignored) text += " where labels != " + std::to_string(*sum.ignored);
    text += ")";
    if (sum.weighted)
      text = "select(" + text + " == 0, 1, " + text + ")";
    else if (sum.ignored)
      text = "max(" + text + ", 1)";
    host->set("$" + variableOf(stream, sum), text);
  }
}

// Warm-up from 0 to the peak, then as the schedule says: constant, or linear or
// half a cosine down to 0 at the last step of the stage.
std::string HostProgram::rateExpression(PhaseOp phase) {
  std::string peak = term(phase.getRateAttr());
  std::string step = stepsDone();
  std::string warmup = "$" + variableOf(phase, "warmup_steps");
  std::string total = stageSteps();
  std::string warm = "select(" + step + " < " + warmup + ", " + peak + " * " +
                     step + " / " + warmup + ", ";
  StringRef schedule =
      getVerifiedText(phase, phase.getScheduleAttr()).getValue();
  if (schedule == "constant") return warm + peak + ")";
  std::string left = "max(0, (" + total + " - " + step + ") / max(1, " + total +
                     " - " + warmup + "))";
  if (schedule == "linear") return warm + peak + " * " + left + ")";
  return warm + peak + " * 0.5 * (1 + cos(3.141592653589793 * (1 - " + left +
         "))))";
}

void HostProgram::checkNumber(StringRef variable, Attribute number,
                              Range range) {
  if (!changesInTraining(strategy, number)) return;
  std::string name = "$" + variable.str();
  std::string wrong = "not finite(" + name + ")";
  if (range != Range::finite) wrong += " or " + name + " < 0";
  if (range == Range::share) wrong += " or " + name + " > 1";
  std::string text = cast<ExpressionAttr>(number).getText().str();
  failWhen(wrong,
           "expects \"" + text + "\" to be " +
               (range == Range::rate    ? "a rate that is not negative"
                : range == Range::share ? "a share from 0 to 1"
                                        : "a finite factor"),
           name);
}

void HostProgram::setNumbers(PhaseOp phase) {
  for (const Number& number : numbers) {
    if (!llvm::is_contained(number.phases, phase)) continue;
    host->set("$" + number.variable, term(number.value));
    checkNumber(number.variable, number.value, number.range);
  }
}

}  // namespace graft::transfer
