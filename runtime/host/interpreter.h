// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Interprets a host program: a whole job, which can stop and resume at each of
// its instructions.

#ifndef GRAFT_RUNTIME_HOST_INTERPRETER_H_
#define GRAFT_RUNTIME_HOST_INTERPRETER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/binding/entry.h"
#include "runtime/data/batch_stream.h"
#include "runtime/data/examples.h"
#include "runtime/data/sampler.h"
#include "runtime/executor/instance.h"
#include "runtime/host/expression.h"
#include "runtime/host/services.h"

namespace graft {

// Where a program is in the data of a stream.
struct StreamPosition {
  int64_t batches = 0;  // drawn so far, the current one included
  // Of the current batch, in a loop over micro-batches; else -1.
  int64_t micro_batch = -1;
  // Examples of each of these batches; 0 before the first loop. A loop with
  // another size begins with the next epoch, and counts in batches of its own.
  int64_t size = 0;
  bool operator==(const StreamPosition&) const = default;
};

// All that an interpreter needs to go on where another one has stopped, beside
// the slots of the instance.
struct HostState {
  size_t at = 0;                        // the next instruction
  int64_t marks = 0;                    // that were passed
  std::vector<double> registers;        // by index of the artifact's
  std::vector<StreamPosition> streams;  // by index of the artifact's
  std::vector<bool> filled;             // caches that have been filled
};

// The data of a stream.
struct StreamData {
  ExampleSource* source = nullptr;  // borrowed; null: none
  bool shuffle = false;             // a new order each epoch
  // Borrowed; null: batches of any rows. A batch that begins inside of the loop
  // of another stream with tasks has the task of that one's batch.
  const StreamTasks* tasks = nullptr;
};

// Thread-compatible. What is passed in is borrowed and must outlive it.
// A thread reads batches ahead while Run runs. After a loop's first turn an
// instruction allocates only where a service does.
class HostInterpreter {
 public:
  // `streams` by index of the artifact's. `seed` keys random draws and the
  // order of shuffled streams. INVALID_ARGUMENT: an expression or an entry
  // takes a field that the data of its stream lacks, or streams have other
  // tasks than others, or too few rows of one.
  static absl::StatusOr<std::unique_ptr<HostInterpreter>> Create(
      Instance& instance, const HostProgramSpec& program,
      std::vector<StreamData> streams, uint64_t seed, HostServices& services);

  // At first the program's beginning and the initial values of registers. Set
  // it before Run only.
  HostState& state() { return state_; }
  const HostProgramSpec& program() const { return program_; }

  // Runs the program from state() on; false if the services stopped it. The
  // state is then that before an instruction, and Run may be called again.
  // INVALID_ARGUMENT: a loop over a stream without data, or a batch of less
  // than one example. Errors of services, entries and sources as they are.
  absl::StatusOr<bool> Run();

  // The rows of the current batch that calls have written, and that later ones
  // take: of the artifact's caches of a batch, for the largest batch. Zero from
  // each mark on. A state inside of a step needs them, too.
  std::vector<CachedRows*> batch_rows();

  // Of batches that were drawn, or, where a run goes on inside of one, are
  // brought to their mark.
  int64_t examples() const { return examples_; }
  int64_t tokens() const { return tokens_; }  // of these examples
  double seconds_waited() const;              // for batches

 private:
  // Of an instruction, fixed from the start.
  struct Step {
    size_t end = 0;     // of its block: `otherwise` or `end`
    size_t begin = 0;   // of an `otherwise` or `end`: what opened the block
    size_t behind = 0;  // the instruction behind all loops around it
    std::optional<EntryCaller> entry;  // of a call
    std::vector<size_t> rows;          // caches of the batch that it writes
    // Streams with a batch, and with a micro-batch, that begins in these loops.
    std::vector<uint32_t> batches, micro_loops;
    // Of a loop that draws batches: the stream whose task they have.
    uint32_t leader = 0;
  };
  struct Stream {
    StreamData data;
    BatchCapacity capacity;
    std::unique_ptr<BatchStream> batches;  // null before the first loop
    const Batch* batch = nullptr;          // the current one
    int64_t size = 0;                      // examples of a batch
    // Number of the batch that `batches` makes next, with tasks of the episode.
    int64_t next = 0;
    int64_t per_epoch = 0;
    PackedBatch packed;       // a micro-batch
    PackedBatch whole;        // the batch, where instructions take it at once
    BatchRange packed_range;  // of the batch, which calls take
    // Of all examples, and of those of the current batch.
    std::vector<CachedRows> caches;
    CachedRows& Rows(absl::string_view name);
    double seconds_waited = 0;  // of streams that have ended
  };

  HostInterpreter(Instance& instance, const HostProgramSpec& program,
                  uint64_t seed, HostServices& services);

  absl::Status Bind(std::vector<StreamData> streams);
  absl::Status BindFields();
  absl::Status CheckTasks() const;
  // The stream whose task the batches of the loop `at` have, which is in the
  // loops `open`.
  uint32_t FindLeader(size_t at, const std::vector<size_t>& open) const;
  absl::Status BindInstruction(size_t at);
  // Loads the batches and caches of a state that is not the beginning.
  absl::Status Enter();
  // The end of the innermost loop that instruction `at` opens or is in, or else
  // of its own block: before it is the mark of a batch that `at` draws.
  size_t StepEnd(size_t at) const;
  // Whether instructions from `at` to `end` have a mark.
  bool IsMarkedFrom(size_t at, size_t end) const;
  absl::Status Execute(const HostInstruction& instruction);
  absl::Status ExecuteLoop(const HostInstruction& instruction);
  absl::Status ExecuteEnd();
  // Adds the current batch of `stream` to what was read.
  void Count(uint32_t stream);
  // Ends the current batch of `stream`.
  void CloseBatch(uint32_t stream);
  void Leave();
  absl::Status Call(const HostInstruction& instruction);
  absl::Status FillCache(size_t cache);
  absl::Status Evaluate(const HostInstruction& instruction);
  // Sets the size of the batches of `stream` at the beginning of a loop.
  absl::Status SetBatchSize(uint32_t stream, double size);
  // Sets the position of `stream` to the beginning of an epoch, the next one if
  // it is inside of one.
  void BeginEpoch(uint32_t stream);
  // Makes the stream of the loop `at` give batch number `first` next, of its
  // position's size.
  absl::Status BeginBatches(size_t at, int64_t first);
  BatchMaker MakerOf(uint32_t stream) const;
  absl::Status Draw(uint32_t stream);
  // INVALID_ARGUMENT: a loop that must have one micro-batch has several.
  absl::Status CheckWhole(const HostInstruction& loop) const;
  void Pack(uint32_t stream);
  // INVALID_ARGUMENT: the batch is larger than the program takes at once.
  absl::Status CheckRelated(uint32_t stream) const;
  absl::Status PackWhole(uint32_t stream);
  // Copies what `caller` has computed for the examples that it took to the rows
  // of the batch.
  absl::Status KeepRows(size_t cache, const EntryCaller& caller);
  void ClearRows();
  // Reserves memory for micro-batches with the caches of `stream`, and for its
  // whole batch.
  void ReservePacked(uint32_t stream);
  void Assign(const AssignmentSpec& assignment, double value);
  double Value(const Expression& expression) const;

  Instance& instance_;
  const ArtifactSpec& spec_;
  const HostProgramSpec& program_;
  const uint64_t seed_;
  HostServices& services_;
  std::vector<Step> steps_;
  std::vector<Stream> streams_;
  std::vector<StreamFacts> facts_;
  std::vector<const PackedBatch*> packed_;  // by stream; null outside of a loop
  HostState state_;
  int64_t examples_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_HOST_INTERPRETER_H_
