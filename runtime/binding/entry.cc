// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/binding/entry.h"

#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status_macros.h"

namespace graft {

namespace {

using Per = ColumnSpec::Per;

// Whether the value has a row of fixed size per token or per example.
bool IsColumn(const ValueSpec& value) {
  if (value.kind != ValueKind::tensor || value.dims.empty() ||
      (value.dtype != DType::kI32 && value.dtype != DType::kF32))
    return false;
  for (const DimSpec& dim : value.dims)
    if ((dim.size >= 0) != (&dim == &value.dims[0])) return false;
  return true;
}

// "F32 with 2 numbers per token"
std::string Describe(const ColumnSpec& column) {
  return absl::StrCat(DTypeName(column.dtype), " with ", column.width,
                      column.width == 1 ? " number" : " numbers", " per ",
                      column.per == Per::kToken ? "token" : "example");
}

}  // namespace

absl::StatusOr<EntryCaller> EntryCaller::Create(Instance& instance,
                                                absl::string_view entry) {
  const Artifact& artifact = instance.artifact();
  GRAFT_ASSIGN_OR_RETURN(size_t index, artifact.FindEntry(entry));
  EntryCaller caller(instance, index);
  for (const ValueSpec& input : artifact.spec().entries[index].inputs)
    GRAFT_RETURN_IF_ERROR(caller.AddInput(input));
  caller.feeds_.resize(caller.inputs_.size());
  return caller;
}

absl::Status EntryCaller::AddInput(const ValueSpec& value) {
  static constexpr struct {
    absl::string_view name;
    DType dtype;
    Role role;
  } kScalars[] = {{"total", DType::kF32, Role::kTotal},
                  {"labelled", DType::kF32, Role::kLabelled},
                  {"rate", DType::kF32, Role::kRate},
                  {"step", DType::kI32, Role::kStep},
                  {"scale", DType::kF32, Role::kScale},
                  {"unscale", DType::kF32, Role::kUnscale}};
  Input& input = inputs_.emplace_back();
  if (value.kind == ValueKind::segments && value.name == "segments") {
    input.role = Role::kSegments;
    return absl::OkStatus();
  }
  for (const auto& scalar : kScalars) {
    if (value.name != scalar.name || value.dtype != scalar.dtype) continue;
    input.role = scalar.role;
    return absl::OkStatus();
  }
  const Artifact& artifact = instance_->artifact();
  if (!IsColumn(value))
    return absl::InvalidArgumentError(absl::StrCat(
        artifact.path(), ": entry ", artifact.spec().entries[entry_].name,
        ": expects inputs of known roles, got \"", value.name, "\" of type ",
        DTypeName(value.dtype)));
  absl::string_view name = value.name;
  if (value.dtype == DType::kF32 && absl::ConsumePrefix(&name, kCachePrefix))
    input.role = Role::kCached;
  ColumnSpec& column = input.column;
  column.name = std::string(name);
  column.dtype = value.dtype;
  if (artifact.spec().sizes[value.dims[0].size].name == "T")
    column.per = Per::kToken;
  for (const DimSpec& dim : value.dims) input.shape.push_back(dim.extent);
  for (size_t i = 1; i < input.shape.size(); ++i)
    column.width *= input.shape[i];
  return absl::OkStatus();
}

std::vector<ColumnSpec> EntryCaller::columns() const {
  std::vector<ColumnSpec> columns;
  for (const Input& input : inputs_)
    if (input.role == Role::kColumn) columns.push_back(input.column);
  return columns;
}

bool EntryCaller::TakesScale() const {
  return absl::c_any_of(
      inputs_, [](const Input& input) { return input.role == Role::kScale; });
}

absl::Status EntryCaller::Error(absl::string_view expected,
                                absl::string_view got) const {
  return absl::InvalidArgumentError(
      absl::StrCat(instance_->artifact().spec().entries[entry_].name,
                   ": expects ", expected, ", got ", got));
}

absl::Status EntryCaller::Bind(const Schema& schema) {
  schema_ = Schema();
  for (Input& input : inputs_) {
    if (input.role != Role::kColumn) continue;
    const ColumnSpec& wanted = input.column;
    const std::optional<size_t> place = schema.Find(wanted.name);
    if (!place)
      return Error(absl::StrCat("a stream with the field ", wanted.name),
                   schema.Names());
    const ColumnSpec& found = schema.columns()[*place];
    if (found.dtype != wanted.dtype || found.per != wanted.per ||
        found.width != wanted.width)
      return Error(
          absl::StrCat("the field ", wanted.name, " as ", Describe(wanted)),
          Describe(found));
    input.place = *place;
  }
  schema_ = schema;
  return absl::OkStatus();
}

absl::Status EntryCaller::FeedColumn(size_t i, const PackedBatch& batch) {
  const Schema& schema = batch.columns.schema();
  if (!schema.IsCopyOf(schema_)) GRAFT_RETURN_IF_ERROR(Bind(schema));
  Input& input = inputs_[i];
  input.shape[0] =
      input.column.per == Per::kToken ? batch.tokens() : batch.sequences();
  feeds_[i] = Feed::Tensor(input.column.dtype, input.shape,
                           batch.columns.data(input.place));
  return absl::OkStatus();
}

absl::Status EntryCaller::FeedCached(size_t i, const PackedBatch& batch) {
  Input& input = inputs_[i];
  input.shape[0] = batch.sequences();
  for (const CachedRows& rows : batch.cached) {
    if (rows.name != input.column.name) continue;
    if (input.column.width != rows.width)
      return absl::InvalidArgumentError(absl::StrCat(
          "expects ", input.column.width, " numbers per example of ",
          kCachePrefix, rows.name, ", got ", rows.width));
    feeds_[i] = Feed::Tensor(DType::kF32, input.shape, rows.values.data());
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expects a batch with rows of ", kCachePrefix,
                   input.column.name, ", got none"));
}

absl::Status EntryCaller::Call(const PackedBatch* batch,
                               const EntryScalars& scalars) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Role role = inputs_[i].role;
    if (role < Role::kTotal && !batch) return Error("a batch", "none");
    switch (role) {
      case Role::kSegments:
        feeds_[i] = Feed::Segments(batch->offsets, batch->ordinals);
        break;
      case Role::kColumn:
        GRAFT_RETURN_IF_ERROR(FeedColumn(i, *batch));
        break;
      case Role::kCached:
        GRAFT_RETURN_IF_ERROR(FeedCached(i, *batch));
        break;
      case Role::kTotal:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.total);
        break;
      case Role::kLabelled:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.labelled);
        break;
      case Role::kRate:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.rate);
        break;
      case Role::kStep:
        feeds_[i] = Feed::Tensor(DType::kI32, {}, &scalars.step);
        break;
      case Role::kScale:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.scale);
        break;
      case Role::kUnscale:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.unscale);
        break;
    }
  }
  GRAFT_ASSIGN_OR_RETURN(outputs_, instance_->Run(entry_, feeds_));
  return absl::OkStatus();
}

absl::Span<const float> EntryCaller::Output(absl::string_view name) const {
  for (const OutputView& output : outputs_)
    if (output.name == name) return output.floats();
  return {};
}

absl::StatusOr<BatchCapacity> ProgramCapacity(const Artifact& artifact) {
  BatchCapacity capacity;
  for (const SizeSpec& size : artifact.spec().sizes) {
    if (size.name == "T") capacity.tokens = size.bound;
    if (size.name == "S") capacity.sequences = size.bound;
  }
  if (capacity.tokens > 0 && capacity.sequences > 0) return capacity;
  return absl::InvalidArgumentError(
      absl::StrCat(artifact.path(), ": expects the sizes T and S"));
}

}  // namespace graft
