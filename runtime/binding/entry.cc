// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/binding/entry.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {

absl::StatusOr<EntryCaller> EntryCaller::Create(Instance& instance,
                                                absl::string_view entry) {
  const Artifact& artifact = instance.artifact();
  GRAFT_ASSIGN_OR_RETURN(size_t index, artifact.FindEntry(entry));
  EntryCaller caller(instance, index);
  for (const ValueSpec& input : artifact.spec().entries[index].inputs) {
    const bool is_float = input.dtype == DType::kF32;
    if (input.name == "segments" && input.kind == ValueKind::segments)
      caller.roles_.push_back(Role::kSegments);
    else if (input.name == "ids" && !is_float)
      caller.roles_.push_back(Role::kIds);
    else if (input.name == "types" && !is_float)
      caller.roles_.push_back(Role::kTypes);
    else if (input.name == "labels")
      caller.roles_.push_back(is_float ? Role::kScores : Role::kLabels);
    else if (absl::StartsWith(input.name, kCachePrefix) && is_float &&
             !input.dims.empty())
      caller.roles_.push_back(Role::kCached);
    else if (input.name == "total" && is_float)
      caller.roles_.push_back(Role::kTotal);
    else if (input.name == "labelled" && is_float)
      caller.roles_.push_back(Role::kLabelled);
    else if (input.name == "rate" && is_float)
      caller.roles_.push_back(Role::kRate);
    else if (input.name == "step" && !is_float)
      caller.roles_.push_back(Role::kStep);
    else if (input.name == "scale" && is_float)
      caller.roles_.push_back(Role::kScale);
    else if (input.name == "unscale" && is_float)
      caller.roles_.push_back(Role::kUnscale);
    else
      return absl::InvalidArgumentError(
          absl::StrCat(artifact.path(), ": entry ", entry,
                       ": expects inputs of known roles, got \"", input.name,
                       "\" of type ", DTypeName(input.dtype)));
    const bool cached = caller.roles_.back() == Role::kCached;
    caller.cache_names_.push_back(
        cached ? input.name.substr(kCachePrefix.size()) : "");
    std::vector<int64_t>& shape = caller.cache_shapes_.emplace_back();
    for (size_t i = 0; cached && i < input.dims.size(); ++i)
      shape.push_back(input.dims[i].extent);
  }
  caller.feeds_.resize(caller.roles_.size());
  return caller;
}

bool EntryCaller::TakesScale() const {
  return absl::c_linear_search(roles_, Role::kScale);
}

absl::Status EntryCaller::FeedCached(size_t i, const PackedBatch& batch) {
  std::vector<int64_t>& shape = cache_shapes_[i];
  shape[0] = batch.sequences();
  for (const CachedRows& rows : batch.cached) {
    if (rows.name != cache_names_[i]) continue;
    int64_t width = 1;
    for (size_t d = 1; d < shape.size(); ++d) width *= shape[d];
    if (width != rows.width)
      return absl::InvalidArgumentError(
          absl::StrCat("expects ", width, " numbers per example of ",
                       kCachePrefix, rows.name, ", got ", rows.width));
    feeds_[i] = Feed::Tensor(DType::kF32, shape, rows.values.data());
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expects a batch with rows of ", kCachePrefix,
                   cache_names_[i], ", got none"));
}

absl::Status EntryCaller::Call(const PackedBatch* batch,
                               const EntryScalars& scalars) {
  std::array<int64_t, 1> tokens = {batch ? batch->tokens() : 0};
  std::array<int64_t, 1> sequences = {batch ? batch->sequences() : 0};
  std::array<int64_t, 2> score_shape = {sequences[0], 1};
  for (size_t i = 0; i < roles_.size(); ++i) {
    const bool of_batch = roles_[i] < Role::kTotal;
    if (of_batch && !batch)
      return absl::InvalidArgumentError("expects a batch, got none");
    switch (roles_[i]) {
      case Role::kIds:
        feeds_[i] = Feed::Tensor(DType::kI32, tokens, batch->ids.data());
        break;
      case Role::kTypes:
        feeds_[i] = Feed::Tensor(DType::kI32, tokens, batch->types.data());
        break;
      case Role::kSegments:
        feeds_[i] = Feed::Segments(batch->offsets, batch->ordinals);
        break;
      case Role::kLabels:
        feeds_[i] = Feed::Tensor(DType::kI32, sequences, batch->labels.data());
        break;
      case Role::kScores:
        feeds_[i] =
            Feed::Tensor(DType::kF32, score_shape, batch->scores.data());
        break;
      case Role::kCached:
        GRAFT_RETURN_IF_ERROR(FeedCached(i, *batch));
        break;
      case Role::kLabelled:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.labelled);
        break;
      case Role::kTotal:
        feeds_[i] = Feed::Tensor(DType::kF32, {}, &scalars.total);
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
