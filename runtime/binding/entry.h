// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Calls an entry of a program on a batch. docs/formats/artifact.md says what
// each of its inputs takes.

#ifndef GRAFT_RUNTIME_BINDING_ENTRY_H_
#define GRAFT_RUNTIME_BINDING_ENTRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/data/examples.h"
#include "runtime/executor/instance.h"

namespace graft {

// Begins the names of values that are computed once per example.
inline constexpr absl::string_view kCachePrefix = "cached.";

// Scalars that some entries take.
struct EntryScalars {
  float total = 0;     // "total": examples of the optimiser batch
  float labelled = 1;  // "labelled": those with a label; 1 without any
  float rate = 0;      // "rate": learning rate
  int32_t step = 0;    // "step": optimiser step, from 1
  float scale = 1;     // "scale": of the loss
  float unscale = 1;   // "unscale": 1 / scale
};

// Calls one entry of an instance with its inputs, by name: "segments", and
// "cached.<name>" of a batch; the scalars "total", "labelled", "rate", "step",
// "scale", "unscale"; each other tensor is a column of the batch.
// Thread-compatible; calls allocate nothing.
class EntryCaller {
 public:
  // `instance` is borrowed. NOT_FOUND: no such entry. INVALID_ARGUMENT: an
  // input is no column, and has a role or type that is not known.
  static absl::StatusOr<EntryCaller> Create(Instance& instance,
                                            absl::string_view entry);

  // The columns that it takes of a batch; the batch may have others, too.
  std::vector<ColumnSpec> columns() const;
  // Whether it takes a scale of the loss.
  bool TakesScale() const;

  // Runs the entry; `batch` may be null for an entry without batch inputs.
  // INVALID_ARGUMENT: the batch lacks what an input takes. Inputs are looked up
  // by their names when the schema is another one than in the call before.
  absl::Status Call(const PackedBatch* batch, const EntryScalars& scalars);

  // A result of the last call: all elements of an F32 output. Empty when the
  // entry has no such output.
  absl::Span<const float> Output(absl::string_view name) const;

 private:
  enum class Role {
    kSegments,
    kColumn,
    kCached,
    kTotal,
    kLabelled,
    kRate,
    kStep,
    kScale,
    kUnscale
  };

  struct Input {
    Role role = Role::kColumn;
    // Of a column, or of cached rows, whose name is without `cached.`: what the
    // batch must have, the shape, whose first extent each call sets, and the
    // column's number in `schema_`.
    ColumnSpec column;
    std::vector<int64_t> shape;
    size_t place = 0;
  };

  EntryCaller(Instance& instance, size_t entry)
      : instance_(&instance), entry_(entry) {}

  absl::Status AddInput(const ValueSpec& value);
  // An error of this entry.
  absl::Status Error(absl::string_view expected, absl::string_view got) const;
  // Finds the columns of the inputs.
  absl::Status Bind(const Schema& schema);
  absl::Status FeedColumn(size_t i, const PackedBatch& batch);
  absl::Status FeedCached(size_t i, const PackedBatch& batch);

  Instance* instance_;
  size_t entry_;
  std::vector<Input> inputs_;
  std::vector<Feed> feeds_;
  Schema schema_;  // of the last batch
  absl::Span<const OutputView> outputs_;
};

// The maxima of the artifact's sizes "T" and "S". INVALID_ARGUMENT: it lacks
// one.
absl::StatusOr<BatchCapacity> ProgramCapacity(const Artifact& artifact);

}  // namespace graft

#endif  // GRAFT_RUNTIME_BINDING_ENTRY_H_
