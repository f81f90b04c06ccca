// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/binding/entry.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

using Per = ColumnSpec::Per;

// "F32 with 2 numbers per token"
std::string Describe(const ColumnSpec& column) {
  return absl::StrCat(DTypeName(column.dtype), " with ", column.width,
                      column.width == 1 ? " number" : " numbers", " per ",
                      column.per == Per::kToken ? "token" : "example");
}

int32_t ToInt(double value) {
  constexpr double kMost = 2147483647;
  return std::isnan(value)
             ? 0
             : static_cast<int32_t>(std::clamp(value, -kMost, kMost));
}

}  // namespace

BatchCapacity StreamCapacity(const ArtifactSpec& spec,
                             const StreamSpec& stream) {
  const auto bound = [&](int32_t size) {
    return size < 0 ? 0 : spec.sizes[size].bound;
  };
  return {bound(stream.tokens), bound(stream.sequences)};
}

ColumnSpec ColumnOf(const ArtifactSpec& spec, const ValueSpec& input) {
  const bool cached = input.source == SourceKind::cache;
  const uint32_t stream =
      cached ? spec.caches[input.source_index].stream : input.source_index;
  ColumnSpec column;
  column.name = cached ? spec.caches[input.source_index].name : input.field;
  column.dtype = input.dtype;
  if (input.dims[0].size == spec.streams[stream].tokens)
    column.per = Per::kToken;
  for (size_t i = 1; i < input.dims.size(); ++i)
    column.width *= input.dims[i].extent;
  return column;
}

absl::StatusOr<uint32_t> OnlyStream(const Artifact& artifact, size_t entry) {
  const EntrySpec& spec = artifact.spec().entries[entry];
  const std::vector<uint32_t> streams = StreamsOf(artifact.spec(), spec);
  if (streams.size() == 1) return streams.front();
  return absl::InvalidArgumentError(absl::StrCat(
      artifact.path(), ": entry ", spec.name,
      ": expects inputs of one stream, got those of ", streams.size()));
}

absl::StatusOr<EntryCaller> EntryCaller::Create(Instance& instance,
                                                absl::string_view entry) {
  const Artifact& artifact = instance.artifact();
  GRAFT_ASSIGN_OR_RETURN(size_t index, artifact.FindEntry(entry));
  EntryCaller caller(instance, index);
  for (const ValueSpec& input : artifact.spec().entries[index].inputs)
    GRAFT_RETURN_IF_ERROR(caller.AddInput(input));
  caller.feeds_.resize(caller.inputs_.size());
  caller.schemas_.resize(artifact.spec().streams.size());
  caller.same_.resize(artifact.spec().streams.size());
  return caller;
}

absl::Status EntryCaller::AddInput(const ValueSpec& value) {
  const ArtifactSpec& spec = instance_->artifact().spec();
  Input& input = inputs_.emplace_back();
  input.source = value.source;
  switch (value.source) {
    case SourceKind::caller:
      return Error("inputs that say where their values come from", value.name);
    case SourceKind::scalar:
      input.index = value.source_index;
      input.column.dtype = value.dtype;
      return absl::OkStatus();
    case SourceKind::cache:
      input.stream = spec.caches[value.source_index].stream;
      break;
    case SourceKind::stream:
      input.stream = value.source_index;
      break;
  }
  input.segments = value.kind == ValueKind::segments;
  if (input.segments) return absl::OkStatus();
  input.column = ColumnOf(spec, value);
  for (const DimSpec& dim : value.dims) input.shape.push_back(dim.extent);
  return absl::OkStatus();
}

std::vector<ColumnSpec> EntryCaller::columns(uint32_t stream) const {
  std::vector<ColumnSpec> columns;
  for (const Input& input : inputs_)
    if (input.source == SourceKind::stream && input.stream == stream &&
        !input.segments)
      columns.push_back(input.column);
  return columns;
}

absl::Status EntryCaller::Error(absl::string_view expected,
                                absl::string_view got) const {
  return absl::InvalidArgumentError(
      absl::StrCat(instance_->artifact().spec().entries[entry_].name,
                   ": expects ", expected, ", got ", got));
}

absl::StatusOr<size_t> EntryCaller::Find(const Input& input,
                                         const Schema& schema) const {
  const ColumnSpec& wanted = input.column;
  const std::optional<size_t> place = schema.Find(wanted.name);
  if (!place)
    return Error(absl::StrCat("a stream with the field ", wanted.name),
                 schema.Names());
  const ColumnSpec& found = schema.columns()[*place];
  if (found.dtype == wanted.dtype && found.per == wanted.per &&
      found.width == wanted.width)
    return *place;
  return Error(
      absl::StrCat("the field ", wanted.name, " as ", Describe(wanted)),
      Describe(found));
}

absl::Status EntryCaller::CheckSchema(uint32_t stream,
                                      const Schema& schema) const {
  for (const Input& input : inputs_)
    if (input.source == SourceKind::stream && input.stream == stream &&
        !input.segments)
      GRAFT_RETURN_IF_ERROR(Find(input, schema).status());
  return absl::OkStatus();
}

absl::Status EntryCaller::Bind(uint32_t stream, const Schema& schema) {
  schemas_[stream] = Schema();
  for (Input& input : inputs_)
    if (input.source == SourceKind::stream && input.stream == stream &&
        !input.segments) {
      GRAFT_ASSIGN_OR_RETURN(input.place, Find(input, schema));
    }
  schemas_[stream] = schema;
  return absl::OkStatus();
}

absl::Status EntryCaller::FeedRows(size_t i, const PackedBatch& batch) {
  Input& input = inputs_[i];
  input.shape[0] = batch.sequences();
  for (const CachedRows& rows : batch.cached) {
    if (rows.name != input.column.name) continue;
    if (input.column.width != rows.width)
      return Error(absl::StrCat(input.column.width, " numbers per example of ",
                                rows.name),
                   absl::StrCat(rows.width));
    feeds_[i] = Feed::Tensor(DType::kF32, input.shape, rows.values.data());
    return absl::OkStatus();
  }
  return Error(
      absl::StrCat("a batch with rows of the cache ", input.column.name),
      "none");
}

absl::Status EntryCaller::FeedStream(
    size_t i, absl::Span<const PackedBatch* const> streams) {
  Input& input = inputs_[i];
  if (input.stream >= streams.size() || streams[input.stream] == nullptr)
    return Error(
        absl::StrCat("a batch of the stream ",
                     instance_->artifact().spec().streams[input.stream].name),
        "none");
  const PackedBatch& batch = *streams[input.stream];
  if (input.source == SourceKind::cache) return FeedRows(i, batch);
  if (input.segments) {
    feeds_[i] = Feed::Segments(batch.offsets, batch.ordinals);
    return absl::OkStatus();
  }
  const Schema& schema = batch.columns.schema();
  if (!schema.IsCopyOf(schemas_[input.stream]))
    GRAFT_RETURN_IF_ERROR(Bind(input.stream, schema));
  input.shape[0] =
      input.column.per == Per::kToken ? batch.tokens() : batch.sequences();
  feeds_[i] = Feed::Tensor(input.column.dtype, input.shape,
                           batch.columns.data(input.place));
  return absl::OkStatus();
}

absl::Status EntryCaller::FeedScalar(size_t i,
                                     absl::Span<const double> registers) {
  Input& input = inputs_[i];
  if (input.index >= registers.size())
    return Error("values of registers", "none");
  const double value = registers[input.index];
  if (input.column.dtype == DType::kF32)
    input.scalar.f32 = static_cast<float>(value);
  else
    input.scalar.i32 = ToInt(value);
  feeds_[i] = Feed::Tensor(input.column.dtype, {}, &input.scalar);
  return absl::OkStatus();
}

absl::Status EntryCaller::Call(absl::Span<const PackedBatch* const> streams,
                               absl::Span<const double> registers) {
  for (size_t i = 0; i < inputs_.size(); ++i)
    GRAFT_RETURN_IF_ERROR(inputs_[i].source == SourceKind::scalar
                              ? FeedScalar(i, registers)
                              : FeedStream(i, streams));
  GRAFT_ASSIGN_OR_RETURN(outputs_, instance_->Run(entry_, feeds_));
  return absl::OkStatus();
}

absl::Status EntryCaller::Call(const PackedBatch& batch,
                               absl::Span<const double> registers) {
  std::fill(same_.begin(), same_.end(), &batch);
  return Call(same_, registers);
}

absl::Span<const float> EntryCaller::Output(absl::string_view name) const {
  for (const OutputView& output : outputs_)
    if (output.name == name) return output.floats();
  return {};
}

}  // namespace graft
