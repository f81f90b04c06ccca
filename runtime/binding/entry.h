// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Calls an entry of a program: its inputs say where their values come from.

#ifndef GRAFT_RUNTIME_BINDING_ENTRY_H_
#define GRAFT_RUNTIME_BINDING_ENTRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/data/examples.h"
#include "runtime/executor/instance.h"

namespace graft {

// The capacity of the sizes of a stream; 0 for a size that it has not.
BatchCapacity StreamCapacity(const ArtifactSpec& spec,
                             const StreamSpec& stream);

// The column that `input`, a field of a stream or rows of a cache but no
// segments, takes.
ColumnSpec ColumnOf(const ArtifactSpec& spec, const ValueSpec& input);

// The only stream that an entry takes fields of. INVALID_ARGUMENT: it takes
// none, or of several.
absl::StatusOr<uint32_t> OnlyStream(const Artifact& artifact, size_t entry);

// Calls one entry of an instance. Its inputs are fields of streams, rows of
// caches, and registers, as the artifact says. Thread-compatible; calls
// allocate nothing.
class EntryCaller {
 public:
  // `instance` is borrowed. NOT_FOUND: no such entry. INVALID_ARGUMENT: an
  // input does not say where its value comes from.
  static absl::StatusOr<EntryCaller> Create(Instance& instance,
                                            absl::string_view entry);

  // The columns that it takes of a stream; the data may have others, too.
  std::vector<ColumnSpec> columns(uint32_t stream) const;
  // INVALID_ARGUMENT: data of this schema lacks a column, or it has another
  // type.
  absl::Status CheckSchema(uint32_t stream, const Schema& schema) const;

  // Runs the entry. `streams` are batches by index of the artifact's streams,
  // null where there is none; `registers` are values by index of the
  // artifact's. INVALID_ARGUMENT: they lack what an input takes. Columns are
  // looked up by name when a schema is another one than in the call before.
  absl::Status Call(absl::Span<const PackedBatch* const> streams,
                    absl::Span<const double> registers);
  // The same with `batch` for each stream.
  absl::Status Call(const PackedBatch& batch,
                    absl::Span<const double> registers = {});

  // A result of the last call: all elements of an F32 output. Empty when the
  // entry has no such output.
  absl::Span<const float> Output(absl::string_view name) const;

 private:
  // A number in the type of its input.
  union Scalar {
    float f32;
    int32_t i32;
  };
  struct Input {
    SourceKind source = SourceKind::stream;
    uint32_t stream = 0;    // of a field or cache
    bool segments = false;  // the lengths of a stream's examples
    // Of a field or of rows of a cache: what the batch must have, the shape,
    // whose first extent each call sets, and the column's number.
    ColumnSpec column;
    std::vector<int64_t> shape;
    size_t place = 0;
    size_t index = 0;  // of a register
    Scalar scalar = {};
  };

  EntryCaller(Instance& instance, size_t entry)
      : instance_(&instance), entry_(entry) {}

  absl::Status AddInput(const ValueSpec& value);
  // An error of this entry.
  absl::Status Error(absl::string_view expected, absl::string_view got) const;
  // The number of an input's column in `schema`.
  absl::StatusOr<size_t> Find(const Input& input, const Schema& schema) const;
  // Finds the columns of a stream's inputs.
  absl::Status Bind(uint32_t stream, const Schema& schema);
  absl::Status FeedStream(size_t i,
                          absl::Span<const PackedBatch* const> streams);
  absl::Status FeedRows(size_t i, const PackedBatch& batch);
  absl::Status FeedScalar(size_t i, absl::Span<const double> registers);

  Instance* instance_;
  size_t entry_;
  std::vector<Input> inputs_;
  std::vector<Feed> feeds_;
  std::vector<Schema> schemas_;           // of the last batch of each stream
  std::vector<const PackedBatch*> same_;  // one batch for all streams
  absl::Span<const OutputView> outputs_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_BINDING_ENTRY_H_
