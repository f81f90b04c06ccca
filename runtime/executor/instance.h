// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs the entries of an artifact on the device that its code is for.

#ifndef GRAFT_RUNTIME_EXECUTOR_INSTANCE_H_
#define GRAFT_RUNTIME_EXECUTOR_INSTANCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/artifact.h"
#include "runtime/device/device.h"
#include "runtime/executor/entry_plan.h"
#include "runtime/executor/feed.h"
#include "runtime/executor/slots.h"

namespace graft {

// One command of a call, as profilers see it.
struct CommandTiming {
  absl::string_view kernel;  // "copy" and "fill" for those
  absl::string_view label;
  size_t entry = 0;
  size_t command = 0;  // ordinal in the entry's program
  int64_t items = 0;
  int64_t begin_ns = 0;  // of the steady clock
  int64_t end_ns = 0;
  // The least that it costs at these sizes, 0 where the artifact does not say:
  // FLOPs of GEMMs, two per multiply-add, and bytes that are read or written,
  // each once.
  double flops = 0;
  double bytes = 0;
  // What the multiply-adds of `flops` are made of: `unit_count` of the target's
  // `unit` each, such as "bf16". Empty: they are of f32, in vector registers.
  absl::string_view unit;
  int unit_count = 0;
};
using CommandProfiler = std::function<void(const CommandTiming&)>;

struct InstanceOptions {
  // Without training, parameters are read-only, no state exists, and calls of
  // entries that write slots are refused.
  bool training = true;
};

// One execution state of an artifact: arena, slots, random state and a queue of
// the artifact's device. Instances of one artifact are independent and may run
// at the same time. Thread-compatible.
//
// Results do not depend on the number of threads of the device. Run allocates
// nothing on the CPU unless it fails. What an entry computes from parameters
// alone, such as their packed form, it computes once while no other entry runs
// and no slot is written. Mapped parameters that only this reads then need no
// memory of the process.
class Instance {
 public:
  // FAILED_PRECONDITION when `artifact` was loaded without code;
  // RESOURCE_EXHAUSTED when memory cannot be reserved; errors of the device.
  static absl::StatusOr<std::unique_ptr<Instance>> Create(
      std::shared_ptr<const Artifact> artifact, const InstanceOptions& options);

  const Artifact& artifact() const { return *artifact_; }

  // Runs an entry on one feed for each of its inputs, in their order; blocks
  // until it has run. Returns a view of each output in host memory.
  // INVALID_ARGUMENT: see BindFeeds; nothing has run then. After an error of
  // the device all later calls fail.
  absl::StatusOr<absl::Span<const OutputView>> Run(
      size_t entry, absl::Span<const Feed> feeds);

  // Keys of the random draws in later calls; docs/formats/randomness.md.
  void SetRandom(uint64_t seed, uint32_t step);

  // Values of a slot in host memory, valid until the next call of Run. Fails
  // only on devices whose memory is not host visible, which copy.
  absl::StatusOr<absl::Span<const uint8_t>> Slot(size_t slot);
  // The same for writing: trainable slots and states of a training instance;
  // empty for others. The next call of Run sees what is written.
  absl::StatusOr<absl::Span<uint8_t>> MutableSlot(size_t slot);
  // Zeroes all states named `state`.
  absl::Status ZeroStates(absl::string_view state);

  // Called after each command from then on, each of which then waits for the
  // one before; empty to stop.
  void SetProfiler(CommandProfiler profiler);

  // Bytes of device memory by use. Untouched pages of states cost nothing on
  // the CPU.
  struct Memory {
    uint64_t arena = 0;
    uint64_t parameters = 0;  // own copies
    uint64_t states = 0;
    uint64_t staging = 0;  // inputs and outputs
    uint64_t mapped = 0;   // parameters read from the file
  };
  const Memory& memory() const { return memory_; }

 private:
  Instance(std::shared_ptr<const Artifact> artifact,
           const InstanceOptions& options);

  absl::Status Prepare();
  // Whether the instance has the slots that the entry needs.
  bool CanRun(size_t entry) const;
  int64_t Items(const GridSpec& grid) const;
  absl::Status SendFeeds(const EntryPlan& plan, absl::Span<const Feed> feeds);
  absl::Status Execute(const PreparedCommand& command, int64_t items);
  absl::Status ExecuteAll(const EntryPlan& plan, size_t first);
  absl::Status ExecuteProfiled(size_t entry, size_t first,
                               absl::Span<const Feed> feeds);
  // Sets the shapes of outputs and brings their values to the host.
  absl::Status FetchOutputs(size_t entry);

  const std::shared_ptr<const Artifact> artifact_;
  const InstanceOptions options_;
  Device& device_;
  Memory memory_;
  std::unique_ptr<Buffer> arena_, staging_;
  std::unique_ptr<Buffer> host_staging_;  // null if the device is host visible
  std::vector<EntryPlan> entries_;
  std::vector<int64_t> sizes_;  // values of the current call
  GraftRandomState random_ = {};
  // The entry whose prologue has left its results in the arena, that of the
  // last call; -1 when slots may have been written since.
  int64_t prologue_of_ = -1;
  CommandProfiler profiler_;
  std::unique_ptr<Slots> slots_;
  // Last, hence destroyed first: its commands use the memory above.
  std::unique_ptr<Queue> queue_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_INSTANCE_H_
