// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Builds the host program of an expanded strategy.

#ifndef GRAFT_PASSES_TRANSFER_HOST_PROGRAM_H_
#define GRAFT_PASSES_TRANSFER_HOST_PROGRAM_H_

#include <optional>
#include <string>

#include "dialects/exec/host_builder.h"
#include "dialects/transfer/transfer_analysis.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace graft::transfer {

// The parameter of each host program that counts the examples of a batch.
inline constexpr llvm::StringLiteral kBatchSize = "batch_size";

// What the losses of a whole optimiser batch are divided by: the number of its
// examples, or the sum of their weights; of those with another label than
// `ignored`, if it is given.
struct BatchSum {
  bool weighted = false;
  std::optional<int64_t> ignored = {};

  bool operator==(const BatchSum&) const = default;
  // The name of the input of an entry: "total", "labelled", "weight_total" or
  // "labelled_weight_total".
  llvm::StringRef getInput() const;
};

// An entry that each turn calls before the update, most of which add to the
// gradients.
struct Accumulation {
  std::string entry;
  llvm::SmallVector<StreamOp> streams;  // that it reads
  // Why their batches must not be cut; empty if they may.
  std::string whole;
  // Takes all examples of the batches at once, but no tokens.
  bool atOnce = false;
  bool hasLoss = true;  // its result `loss` is a part of the loss
};

// An entry that updates parameters at the end of a turn.
struct Update {
  std::string entry;
  // Where a step takes one stream, that of which it is called; else null.
  StreamOp stream = {};
};

// The entries of a phase.
struct PhaseEntries {
  PhaseOp phase;
  llvm::SmallVector<Accumulation> accumulations;
  llvm::SmallVector<Update> updates;
};

// What steps call.
struct StepEntries {
  llvm::ArrayRef<PhaseEntries> phases;
  llvm::ArrayRef<Accumulation> kept;  // make the values that a step keeps
};

// Builds the `exec.host @train` of a strategy: one loop over epochs for each
// schedule. An epoch is one of the first stream that the phases of the schedule
// read; the others go round beside it. Where a step takes one of the streams,
// an epoch has as many steps as all of them have batches. First `declare`, so
// that entries can name registers as the sources of their inputs, then `build`.
class HostProgram {
 public:
  explicit HostProgram(StrategyOp strategy);

  // Inserts the host program before the strategy; evaluations read data like
  // that of the predictions. Fails with a diagnostic at an op of the strategy
  // whose name a host program needs itself.
  llvm::LogicalResult declare();

  // The source of an input that is a variable of `phase`, such as "update".
  exec::SourceAttr getSource(PhaseOp phase, llvm::StringRef variable);

  // Whether a step takes one of the streams of `phase`.
  bool takesOneStream(PhaseOp phase) {
    return stageOf(phase).schedule.takesOneStream();
  }
  // The source of the number, from 1 on, of an update in such a phase of
  // parameters that the losses of `streams`, some of its own, reach.
  exec::SourceAttr addUpdateNumber(PhaseOp phase,
                                   llvm::ArrayRef<StreamOp> streams);

  // Lets each step compute `sum` over the batch of `stream`, and returns the
  // source of its input.
  exec::SourceAttr addSum(StreamOp stream, const BatchSum& sum);

  // Declares the rows of a batch of `stream` that result `output` of `entry`
  // makes, under a name like `name`, and returns their source.
  exec::SourceAttr addRows(llvm::StringRef name, StreamOp stream,
                           llvm::StringRef entry, int64_t output);
  // The size that counts the examples of a whole batch of `stream`, at most
  // `bound`.
  mlir::StringAttr addBatchSize(StreamOp stream, int64_t bound);

  // Says that `phase` trains what a prediction reads. Where any phase does,
  // stages without one are not evaluated: their model is the one before.
  void addTeaching(PhaseOp phase) { teaching.insert(phase); }

  // Ends a run before its first step if a batch of `stream` would have one
  // example, which for the reason `why`, such as "has no covariance", makes no
  // loss.
  void requireTwoExamples(StreamOp stream, llvm::StringRef why);

  // What a number that changes must be, the widest first: finite, not negative,
  // or in [0, 1].
  enum class Range { finite, rate, share };
  // Lets each turn of `phase`, or for null the beginning of each step, compute
  // `number` of the strategy, and returns the name of its variable and its
  // source. One that leaves `range` ends a run.
  std::pair<std::string, exec::SourceAttr> addNumber(mlir::Attribute number,
                                                     PhaseOp phase,
                                                     Range range);

  // Adds the instructions: for each schedule epochs of steps, which begin with
  // the values that they keep and in which phases, rewards and registers take
  // their turns, and evaluations of each prediction. `begin` is an entry to
  // call first, or empty.
  void build(const StepEntries& entries, llvm::StringRef begin);

 private:
  // A schedule of the strategy.
  struct Stage {
    ScheduleOp schedule;
    llvm::SmallVector<mlir::Operation*> turns;  // phases, rewards, registers
    llvm::SmallVector<PhaseOp> phases;
    llvm::SmallVector<StreamOp> streams;  // that the phases read
  };

  void findRunParameters();
  void declareParameters();
  void declareOptions();
  void addStage(Stage& stage, const StepEntries& entries);
  // Computes what the phases of the stage read of the values that steps keep.
  void addKept(Stage& stage, llvm::ArrayRef<Accumulation> kept, StreamOp taken);
  void addReward(RewardOp reward);
  void addRegister(RegisterOp reg);
  // A step with a batch of each stream.
  void addStep(Stage& stage, const StepEntries& entries);
  void beginStep(Stage& stage);
  void endStep(Stage& stage);
  // The turns of a stage in a step that takes `taken`; null: all streams.
  void addTurns(Stage& stage, const StepEntries& entries, StreamOp taken);
  // An epoch of a stage whose steps take one stream.
  void declareDrawing();
  void addDrawnEpoch(Stage& stage, const StepEntries& entries);
  // What a step takes one of, in the order of their numbers.
  static llvm::SmallVector<StreamOp> choicesOf(Stage& stage);
  // Choose the stream of a step.
  void drawStream(Stage& stage);
  void takeStream(Stage& stage);
  // The batches of an epoch of these streams, as an expression.
  static std::string countBatches(llvm::ArrayRef<StreamOp> streams);
  // The variable that counts the updates of `phase` in steps that take
  // `stream`.
  std::string updatesOf(PhaseOp phase, StreamOp stream) const;
  void addUpdateNumbers(PhaseOp phase, StreamOp taken);
  void addTotals(Stage& stage);
  // The number of the steps of a stage, as an expression.
  std::string countSteps(Stage& stage);
  // The steps of the stage that are done, and all of them.
  std::string stepsDone() const;
  std::string stageSteps() const;
  // Whether a phase of `stage` adds up statistics of the data (transfer.total).
  static bool addsUp(const Stage& stage);
  // Evaluations within `stage`: none where nothing is trained that predicts,
  // nor before the last statistics are complete, without which the parameters
  // are none that a run may keep.
  void evaluate(const Stage& stage);
  // In the last stage, evaluations without a better score may end the run.
  bool isLast(const Stage& stage) const { return &stage == &stages.back(); }
  // The turns of a phase, a reward or a register in a step of a schedule, and
  // in how many steps it has them; "1" if the schedule does not say.
  struct Turns {
    std::string times, every;
  };
  Turns turnsOf(ScheduleOp schedule, mlir::Operation* op);
  // Runs `body` in the steps in which `turns` has any.
  void inTurn(const Turns& turns, llvm::function_ref<void()> body);
  Stage& stageOf(PhaseOp phase);
  // The variable `kind` of a phase: "loss", "learning_rate", "update",
  // "warmup_steps" or "turn". With several phases each has its own.
  std::string variableOf(PhaseOp phase, llvm::StringRef kind) const;
  exec::SourceAttr sourceOf(const std::string& variable);
  // That of a reward or a register. Other variables have names that the
  // strategy's may be equal to.
  static std::string variableOfRegister(llvm::StringRef name);
  // The variable of a sum.
  std::string variableOf(StreamOp stream, const BatchSum& sum);
  // The turns of a phase in a step that takes `taken`; null: all streams.
  void addPhase(const PhaseEntries& entries, const Turns& turns,
                StreamOp taken);
  void addTurn(const PhaseEntries& entries, const Turns& turns, StreamOp taken);
  // Calls the entry of a phase for each micro-batch of `streams`, some of its
  // own; `call` numbers its calls, for random numbers.
  void accumulate(PhaseOp phase, const Accumulation& accumulation,
                  llvm::ArrayRef<StreamOp> streams, const std::string& call);
  // Ends the run if a batch of `stream` would have one example.
  void checkTwoExamples(StreamOp stream, const std::string& why);
  // Runs `body` with a batch of each stream from `streams` on.
  void withBatches(llvm::ArrayRef<StreamOp> streams,
                   llvm::function_ref<void()> body);
  // Ends the run at this step where `condition` holds, and shows `variable`.
  void failWhen(const std::string& condition, const std::string& message,
                llvm::StringRef variable);
  // Ends the run where `variable`, which `number` has set, is not finite or not
  // in the range. Nothing where it cannot change.
  void checkNumber(llvm::StringRef variable, mlir::Attribute number,
                   Range range);
  // Computes the numbers that `phase`, or for null the step, needs.
  void setNumbers(PhaseOp phase);
  void addSums(llvm::ArrayRef<StreamOp> taken);
  void addUpdate(PhaseOp phase, const Update& update);
  // Ends the step: counts it, and records its losses.
  void finishStep(Stage& stage);
  // Records the loss under the name of the stream that the step took.
  void logTaken(Stage& stage);
  void addLog(llvm::StringRef group, llvm::StringRef loss,
              llvm::StringRef rate);
  // Records the rewards and registers of the stage.
  void addRegisterLog(Stage& stage);
  std::string rateExpression(PhaseOp phase);
  // A number of the strategy as a term of an expression: digits, a name, or
  // something in parentheses.
  std::string term(mlir::Attribute number);

  StrategyOp strategy;
  llvm::SmallVector<StreamOp> streams;
  llvm::SmallVector<PredictOp> predictions;
  llvm::SmallVector<PhaseOp> phases;
  llvm::SmallVector<Stage> stages;
  std::optional<exec::HostBuilder> host;
  llvm::SmallVector<std::pair<StreamOp, BatchSum>> sums;
  llvm::MapVector<StreamOp, std::string> ofTwoExamples;
  llvm::DenseSet<mlir::Operation*> teaching;
  struct Number {
    std::string variable;
    mlir::Attribute value;
    Range range = Range::finite;
    llvm::SmallVector<PhaseOp> phases;  // whose turns compute it
  };
  llvm::SmallVector<Number> numbers;
  // Of an update that not all streams of its phase count.
  struct UpdateNumber {
    PhaseOp phase;
    llvm::SmallVector<StreamOp> streams;
    std::string variable;
  };
  llvm::SmallVector<UpdateNumber> updateNumbers;
  llvm::StringSet<> runParameters;  // those of the strategy that a run may set
};

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_HOST_PROGRAM_H_
