// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-run/feeds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

absl::StatusOr<std::vector<int32_t>> ReadInts(const SafetensorsFile& file,
                                              const std::string& name) {
  GRAFT_ASSIGN_OR_RETURN(const TensorView* view, file.Get(name));
  if (view->dtype != DType::kI32 || view->shape.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": ", name, ": expects I32 of one dimension, got ",
        DescribeTensorType(view->dtype, view->shape)));
  }
  std::vector<int32_t> values(view->shape[0]);
  std::copy(view->data.begin(), view->data.end(),
            reinterpret_cast<uint8_t*>(values.data()));
  return values;
}

}  // namespace

absl::Status InputFile::AddEntry(const EntrySpec& spec, EntryFeeds& entry) {
  // Sized once: feeds point into the buffers.
  entry.buffers.resize(spec.inputs.size());
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const ValueSpec& input = spec.inputs[i];
    if (input.kind == ValueKind::tensor) {
      GRAFT_ASSIGN_OR_RETURN(const TensorView* view, file_->Get(input.name));
      entry.feeds.push_back(
          Feed::Tensor(view->dtype, view->shape, view->data.data()));
      continue;
    }
    SegmentsBuffers& buffers = entry.buffers[i];
    GRAFT_ASSIGN_OR_RETURN(buffers.offsets,
                           ReadInts(*file_, input.name + ".offsets"));
    if (file_->Find(input.name + ".ordinals") != nullptr) {
      GRAFT_ASSIGN_OR_RETURN(buffers.ordinals,
                             ReadInts(*file_, input.name + ".ordinals"));
    }
    entry.feeds.push_back(Feed::Segments(buffers.offsets, buffers.ordinals));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<InputFile>> InputFile::Open(
    const std::string& path, const Artifact& artifact,
    absl::Span<const size_t> entries) {
  auto inputs = std::make_unique<InputFile>();
  GRAFT_ASSIGN_OR_RETURN(inputs->file_,
                         SafetensorsFile::Open(FileSystem::Posix(), path));
  for (const size_t entry : entries) {
    EntryFeeds feeds;
    feeds.entry = entry;
    GRAFT_RETURN_IF_ERROR(
        inputs->AddEntry(artifact.spec().entries[entry], feeds));
    inputs->entries_.push_back(std::move(feeds));
  }
  return inputs;
}

absl::StatusOr<absl::Span<const OutputView>> InputFile::Run(
    Instance& instance) const {
  absl::Span<const OutputView> outputs;
  for (const EntryFeeds& entry : entries_) {
    GRAFT_ASSIGN_OR_RETURN(outputs, instance.Run(entry.entry, entry.feeds));
  }
  return outputs;
}

absl::Status WriteOutputs(const std::string& path,
                          absl::Span<const OutputView> outputs) {
  std::vector<TensorView> tensors;
  for (const OutputView& output : outputs) {
    TensorView& view = tensors.emplace_back();
    view.name = std::string(output.name);
    view.dtype = output.dtype;
    view.shape.assign(output.shape.begin(), output.shape.end());
    GRAFT_ASSIGN_OR_RETURN(const uint64_t bytes,
                           TensorBytes(view.dtype, view.shape));
    view.data =
        absl::MakeConstSpan(static_cast<const uint8_t*>(output.data), bytes);
  }
  return WriteSafetensors(FileSystem::Posix(), path, tensors);
}

}  // namespace graft
