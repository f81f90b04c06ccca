// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a program's entries take, by the roles of their inputs: docs/formats/
// artifact.md lists the roles.

#ifndef GRAFT_RUNTIME_TRAIN_ENTRY_H_
#define GRAFT_RUNTIME_TRAIN_ENTRY_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/executor/instance.h"
#include "runtime/train/dataset.h"

namespace graft {

// Scalars that some entries take.
struct EntryScalars {
  float total = 0;   // "total": examples of the optimiser batch
  float rate = 0;    // "rate": learning rate
  int32_t step = 0;  // "step": optimiser step, from 1
};

// Calls one entry of an instance with the inputs it asks for by name: "ids",
// "types", "segments", "labels" of a batch, "total", "rate", "step".
// Thread-compatible; calls allocate nothing.
class EntryCaller {
 public:
  // `instance` is borrowed. NOT_FOUND: no such entry. INVALID_ARGUMENT: an
  // input has a role or type that is not known.
  static absl::StatusOr<EntryCaller> Create(Instance& instance,
                                            absl::string_view entry);

  // Runs the entry; `batch` may be null for an entry without batch inputs.
  absl::Status Call(const PackedBatch* batch, const EntryScalars& scalars);

  // A result of the last call: all elements of an F32 output. Empty when the
  // entry has no such output.
  absl::Span<const float> Output(absl::string_view name) const;

 private:
  enum class Role {
    kIds,
    kTypes,
    kSegments,
    kLabels,
    kScores,
    kTotal,
    kRate,
    kStep
  };

  EntryCaller(Instance& instance, size_t entry)
      : instance_(&instance), entry_(entry) {}

  Instance* instance_;
  size_t entry_;
  std::vector<Role> roles_;
  std::vector<Feed> feeds_;
  absl::Span<const OutputView> outputs_;
};

// The bounds of the artifact's sizes "T" and "S".
absl::StatusOr<BatchBounds> ProgramBounds(const Artifact& artifact);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_ENTRY_H_
