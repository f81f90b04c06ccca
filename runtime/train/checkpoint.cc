// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/checkpoint.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

constexpr absl::string_view kPrefix = "checkpoint-";
constexpr absl::string_view kSuffix = ".safetensors";
constexpr absl::string_view kFormat = "graft-checkpoint-1";

// Reads one number of the file's metadata.
template <typename T>
absl::Status ReadNumber(const SafetensorsFile& file, const std::string& key,
                        T& value) {
  auto found = file.metadata().find(key);
  bool good = false;
  if (found != file.metadata().end()) {
    if constexpr (std::is_floating_point_v<T>)
      good = absl::SimpleAtod(found->second, &value);
    else
      good = absl::SimpleAtoi(found->second, &value);
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      file.path(), ": expects a number \"", key, "\" in the metadata, got ",
      found == file.metadata().end() ? "none" : found->second));
}

}  // namespace

std::string CheckpointPath(const std::string& directory, int64_t step) {
  return JoinPath(directory,
                  absl::StrFormat("%s%09d%s", kPrefix, step, kSuffix));
}

absl::Status SaveCheckpoint(FileSystem& files, const std::string& path,
                            const TrainingState& state,
                            absl::Span<const StateTensor> tensors) {
  std::vector<TensorView> views;
  views.reserve(tensors.size());
  for (const StateTensor& tensor : tensors) {
    TensorView view;
    view.name = tensor.name;
    view.dtype = DType::kF32;
    view.shape = tensor.shape;
    view.data = absl::MakeConstSpan(
        reinterpret_cast<const uint8_t*>(tensor.values.data()),
        tensor.values.size() * sizeof(float));
    views.push_back(std::move(view));
  }
  std::map<std::string, std::string> metadata = {
      {"format", std::string(kFormat)},
      {"step", absl::StrCat(state.step)},
      {"seed", absl::StrCat(state.seed)},
      {"run", state.run},
      {"best", absl::StrFormat("%.17g", state.best)},
      {"best_step", absl::StrCat(state.best_step)},
      {"evaluations_since_best", absl::StrCat(state.evaluations_since_best)},
      {"loss_sum", absl::StrFormat("%.17g", state.loss_sum)},
  };
  if (const LossScale& scale = state.loss_scale; scale.scale > 0) {
    metadata["loss_scale"] = absl::StrFormat("%.17g", scale.scale);
    metadata["loss_scale_steps"] = absl::StrCat(scale.steps);
    metadata["skipped_steps"] = absl::StrCat(scale.skipped);
  }
  return WriteSafetensors(files, path, views, metadata);
}

absl::StatusOr<TrainingState> LoadCheckpoint(
    FileSystem& files, const std::string& path,
    absl::Span<const StateTensor> tensors) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  auto format = file->metadata().find("format");
  if (format == file->metadata().end() || format->second != kFormat)
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expects a checkpoint of format ", kFormat, ", got ",
        format == file->metadata().end() ? "none" : format->second));
  TrainingState state;
  GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "step", state.step));
  GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "seed", state.seed));
  GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "best", state.best));
  GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "best_step", state.best_step));
  GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "evaluations_since_best",
                                   state.evaluations_since_best));
  GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "loss_sum", state.loss_sum));
  if (LossScale& scale = state.loss_scale;
      file->metadata().contains("loss_scale")) {
    GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "loss_scale", scale.scale));
    GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "loss_scale_steps", scale.steps));
    GRAFT_RETURN_IF_ERROR(ReadNumber(*file, "skipped_steps", scale.skipped));
  }
  if (auto run = file->metadata().find("run"); run != file->metadata().end())
    state.run = run->second;
  if (file->tensors().size() != tensors.size())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects ", tensors.size(), " tensors, got ",
                     file->tensors().size()));
  for (const StateTensor& tensor : tensors)
    GRAFT_RETURN_IF_ERROR(
        file->ReadFloats(tensor.name, tensor.shape, tensor.values));
  return state;
}

absl::StatusOr<std::vector<std::string>> ListCheckpoints(
    FileSystem& files, const std::string& directory) {
  std::vector<std::string> paths;
  if (!files.IsDirectory(directory)) return paths;
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> names, files.List(directory));
  for (const std::string& name : names) {
    absl::string_view step = name;
    int64_t number;
    if (absl::ConsumePrefix(&step, kPrefix) &&
        absl::ConsumeSuffix(&step, kSuffix) && absl::SimpleAtoi(step, &number))
      paths.push_back(JoinPath(directory, name));
  }
  std::sort(paths.rbegin(), paths.rend());
  return paths;
}

absl::Status PruneCheckpoints(FileSystem& files, const std::string& directory,
                              int keep) {
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                         ListCheckpoints(files, directory));
  for (size_t i = static_cast<size_t>(keep); i < paths.size(); ++i)
    GRAFT_RETURN_IF_ERROR(files.Remove(paths[i]));
  return absl::OkStatus();
}

}  // namespace graft
