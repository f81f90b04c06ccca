// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Recomputation (activation checkpointing): trades time for memory (Chen et
// al., Training Deep Nets with Sublinear Memory Cost, 2016). Launches are
// chosen by cost as in Checkmate (Jain et al., 2020), but greedily.

#include <algorithm>
#include <optional>

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/phases.h"
#include "llvm/ADT/SetVector.h"
#include "mlir/IR/IRMapping.h"
#include "passes/plan/memory_plan.h"
#include "passes/plan/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PLANRECOMPUTEPASS
#include "passes/plan/passes.h.inc"

namespace {

using exec::LaunchOp;

// Rates that turn the cost of a launch into seconds. Only their ratio matters:
// a processor does about ten FLOPs in the time of one byte.
constexpr double kFlopsPerSecond = 1e11, kBytesPerSecond = 1e10;
// Overhead of a launch.
constexpr double kLaunchSeconds = 5e-6;

// A launch that could be recomputed, with the launches that it needs.
struct Candidate {
  LaunchOp launch;
  LaunchOp before;                    // first user of a result after the peak
  llvm::SetVector<Operation*> chain;  // launches to repeat, in execution order
  int64_t bytes = 0;
  double seconds = 0;

  double score() const { return static_cast<double>(bytes) / seconds; }
};

class Recomputation {
 public:
  // The size of an arena, and the time of all recomputation it needs.
  struct Step {
    int64_t bytes;
    double seconds;
  };

  Recomputation(func::FuncOp function, const SizeBounds& bounds)
      : function(function), bounds(bounds) {}

  // The arenas that `run` reached, each smaller than the one before.
  ArrayRef<Step> getSteps() const { return steps; }

  // Returns the estimated time of all launches.
  double getSeconds() {
    double sum = 0;
    for (auto launch : function.getBody().front().getOps<LaunchOp>())
      sum += secondsOf(launch);
    return sum;
  }

  // Adds launches until the plan fits into `budget` bytes or no launch helps.
  // Returns the smallest arena found. Deterministic. Fails like planMemory.
  FailureOr<int64_t> run(int64_t budget) {
    FailureOr<MemoryPlan> plan = planMemory(function, bounds);
    if (failed(plan)) return failure();
    // An arena may grow although its peak falls, because of gaps; `steps` keeps
    // only smaller ones.
    steps = {{plan->arenaBytes, 0}};
    double seconds = 0;
    while (plan->arenaBytes > budget && plan->peak) {
      std::optional<Candidate> best = findBest(plan->peak);
      if (!best) break;
      apply(*best);
      FailureOr<MemoryPlan> next = planMemory(function, bounds);
      if (failed(next)) return failure();
      if (helps(*plan, *next)) {
        plan = std::move(next);
        seconds += best->seconds;
        if (plan->arenaBytes < steps.back().bytes)
          steps.push_back({plan->arenaBytes, seconds});
        // A launch that did not help at this peak may help at the next one.
        refused.clear();
      } else {
        revert();
        refused.insert(best->launch);
      }
    }
    return steps.back().bytes;
  }

 private:
  // Returns whether the peak is lower, or equal and shorter.
  static bool helps(const MemoryPlan& before, const MemoryPlan& after) {
    return std::pair(after.liveBytes, after.peakLength) <
           std::pair(before.liveBytes, before.peakLength);
  }

  double evaluate(ArrayRef<exec::CostTermAttr> terms) const {
    double sum = 0;
    for (exec::CostTermAttr term : terms) {
      auto product = static_cast<double>(term.getCoefficient());
      for (StringAttr size : term.getSizes()) {
        auto bound = static_cast<double>(bounds.lookup(size.getValue()));
        // The sum of squared lengths of texts of at most 512 tokens.
        product *= term.getSquares() ? bound * std::min(bound, 512.0) : bound;
      }
      sum += product;
    }
    return sum;
  }

  double secondsOf(LaunchOp launch) const {
    exec::CostAttr cost = launch.getCostAttr();
    if (!cost) return kLaunchSeconds;
    return kLaunchSeconds + evaluate(cost.getFlops()) / kFlopsPerSecond +
           evaluate(cost.getBytes()) / kBytesPerSecond;
  }

  static bool isBefore(Operation* a, Operation* b) {
    return a->isBeforeInBlock(b);
  }

  // Returns whether a result of `launch` is written to a slot or output, so
  // that recomputation frees no memory.
  static bool isKept(LaunchOp launch) {
    return llvm::any_of(launch->getUsers(),
                        [](Operation* user) { return !isa<LaunchOp>(user); });
  }

  // Returns a version of `value` that is live at `at` without extending its
  // lifetime; null if there is none.
  Value findLive(Value value, Operation* at) const {
    Operation* source = value.getDefiningOp();
    if (!isa_and_present<LaunchOp>(source)) return value;
    auto it = versions.find(value);
    ArrayRef<Value> equal =
        it == versions.end() ? ArrayRef<Value>(value) : ArrayRef(it->second);
    for (Value version : equal) {
      if (!isBefore(version.getDefiningOp(), at)) continue;
      for (Operation* user : version.getUsers())
        if (user == at || isBefore(at, user)) return version;
    }
    return {};
  }

  // Adds to the chain all launches that must be repeated before `at` in order
  // to repeat `launch`. Returns false if that is impossible or too long.
  bool addChain(LaunchOp launch, Operation* at, Candidate& candidate) {
    constexpr size_t kLongest = 16;
    if (candidate.chain.size() >= kLongest || isKept(launch)) return false;
    for (Value operand : launch.getInputs()) {
      if (findLive(operand, at)) continue;
      auto source = cast<LaunchOp>(operand.getDefiningOp());
      if (candidate.chain.contains(source)) continue;
      if (!addChain(source, at, candidate)) return false;
    }
    candidate.chain.insert(launch);
    candidate.seconds += secondsOf(launch);
    return true;
  }

  // Returns the candidate that repeats `launch`, or none if it frees no memory
  // at the peak.
  std::optional<Candidate> consider(LaunchOp launch, LaunchOp peak) {
    if (isKept(launch)) return std::nullopt;
    Candidate candidate;
    candidate.launch = launch;
    for (Value result : launch.getOutputs()) {
      Operation* first = nullptr;
      bool atPeak = false;
      for (Operation* user : result.getUsers()) {
        atPeak |= user == peak;
        if (isBefore(peak, user) && (!first || isBefore(user, first)))
          first = user;
      }
      if (!first || atPeak) continue;
      candidate.bytes +=
          *getBoundBytes(cast<RankedTensorType>(result.getType()), bounds);
      if (!candidate.before || isBefore(first, candidate.before))
        candidate.before = cast<LaunchOp>(first);
    }
    if (!candidate.before || !addChain(launch, candidate.before, candidate))
      return std::nullopt;
    return candidate;
  }

  std::optional<Candidate> findBest(LaunchOp peak) {
    std::optional<Candidate> best;
    for (auto launch : function.getBody().front().getOps<LaunchOp>()) {
      if (!isBefore(launch, peak)) break;
      if (refused.contains(launch)) continue;
      std::optional<Candidate> next = consider(launch, peak);
      if (next && (!best || next->score() > best->score()))
        best = std::move(next);
    }
    return best;
  }

  void apply(const Candidate& candidate) {
    added.clear();
    moved.clear();
    OpBuilder builder(candidate.before);
    IRMapping mapping;
    for (Operation* op : candidate.chain) {
      auto launch = cast<LaunchOp>(op);
      IRMapping operands;
      for (Value operand : launch.getInputs())
        operands.map(operand, mapping.contains(operand)
                                  ? mapping.lookup(operand)
                                  : findLive(operand, candidate.before));
      Operation* again = builder.clone(*op, operands);
      added.push_back(again);
      for (auto [old, result] :
           llvm::zip_equal(op->getResults(), again->getResults()))
        mapping.map(old, result);
    }
    for (Value result : candidate.launch->getResults())
      for (OpOperand& use : llvm::make_early_inc_range(result.getUses()))
        if (isBefore(candidate.before, use.getOwner()) ||
            use.getOwner() == candidate.before) {
          moved.emplace_back(&use, result);
          use.set(mapping.lookup(result));
        }
    for (Operation* op : candidate.chain)
      for (Value old : op->getResults()) addVersion(old, mapping.lookup(old));
  }

  void revert() {
    for (auto [use, value] : moved) use->set(value);
    for (Operation* op : llvm::reverse(added)) {
      for (Value result : op->getResults()) removeVersion(result);
      op->erase();
    }
  }

  void addVersion(Value old, Value next) {
    SmallVector<Value> equal = versions.lookup(old);
    if (equal.empty()) equal = {old};
    equal.push_back(next);
    for (Value version : equal) versions[version] = equal;
  }

  void removeVersion(Value value) {
    for (Value version : versions.lookup(value))
      if (version != value) llvm::erase(versions[version], value);
    versions.erase(value);
  }

  func::FuncOp function;
  const SizeBounds& bounds;
  SmallVector<Step> steps;
  llvm::DenseSet<Operation*> refused;
  llvm::DenseMap<Value, SmallVector<Value>> versions;
  // Changes of the last `apply`, for `revert`.
  SmallVector<Operation*> added;
  SmallVector<std::pair<OpOperand*, Value>> moved;
};

// The time of a phase without a budget, and its cost under smaller budgets.
struct Phase {
  SmallVector<Recomputation::Step> steps;
  double seconds;
  bool isTraining;

  // Returns the recomputation time with an arena of at most `bytes`.
  double getRecomputeSeconds(int64_t bytes) const {
    for (const Recomputation::Step& step : steps)
      if (step.bytes <= bytes) return step.seconds;
    return steps.back().seconds;
  }
};

// Adds the attributes of the option `choices` to `module`.
LogicalResult describeChoices(ModuleOp module, const SizeBounds& bounds) {
  OwningOpRef<ModuleOp> copy = module.clone();
  SmallVector<Phase> phases;
  int64_t most = 0, least = 0;
  bool trains = false;
  for (func::FuncOp function : getPhases(*copy)) {
    Recomputation recomputation(function, bounds);
    Phase phase;
    phase.seconds = recomputation.getSeconds();
    phase.isTraining = writesSlots(function);
    trains |= phase.isTraining;
    if (failed(recomputation.run(/*budget=*/0))) return failure();
    phase.steps.assign(recomputation.getSteps().begin(),
                       recomputation.getSteps().end());
    most = std::max(most, phase.steps.front().bytes);
    least = std::max(least, phase.steps.back().bytes);
    phases.push_back(std::move(phase));
  }
  auto getTime = [&](int64_t bytes) {
    double once = kLaunchSeconds, again = 0;
    for (const Phase& phase : phases) {
      if (phase.isTraining != trains) continue;
      once += phase.seconds;
      again += phase.getRecomputeSeconds(bytes);
    }
    return 1 + again / once;
  };
  constexpr int64_t kChoices = 10;
  SmallVector<int64_t> bytes;
  SmallVector<double> times;
  for (int64_t i = 0; i < kChoices; ++i) {
    int64_t next = std::max(most - most / kChoices * i, least);
    if (!bytes.empty() && next == bytes.back()) break;
    bytes.push_back(next);
    times.push_back(getTime(next));
  }
  Builder builder(module.getContext());
  module->setAttr("graft.choice_bytes", builder.getDenseI64ArrayAttr(bytes));
  module->setAttr("graft.choice_times", builder.getDenseF64ArrayAttr(times));
  return success();
}

struct PlanRecomputePass : impl::PlanRecomputePassBase<PlanRecomputePass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SizeBounds bounds = collectSizeBounds(module);
    if (choices && failed(describeChoices(module, bounds)))
      return signalPassFailure();
    if (budget <= 0) return;
    int64_t least = 0;
    func::FuncOp largest;
    for (func::FuncOp phase : getPhases(module)) {
      FailureOr<int64_t> bytes = Recomputation(phase, bounds).run(budget);
      if (failed(bytes)) return signalPassFailure();
      if (*bytes <= least) continue;
      least = *bytes;
      largest = phase;
    }
    if (least <= budget) return;
    largest.emitError("expects a memory budget of at least ")
        << least << " bytes, which '" << largest.getSymName()
        << "' needs with all recomputation, got " << budget.getValue();
    signalPassFailure();
  }
};

}  // namespace

}  // namespace graft
