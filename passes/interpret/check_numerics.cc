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
#include "passes/interpret/linalg_reference.h"
#include "passes/interpret/native_kernels.h"
#include "passes/interpret/random_inputs.h"
#include "passes/interpret/run_program.h"
#include "passes/lower/target.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// What one run of a phase gave: results and written slots by name.
using Outcome = std::map<std::string, Value>;

struct Phase {
  SmallVector<Value> arguments;
  SmallVector<std::string> results;  // names
  Outcome expected;
  bool skipped = false;
};

// What an op, launch or command of a phase computed.
struct Step {
  std::string label;
  Location location;
  SmallVector<Value> results;
};
using Trace = std::vector<Step>;

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

// Why the interpreter cannot run `op`, in the form "does not know 'x.y'";
// empty if it, or a kernel, can.
std::string findUnknown(Operation* op) {
  if (isa<ReadOp, WriteOp, CallOp, RepeatOp, RegionOp, exec::LaunchOp>(op) ||
      op->hasTrait<OpTrait::IsTerminator>() ||
      getReferences().contains(op->getName().getStringRef()))
    return "";
  return findUnknownInLinalg(op);
}

// The same of the ops in `function`: the first reason there is.
std::string findUnknown(func::FuncOp function) {
  std::string unknown;
  function.walk([&](Operation* op) {
    if (op == function) return WalkResult::advance();
    unknown = findUnknown(op);
    return unknown.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return unknown;
}

bool isPhase(Operation& op) {
  return isa<exec::ProgramOp>(op) ||
         (isa<func::FuncOp>(op) && op.hasAttr("graft.phase"));
}

template <typename Op>
bool contains(Operation* op) {
  return op->walk([](Op) { return WalkResult::interrupt(); }).wasInterrupted();
}

bool runsKernels(Operation* phase) {
  return isa<exec::ProgramOp>(phase) || contains<exec::LaunchOp>(phase);
}

uint32_t phaseOrdinal(Operation* phase) {
  if (auto program = dyn_cast<exec::ProgramOp>(phase))
    return static_cast<uint32_t>(program.getPhase());
  auto ordinal = phase->getAttrOfType<IntegerAttr>("graft.phase_ordinal");
  return ordinal ? static_cast<uint32_t>(ordinal.getInt()) : 0;
}

std::string labelOf(Operation* op) {
  SymbolRefAttr kernel;
  if (auto launch = dyn_cast<exec::LaunchOp>(op)) kernel = launch.getKernel();
  if (auto command = dyn_cast<exec::CommandOp>(op))
    kernel = command.getKernel();
  if (kernel) return "kernel '" + kernel.getLeafReference().str() + "'";
  return "'" + op->getName().getStringRef().str() + "'";
}

// How far `step` is from the step of `trace` with its location and shapes that
// is nearest, and which that is. None when there is no such step.
std::optional<std::pair<double, const Step*>> findNearest(const Step& step,
                                                          const Trace& trace,
                                                          bool sameLocation) {
  std::optional<std::pair<double, const Step*>> nearest;
  for (const Step& other : trace) {
    if (other.results.size() != step.results.size()) continue;
    if (sameLocation && other.location != step.location) continue;
    double largest = 0;
    bool sameShapes = true;
    for (auto [a, b] : llvm::zip_equal(step.results, other.results)) {
      sameShapes &= a.tensor().shape == b.tensor().shape &&
                    a.tensor().kind == b.tensor().kind;
      largest = std::max(largest, distance(a.tensor(), b.tensor()));
    }
    if (sameShapes && (!nearest || largest < nearest->first))
      nearest = {largest, &other};
  }
  return nearest;
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
    for (Operation& op : *copy->getBody()) {
      if (!isPhase(op)) continue;
      // The pass that expands it will say why it cannot.
      if (!differentiable && contains<GradientsOp>(&op)) continue;
      if (failed(checkPhase(&op, *copy, pass))) return failure();
    }
    previous = std::move(copy);
    return success();
  }

  static bool expandQuietly(ModuleOp module) {
    ScopedDiagnosticHandler silent(module.getContext(),
                                   [](Diagnostic&) { return success(); });
    return succeeded(expandGradients(module));
  }

  LogicalResult checkPhase(Operation* op, ModuleOp module, Pass* pass) {
    Phase& phase = phases[SymbolTable::getSymbolName(op)];
    if (phase.skipped) return success();
    bool first = phase.arguments.empty() && phase.expected.empty();
    if (std::string reason = findObstacle(op, first); !reason.empty()) {
      phase.skipped = true;
      emitRemark(op->getLoc())
          << "numerics of @" << SymbolTable::getSymbolName(op).getValue()
          << " are not checked "
          << (pass && !first ? "after " + describe(pass)
                             : std::string("at all"))
          << ": " << reason;
      return success();
    }
    if (first && failed(makeInputs(cast<func::FuncOp>(op), phase)))
      return failure();
    FailureOr<Outcome> outcome = runPhase(op, module, phase);
    if (failed(outcome))
      return op->emitError("cannot be run any more")
             << (pass ? " after " + describe(pass) : std::string());
    if (!first) return compare(op, phase, *outcome, pass);
    phase.expected = std::move(*outcome);
    return success();
  }

  // Why a phase cannot be checked; empty when it can.
  static std::string findObstacle(Operation* op, bool first) {
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      std::string unknown = findUnknown(function);
      return unknown.empty() ? "" : "the interpreter " + unknown;
    }
    return first ? "it is a program from the start" : "";
  }

  LogicalResult makeInputs(func::FuncOp function, Phase& phase) {
    RandomInputOptions inputs;
    inputs.seed = options.seed;
    auto arguments = makeRandomInputs(function, inputs);
    if (failed(arguments)) return failure();
    phase.arguments = std::move(*arguments);
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      phase.results.push_back(resultName(function, i));
    return success();
  }

  // Runs a phase in either form. Each starts from the same slots, whatever
  // another one wrote.
  FailureOr<Outcome> runPhase(Operation* op, ModuleOp module,
                              const Phase& phase, Trace* trace = nullptr) {
    if (runsKernels(op) && failed(kernels.load(module, getHostTarget())))
      return failure();
    Interpreter::Observer observer;
    if (trace)
      observer = [trace](Operation* step, ArrayRef<Value> results) {
        trace->push_back(
            {labelOf(step), step->getLoc(), SmallVector<Value>(results)});
      };
    RandomState random = {options.seed, 1, phaseOrdinal(op)};
    auto program = dyn_cast<exec::ProgramOp>(op);
    FailureOr<ProgramRun> run =
        program ? runProgram(program, kernels, phase.arguments, slots, random,
                             observer)
                : interpret(cast<func::FuncOp>(op), module, phase, random,
                            std::move(observer));
    if (failed(run)) return failure();
    Outcome outcome;
    for (auto [name, result] : llvm::zip_equal(phase.results, run->outputs))
      outcome["result '" + name + "'"] = result;
    for (const auto& write : run->written)
      outcome["write of '" + write.getKey().str() + "'"] = write.getValue();
    return outcome;
  }

  FailureOr<ProgramRun> interpret(func::FuncOp function, ModuleOp module,
                                  const Phase& phase, RandomState random,
                                  Interpreter::Observer observer) {
    Interpreter interpreter(module);
    for (const auto& slot : slots) {
      auto [model, name] = slot.getKey().split("::");
      interpreter.setSlot(model, name, slot.getValue());
    }
    interpreter.setRandomState(random);
    interpreter.setObserver(std::move(observer));
    interpreter.setReference(
        "exec.launch", [&](OpCall& call) { return runLaunch(kernels, call); });
    auto results = interpreter.run(function, phase.arguments);
    if (failed(results)) return failure();
    ProgramRun run;
    run.outputs = std::move(*results);
    for (const std::string& key : interpreter.getWritten())
      run.written[key] = interpreter.getSlots().lookup(key);
    return run;
  }

  LogicalResult compare(Operation* op, const Phase& phase, const Outcome& got,
                        Pass* pass) {
    StringRef worst;
    double excess = 1, moved = 0, limit = 0;  // of the worst
    for (const auto& [name, value] : phase.expected) {
      if (!value.isTensor()) continue;
      auto it = got.find(name);
      if (it == got.end() || !it->second.isTensor())
        return op->emitError("has no ")
               << name << " any more after " << describe(pass);
      double by = distance(it->second.tensor(), value.tensor());
      double allowed = tolerance(value.tensor().kind);
      if (by <= allowed || by / allowed <= excess) continue;
      worst = name;
      excess = by / allowed;
      moved = by;
      limit = allowed;
    }
    if (worst.empty()) return success();
    InFlightDiagnostic error =
        op->emitError("expects ")
        << describe(pass) << " to keep " << worst << " within "
        << llvm::formatv("{0:e1}", limit).str() << ", got a distance of "
        << llvm::formatv("{0:e1}", moved).str();
    if (runsKernels(op)) noteKernel(op, phase, error);
    return error;
  }

  // Names the first kernel whose results are none of those that the phase had
  // in between before the pass.
  void noteKernel(Operation* op, const Phase& phase,
                  InFlightDiagnostic& error) {
    Operation* before =
        previous ? previous->lookupSymbol(SymbolTable::getSymbolName(op))
                 : nullptr;
    Trace wanted, got;
    if (!before || failed(runPhase(before, *previous, phase, &wanted)) ||
        failed(runPhase(op, op->getParentOfType<ModuleOp>(), phase, &got)))
      return;
    for (const Step& step : got) {
      // An op may be several kernels, and a kernel several ops; only one that
      // has the place and shape of an op's results says something.
      auto origin = findNearest(step, wanted, /*sameLocation=*/true);
      if (!origin || step.results.empty()) continue;
      auto nearest = findNearest(step, wanted, /*sameLocation=*/false);
      if (nearest->first <= tolerance(step.results.front().tensor().kind))
        continue;
      error.attachNote(step.location)
          << step.label << " is the first that differs, from "
          << origin->second->label << " by a distance of "
          << llvm::formatv("{0:e1}", origin->first).str();
      return;
    }
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
  NativeKernels kernels;
  // The module after the last pass, gradients expanded.
  OwningOpRef<ModuleOp> previous;
};

}  // namespace

std::unique_ptr<PassInstrumentation> createCheckNumerics(
    const CheckNumericsOptions& options) {
  return std::make_unique<CheckNumerics>(options);
}

}  // namespace graft::interpret
