// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/export_artifact.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/artifact/artifact.h"
#include "runtime/artifact/data_settings.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/config.h"
#include "runtime/formats/hf_directory.h"
#include "runtime/formats/labels.h"
#include "runtime/formats/merge_adapters.h"
#include "runtime/formats/peft_directory.h"
#include "runtime/predict/predictor.h"
#include "runtime/tokenize/registry.h"

namespace graft {
namespace {

absl::Span<const float> Floats(const Artifact& artifact, size_t slot) {
  const absl::Span<const uint8_t> bytes = artifact.SlotData(slot);
  return absl::MakeConstSpan(reinterpret_cast<const float*>(bytes.data()),
                             bytes.size() / sizeof(float));
}

// The matrix of which the merge makes one.
std::vector<float> Merged(const Artifact& artifact, const MergeSpec& merge) {
  const absl::Span<const float> base = Floats(artifact, merge.base);
  std::vector<float> merged(base.begin(), base.end());
  LowRankValues adapters{Floats(artifact, merge.left),
                         Floats(artifact, merge.right),
                         artifact.spec().slots[merge.right].shape[0],
                         static_cast<double>(merge.scale),
                         {}};
  if (merge.norms >= 0) adapters.norms = Floats(artifact, merge.norms);
  MergeAdapters(adapters, absl::MakeSpan(merged));
  return merged;
}

// The parameters of the artifact's only model.
absl::StatusOr<std::vector<size_t>> ListParameters(const Artifact& artifact) {
  std::vector<size_t> parameters;
  const std::vector<SlotSpec>& slots = artifact.spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    if (!slot.is_parameter()) continue;
    const SlotSpec& first = slots[parameters.empty() ? i : parameters.front()];
    if (slot.model != first.model)
      return absl::UnimplementedError(
          absl::StrCat(artifact.path(), ": expects one model to export, got @",
                       first.model, " and @", slot.model));
    if (slot.dtype != DType::kF32)
      return absl::UnimplementedError(
          absl::StrCat(artifact.path(), ": ", slot.name, " expects F32, got ",
                       std::string(DTypeName(slot.dtype))));
    parameters.push_back(i);
  }
  return parameters;
}

// Parameters that adapt others: those of merges.
absl::flat_hash_set<size_t> ListAdapters(const Artifact& artifact) {
  absl::flat_hash_set<size_t> adapters;
  for (const MergeSpec& merge : artifact.spec().merges) {
    adapters.insert({merge.left, merge.right});
    if (merge.norms >= 0) adapters.insert(static_cast<size_t>(merge.norms));
  }
  return adapters;
}

// UNIMPLEMENTED for a parameter that no model of the family has.
absl::Status CheckAdded(const Artifact& artifact, const SlotSpec& slot) {
  if (!slot.added) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      artifact.path(),
      ": expects adapters that are low-rank, which an export makes part of "
      "matrices, got ",
      slot.name,
      ", a layer that Transformers does not have; `graft predict` "
      "takes the artifact as it is"));
}

ModelTensor TensorOf(const Artifact& artifact, size_t slot) {
  const SlotSpec& spec = artifact.spec().slots[slot];
  return {spec.name, spec.shape, Floats(artifact, slot)};
}

// The parameters of the pretrained architecture, over the artifact's mapped
// values, or over those in `merged` where adapters become part of a matrix.
absl::StatusOr<std::vector<ModelTensor>> Parameters(
    const Artifact& artifact, std::vector<std::vector<float>>& merged) {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<size_t> parameters,
                         ListParameters(artifact));
  const absl::flat_hash_set<size_t> adapters = ListAdapters(artifact);
  absl::flat_hash_map<size_t, const MergeSpec*> bases;
  for (const MergeSpec& merge : artifact.spec().merges)
    bases[merge.base] = &merge;
  std::vector<ModelTensor> tensors;
  for (const size_t i : parameters) {
    if (adapters.contains(i)) continue;
    GRAFT_RETURN_IF_ERROR(CheckAdded(artifact, artifact.spec().slots[i]));
    tensors.push_back(TensorOf(artifact, i));
    if (const auto found = bases.find(i); found != bases.end()) {
      merged.push_back(Merged(artifact, *found->second));
      tensors.back().values = merged.back();
    }
  }
  return tensors;
}

// Transformers would load a head without its pooler, with random numbers for
// the pooler, and say nothing.
absl::Status CheckPooler(const Artifact& artifact) {
  for (const auto& [key, value] : artifact.spec().provenance) {
    if (key == "pooler" && value == "none")
      return absl::UnimplementedError(
          absl::StrCat(artifact.path(),
                       ": expects a head on the pooler, as Transformers "
                       "has it, got one compiled with --pooler=none"));
  }
  return absl::OkStatus();
}

// Loads an artifact of one model and at most one head.
absl::StatusOr<std::shared_ptr<const Artifact>> LoadModel(
    FileSystem& files, const std::string& path) {
  // Check the weights: the new file carries no checksum of the old one.
  LoadOptions load;
  load.verify_weights = true;
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(files, path, load));
  GRAFT_RETURN_IF_ERROR(CheckPooler(*artifact));
  const std::vector<HeadSpec>& heads = artifact->spec().heads;
  if (heads.size() > 1)
    return absl::UnimplementedError(absl::StrCat(
        artifact->path(), ": expects one head to export, got ",
        absl::StrJoin(heads, ", ", [](std::string* out, const HeadSpec& head) {
          absl::StrAppend(out, HeadName(head));
        })));
  return artifact;
}

// The configuration, with the labels of the head.
absl::StatusOr<ModelConfig> ReadConfig(const Artifact& artifact) {
  if (artifact.spec().config.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        artifact.path(),
        ": expects a model that began with a checkpoint, whose configuration "
        "is exported with it, got one that a page declares"));
  GRAFT_ASSIGN_OR_RETURN(
      ModelConfig config,
      ModelConfig::Parse(artifact.spec().config,
                         absl::StrCat(artifact.path(), ": config")));
  const std::vector<HeadSpec>& heads = artifact.spec().heads;
  if (!heads.empty() && !heads.front().labels.empty())
    config.SetLabels(heads.front().labels);
  return config;
}

}  // namespace

absl::StatusOr<ExportReport> ExportArtifact(FileSystem& files,
                                            const std::string& path,
                                            const std::string& directory,
                                            DType dtype) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         LoadModel(files, path));
  GRAFT_ASSIGN_OR_RETURN(ModelConfig config, ReadConfig(*artifact));
  std::vector<std::vector<float>> merged;
  GRAFT_ASSIGN_OR_RETURN(std::vector<ModelTensor> tensors,
                         Parameters(*artifact, merged));
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<Tokenizer> tokenizer,
      TokenizerFromArtifact(artifact->spec(), artifact->path()));
  // What training cut texts to, Transformers and an import are to cut them to.
  int64_t max_length = tokenizer->max_length() > 0 ? tokenizer->max_length()
                                                   : config.max_positions();
  if (const std::optional<DataSettingsSpec>& data = artifact->spec().data) {
    WriteDataSettings(*data, config);
    if (data->max_length > 0) max_length = data->max_length;
  }
  GRAFT_RETURN_IF_ERROR(
      WriteHuggingFaceDirectory(files, directory, config, tensors,
                                tokenizer->ToFiles(max_length), dtype));
  return ExportReport{DescribeUntrained(*artifact), config.labels(),
                      tensors.size()};
}

namespace {

// "a.b" of "a.b.c".
absl::string_view ModuleOf(absl::string_view name) {
  return name.substr(0, name.rfind('.'));
}

// The parameters of the modules that were trained beside adapters, all of each,
// as PEFT saves them. UNIMPLEMENTED: one of them is adapted.
absl::StatusOr<std::vector<size_t>> ListSaved(
    const Artifact& artifact, absl::Span<const size_t> parameters) {
  const std::vector<SlotSpec>& slots = artifact.spec().slots;
  const absl::flat_hash_set<size_t> adapters = ListAdapters(artifact);
  std::set<absl::string_view> modules;
  for (const size_t i : parameters)
    if (slots[i].trainable && !adapters.contains(i))
      modules.insert(ModuleOf(slots[i].name));
  for (const MergeSpec& merge : artifact.spec().merges)
    if (const std::string& name = slots[merge.base].name;
        modules.contains(ModuleOf(name)))
      return absl::UnimplementedError(absl::StrCat(
          artifact.path(), ": expects a frozen ", ModuleOf(name),
          " below its adapters, got one that was trained, too; --output writes "
          "the whole model"));
  std::vector<size_t> saved;
  for (const size_t i : parameters)
    if (!adapters.contains(i) && modules.contains(ModuleOf(slots[i].name)))
      saved.push_back(i);
  return saved;
}

// Adapters of an artifact, over its mapped values.
struct AdapterContent {
  std::vector<ModelTensor> tensors;  // by slot; empty ones of states
  PeftContent peft;
};

absl::StatusOr<std::unique_ptr<AdapterContent>> ReadAdapters(
    const Artifact& artifact, const ModelConfig& config,
    const std::string& base) {
  const std::vector<MergeSpec>& merges = artifact.spec().merges;
  const std::vector<SlotSpec>& slots = artifact.spec().slots;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<size_t> parameters,
                         ListParameters(artifact));
  const absl::flat_hash_set<size_t> adapters = ListAdapters(artifact);
  auto content = std::make_unique<AdapterContent>(
      AdapterContent{{}, {config, base, {}, {}, 0, {}, {}}});
  content->tensors.resize(slots.size());
  for (const size_t i : parameters) {
    content->tensors[i] = TensorOf(artifact, i);
    if (adapters.contains(i)) continue;
    GRAFT_RETURN_IF_ERROR(CheckAdded(artifact, slots[i]));
    content->peft.parameters.push_back(slots[i].name);
  }
  if (merges.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(artifact.path(),
                     ": expects low-rank adapters, such as those of `graft "
                     "finetune --method "
                     "lora`, got none; --output writes the whole model"));
  content->peft.scale = merges.front().scale;
  for (const MergeSpec& merge : merges) {
    if (merge.scale != merges.front().scale ||
        (merge.norms < 0) != (merges.front().norms < 0))
      return absl::UnimplementedError(absl::StrCat(
          artifact.path(), ": expects adapters of one kind and scale, got ",
          slots[merges.front().base].name, " and ", slots[merge.base].name,
          ", whose differ"));
    content->peft.adapted.push_back(
        {slots[merge.base].name, &content->tensors[merge.right],
         &content->tensors[merge.left],
         merge.norms < 0 ? nullptr : &content->tensors[merge.norms]});
  }
  GRAFT_ASSIGN_OR_RETURN(const std::vector<size_t> saved,
                         ListSaved(artifact, parameters));
  for (const size_t i : saved)
    content->peft.saved.push_back(&content->tensors[i]);
  return content;
}

}  // namespace

absl::StatusOr<ExportReport> ExportAdapters(FileSystem& files,
                                            const std::string& path,
                                            const std::string& directory,
                                            DType dtype,
                                            const std::string& base) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         LoadModel(files, path));
  GRAFT_ASSIGN_OR_RETURN(const ModelConfig config, ReadConfig(*artifact));
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<AdapterContent> content,
                         ReadAdapters(*artifact, config, base));
  const bool head = std::any_of(
      content->peft.saved.begin(), content->peft.saved.end(),
      [](const ModelTensor* tensor) { return IsInClassifier(tensor->name); });
  std::vector<std::string> labels;
  if (head && !artifact->spec().heads.empty())
    labels = artifact->spec().heads.front().labels;
  content->peft.labels = labels;
  GRAFT_RETURN_IF_ERROR(
      WritePeftDirectory(files, directory, content->peft, dtype));
  size_t tensors = content->peft.saved.size();
  for (const AdaptedTensor& matrix : content->peft.adapted)
    tensors += matrix.magnitude ? 3 : 2;
  return ExportReport{DescribeUntrained(*artifact), std::move(labels), tensors};
}

}  // namespace graft
