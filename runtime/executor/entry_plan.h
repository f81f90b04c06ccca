// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// An entry whose buffers have addresses: what an instance runs.

#ifndef GRAFT_RUNTIME_EXECUTOR_ENTRY_PLAN_H_
#define GRAFT_RUNTIME_EXECUTOR_ENTRY_PLAN_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/artifact.h"
#include "runtime/device/device.h"
#include "runtime/executor/feed.h"
#include "runtime/executor/slots.h"

namespace graft {

// A result of the last call, valid until the next call of Run.
struct OutputView {
  absl::string_view name;
  DType dtype = DType::kF32;
  absl::Span<const int64_t> shape;
  const void* data = nullptr;  // row-major, 64-byte aligned

  // Elements of an F32 output.
  absl::Span<const float> floats() const;
};

// One command, ready for a queue.
struct PreparedCommand {
  CommandKind kind;
  KernelHandle kernel;
  absl::Span<const DevicePointer> buffers;
  GridSpec grid;
  uint32_t pattern;
  uint64_t place;  // of random draws: docs/formats/randomness.md
  // Mapped slots that no later command reads.
  std::vector<uint32_t> released;
};

// An entry of an instance. Nothing of it moves: views and commands point to
// other members.
struct EntryPlan {
  struct Input {
    std::array<uint8_t*, kMaxParts> host = {};
    std::array<DevicePointer, kMaxParts> device = {};
  };

  bool runnable = false;  // with the slots that the instance has
  size_t prologue = 0;    // commands that the next call may leave out
  std::vector<DevicePointer> buffers;  // of all commands, end to end
  std::vector<PreparedCommand> commands;
  std::vector<Input> inputs;
  std::vector<OutputView> outputs;  // `data` is the host's address
  std::vector<DevicePointer> output_pointers;
  std::vector<std::vector<int64_t>> shapes;  // of outputs
};

// Bytes that inputs and outputs of an entry take, end to end and each aligned.
uint64_t StagingBytes(const ArtifactSpec& spec, size_t entry);

// Gives every buffer of the entry its address. `staging` holds inputs and
// outputs, `host_staging` is the host's address of the same or of a copy.
void PrepareEntry(const Artifact& artifact, size_t entry, const Slots& slots,
                  DevicePointer arena, DevicePointer staging,
                  uint8_t* host_staging, EntryPlan& plan);

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_ENTRY_PLAN_H_
