// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/check_numerics.h"

#include <cmath>
#include <limits>
#include <map>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/FormatVariadic.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/Pass.h"
#include "passes/autodiff/expand_gradients.h"
#include "passes/interpret/random_inputs.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// What one run of a phase gave: results and written slots by name.
using Outcome = std::map<std::string, Value>;

struct Phase {
  SmallVector<Value> arguments;
  Outcome expected;
  bool skipped = false;
};

std::string describe(Pass* pass) {
  StringRef name = pass->getArgument();
  return name.empty() ? "passes on functions" : "pass '" + name.str() + "'";
}

// Largest |got - want| / (1 + |want|); infinite where shapes differ or one
// side is not finite.
double distance(const Tensor& got, const Tensor& want) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (got.shape != want.shape) return kInfinity;
  double largest = 0;
  for (size_t i = 0; i < want.values.size(); ++i) {
    double x = got.values[i], y = want.values[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    double error = std::abs(x - y) / (1 + std::abs(y));
    largest = std::max(largest, std::isfinite(error) ? error : kInfinity);
  }
  return largest;
}

// The first op that the interpreter does not know, in `function` and what it
// calls; null when there is none.
Operation* findUnknown(func::FuncOp function) {
  Operation* unknown = nullptr;
  function.walk([&](Operation* op) {
    if (op == function || isa<ReadOp, WriteOp, CallOp, RepeatOp>(op) ||
        op->hasTrait<OpTrait::IsTerminator>() ||
        getReferences().contains(op->getName().getStringRef()))
      return WalkResult::advance();
    unknown = op;
    return WalkResult::interrupt();
  });
  return unknown;
}

class CheckNumerics : public PassInstrumentation {
 public:
  explicit CheckNumerics(const CheckNumericsOptions& options)
      : options(options) {}

  void runBeforePass(Pass* pass, Operation* op) override {
    if (!isChecked(op) || started) return;
    started = true;
    if (failed(check(cast<ModuleOp>(op), nullptr))) signalPassFailure(pass);
  }

  void runAfterPass(Pass* pass, Operation* op) override {
    if (!isChecked(op) || found) return;
    if (failed(check(cast<ModuleOp>(op), pass))) {
      found = true;
      signalPassFailure(pass);
    }
  }

 private:
  static bool isChecked(Operation* op) {
    return isa<ModuleOp>(op) && !op->getParentOp();
  }

  // Compares every phase of a copy of `module` with its first run; `pass` is
  // the one that just ran, or null.
  LogicalResult check(ModuleOp module, Pass* pass) {
    OwningOpRef<ModuleOp> copy(module.clone());
    bool differentiable = expandQuietly(*copy);
    Interpreter interpreter(*copy);
    for (const auto& slot : slots) {
      auto [model, name] = slot.getKey().split("::");
      interpreter.setSlot(model, name, slot.getValue());
    }
    setRandomSlots(*copy, options.seed, interpreter);
    slots = interpreter.getSlots();
    for (auto function : copy->getOps<func::FuncOp>()) {
      if (!function->hasAttr("graft.phase")) continue;
      if (!differentiable &&
          function.walk([](GradientsOp) { return WalkResult::interrupt(); })
              .wasInterrupted())
        continue;  // The pass that expands it will say why.
      if (failed(checkPhase(function, interpreter, pass))) return failure();
    }
    return success();
  }

  static bool expandQuietly(ModuleOp module) {
    ScopedDiagnosticHandler silent(module.getContext(),
                                   [](Diagnostic&) { return success(); });
    return succeeded(expandGradients(module));
  }

  LogicalResult checkPhase(func::FuncOp function, Interpreter& interpreter,
                           Pass* pass) {
    Phase& phase = phases[function.getName()];
    if (phase.skipped) return success();
    if (Operation* unknown = findUnknown(function)) {
      phase.skipped = true;
      emitRemark(function.getLoc())
          << "numerics of @" << function.getName() << " are not checked "
          << (pass ? "after " + describe(pass) : std::string("at all"))
          << ": the interpreter does not know '" << unknown->getName() << "'";
      return success();
    }
    bool first = phase.arguments.empty() && phase.expected.empty();
    if (first) {
      RandomInputOptions inputs;
      inputs.seed = options.seed;
      auto arguments = makeRandomInputs(function, inputs);
      if (failed(arguments)) return failure();
      phase.arguments = std::move(*arguments);
    }
    // Each phase starts from the same slots, whatever another one wrote.
    Interpreter fresh = interpreter;
    fresh.setRandomState({options.seed, 1, 0});
    auto results = fresh.run(function, phase.arguments);
    if (failed(results))
      return function.emitError("cannot be run any more")
             << (pass ? " after " + describe(pass) : std::string());
    Outcome outcome;
    for (auto [index, result] : llvm::enumerate(*results))
      outcome["result '" + resultName(function, index) + "'"] = result;
    for (const std::string& key : fresh.getWritten())
      outcome["write of '" + key + "'"] = fresh.getSlots().lookup(key);
    if (first) {
      phase.expected = std::move(outcome);
      return success();
    }
    return compare(function, phase.expected, outcome, pass);
  }

  LogicalResult compare(func::FuncOp function, const Outcome& expected,
                        const Outcome& got, Pass* pass) {
    for (const auto& [name, value] : expected) {
      if (!value.isTensor()) continue;
      auto it = got.find(name);
      if (it == got.end() || !it->second.isTensor())
        return function.emitError("has no ")
               << name << " any more after " << describe(pass);
      double moved = distance(it->second.tensor(), value.tensor());
      double limit = tolerance(value.tensor().kind);
      if (moved <= limit) continue;
      return function.emitError("expects ")
             << describe(pass) << " to keep " << name << " within "
             << llvm::formatv("{0:e1}", limit).str() << ", got a distance of "
             << llvm::formatv("{0:e1}", moved).str();
    }
    return success();
  }

  double tolerance(ElementKind kind) const {
    switch (kind) {
      case ElementKind::f32:
        return options.toleranceF32;
      case ElementKind::f16:
        return options.toleranceF16;
      case ElementKind::bf16:
        return options.toleranceBF16;
      case ElementKind::i32:
        break;
    }
    return 0;
  }

  CheckNumericsOptions options;
  bool started = false;
  bool found = false;
  llvm::StringMap<Phase> phases;
  llvm::StringMap<Value> slots;
};

}  // namespace

std::unique_ptr<PassInstrumentation> createCheckNumerics(
    const CheckNumericsOptions& options) {
  return std::make_unique<CheckNumerics>(options);
}

}  // namespace graft::interpret
