// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs the entries of an artifact on the CPU.

#ifndef GRAFT_RUNTIME_EXECUTOR_INSTANCE_H_
#define GRAFT_RUNTIME_EXECUTOR_INSTANCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/artifact.h"
#include "runtime/device/cpu/memory.h"
#include "runtime/device/cpu/thread_pool.h"

namespace graft {

// A value for one input of an entry; everything is borrowed for the call and
// copied by it. Use the functions below to make one.
struct Feed {
  ValueKind kind = ValueKind::tensor;
  // Tensors: row-major, any alignment.
  DType dtype = DType::kF32;
  absl::Span<const int64_t> shape;
  const void* data = nullptr;
  // Segments: offsets [S + 1] from 0 to T, strictly increasing; ordinals [S],
  // or empty for 0, 1, ... S - 1.
  absl::Span<const int32_t> offsets;
  absl::Span<const int32_t> ordinals;

  static Feed Tensor(DType dtype, absl::Span<const int64_t> shape,
                     const void* data);
  static Feed Segments(absl::Span<const int32_t> offsets,
                       absl::Span<const int32_t> ordinals = {});
};

// A result of the last call, valid until the next call of Run.
struct OutputView {
  absl::string_view name;
  DType dtype = DType::kF32;
  absl::Span<const int64_t> shape;
  const void* data = nullptr;  // row-major, 64-byte aligned

  // Elements of an F32 output.
  absl::Span<const float> floats() const;
};

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
  // operations of products of matrices, two a multiply-add, and bytes that are
  // read or written, each once.
  double flops = 0;
  double bytes = 0;
  // Multiply-adds of bf16, in tile registers or by dot products of pairs, that
  // one of `flops` takes; 0: it is one of f32 in vector registers.
  int tiles = 0;
};
using CommandProfiler = std::function<void(const CommandTiming&)>;

struct InstanceOptions {
  // Threads that share the work of each command; borrowed, must outlive the
  // instance and be used by one call at a time. Null: the calling thread.
  ThreadPool* pool = nullptr;
  // Without training, all parameters are read from the mapped file, no state
  // exists, and calls of entries that write slots are refused.
  bool training = true;
};

// One execution state of an artifact: arena, slots, random state. Instances of
// one artifact are independent and may run at the same time. Thread-compatible.
//
// Results do not depend on the number of threads. Run allocates nothing unless
// it fails. What an entry computes from parameters alone, such as their packed
// form, it computes once while no other entry runs and no slot is written.
// Mapped parameters that only this reads then need no memory of the process.
class Instance {
 public:
  // FAILED_PRECONDITION when `artifact` was loaded without code;
  // RESOURCE_EXHAUSTED when memory cannot be reserved.
  static absl::StatusOr<std::unique_ptr<Instance>> Create(
      std::shared_ptr<const Artifact> artifact, const InstanceOptions& options);

  const Artifact& artifact() const { return *artifact_; }

  // Runs an entry on one feed for each of its inputs, in their order. Returns
  // a view of each output. INVALID_ARGUMENT names entry, input, what was
  // expected (bounds included) and what was found; nothing has run then.
  absl::StatusOr<absl::Span<const OutputView>> Run(
      size_t entry, absl::Span<const Feed> feeds);

  // Keys of the random draws in later calls; docs/formats/randomness.md.
  void SetRandom(uint64_t seed, uint32_t step);

  // Values of a slot. Writing is allowed to trainable slots of a training
  // instance between calls; MutableSlot is empty for others, and must be asked
  // again after each call.
  absl::Span<const uint8_t> Slot(size_t slot) const;
  absl::Span<uint8_t> MutableSlot(size_t slot);
  // Zeroes all slots of one kind.
  void ZeroSlots(SlotKind kind);

  // Called after each command from then on; empty to stop.
  void SetProfiler(CommandProfiler profiler);

  // Bytes of memory by use. Untouched pages of states cost nothing yet.
  struct Memory {
    uint64_t arena = 0;
    uint64_t parameters = 0;  // trainable ones: own copies
    uint64_t states = 0;
    uint64_t staging = 0;  // inputs and outputs
    uint64_t mapped = 0;   // parameters read from the file
  };
  const Memory& memory() const { return memory_; }

 private:
  struct PreparedCommand {
    CommandKind kind;
    GraftKernel kernel;
    void* const* buffers;
    GridSpec grid;
    uint32_t pattern;
    uint64_t place;  // of random draws: docs/formats/randomness.md
    std::vector<uint32_t> released;  // mapped slots that nothing reads later
  };
  struct PreparedEntry {
    bool runnable = false;       // with the slots that this instance has
    size_t prologue = 0;         // commands that a next call may leave out
    std::vector<void*> buffers;  // of all commands, end to end
    std::vector<PreparedCommand> commands;
    std::vector<std::vector<void*>> inputs;  // parts
    std::vector<OutputView> outputs;
    std::vector<std::vector<int64_t>> shapes;  // of outputs
  };

  Instance(std::shared_ptr<const Artifact> artifact,
           const InstanceOptions& options);

  absl::Status ReserveMemory();
  void PlaceSlots();
  // Whether the instance has the slots that the entry needs.
  bool CanRun(size_t entry) const;
  void Prepare(size_t entry);
  void FindReleases(size_t entry);
  absl::Status Bind(const EntrySpec& entry, absl::Span<const Feed> feeds);
  absl::Status BindTensor(const EntrySpec& entry, const ValueSpec& value,
                          const Feed& feed);
  absl::Status BindSegments(const EntrySpec& entry, const ValueSpec& value,
                            const Feed& feed);
  absl::Status BindSize(const EntrySpec& entry, const ValueSpec& value,
                        int32_t size, int64_t found);
  void CopyFeeds(size_t entry, absl::Span<const Feed> feeds);
  int64_t Items(const GridSpec& grid) const;
  // The sum at the sizes of the call. `squares` has the sum of the squared
  // lengths of sequences for each size that counts their tokens.
  double Cost(const std::vector<CostTermSpec>& terms,
              const std::vector<double>& squares) const;
  void Execute(const PreparedCommand& command, int64_t items);
  void ExecuteProfiled(size_t entry, size_t first);

  const std::shared_ptr<const Artifact> artifact_;
  const InstanceOptions options_;
  Memory memory_;
  MemoryRegion arena_;
  MemoryRegion slot_memory_;
  MemoryRegion staging_;
  std::vector<uint8_t*> slots_;  // null: of an unused state
  std::vector<PreparedEntry> entries_;
  std::vector<int64_t> sizes_;  // values of the current call; -1 unknown
  GraftRandomState random_ = {};
  // The entry whose prologue has left its results in the arena, that of the
  // last call; -1 when slots may have been written since.
  int64_t prologue_of_ = -1;
  CommandProfiler profiler_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_INSTANCE_H_
