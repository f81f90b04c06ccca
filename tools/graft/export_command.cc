// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft import and graft export: to readable MLIR, and to a Hugging Face
// directory.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/artifact/artifact.h"
#include "runtime/artifact/data_settings.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/config.h"
#include "runtime/formats/hf_directory.h"
#include "runtime/predict/predictor.h"
#include "runtime/tokenize/registry.h"
#include "tools/graft/commands.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/export_artifact.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct ExportOptions {
  std::string artifact, output;
  std::string dtype = "F32";
};

absl::Span<const float> Floats(const Artifact& artifact, size_t slot) {
  const absl::Span<const uint8_t> bytes = artifact.SlotData(slot);
  return absl::MakeConstSpan(reinterpret_cast<const float*>(bytes.data()),
                             bytes.size() / sizeof(float));
}

// base + scale * left right, summed in double precision.
std::vector<float> Merged(const Artifact& artifact, const MergeSpec& merge) {
  const absl::Span<const float> left = Floats(artifact, merge.left);
  const absl::Span<const float> right = Floats(artifact, merge.right);
  const std::vector<int64_t>& shape = artifact.spec().slots[merge.right].shape;
  const auto rank = static_cast<size_t>(shape[0]);
  const auto columns = static_cast<size_t>(shape[1]);
  const absl::Span<const float> base = Floats(artifact, merge.base);
  std::vector<float> merged(base.begin(), base.end());
  std::vector<double> row(columns);
  for (size_t i = 0; columns > 0 && i < merged.size() / columns; ++i) {
    std::fill(row.begin(), row.end(), 0.0);
    for (size_t k = 0; k < rank; ++k)
      for (size_t j = 0; j < columns; ++j)
        row[j] += static_cast<double>(left[i * rank + k]) *
                  static_cast<double>(right[k * columns + j]);
    for (size_t j = 0; j < columns; ++j) {
      float& value = merged[i * columns + j];
      value = static_cast<float>(static_cast<double>(value) +
                                 static_cast<double>(merge.scale) * row[j]);
    }
  }
  return merged;
}

// The parameters of the artifact's only model, over its mapped values, or over
// those in `merged` where adapters become part of a matrix.
absl::StatusOr<std::vector<ModelTensor>> Parameters(
    const Artifact& artifact, std::vector<std::vector<float>>& merged) {
  std::vector<ModelTensor> tensors;
  absl::flat_hash_map<size_t, const MergeSpec*> bases;
  absl::flat_hash_set<size_t> adapters;
  for (const MergeSpec& merge : artifact.spec().merges) {
    bases[merge.base] = &merge;
    adapters.insert({merge.left, merge.right});
  }
  const std::vector<SlotSpec>& slots = artifact.spec().slots;
  const SlotSpec* first = nullptr;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    if (!slot.is_parameter()) continue;
    if (!first) first = &slot;
    if (slot.model != first->model)
      return absl::UnimplementedError(
          absl::StrCat(artifact.path(), ": expects one model to export, got @",
                       first->model, " and @", slot.model));
    if (slot.dtype != DType::kF32)
      return absl::UnimplementedError(
          absl::StrCat(artifact.path(), ": ", slot.name, " expects F32, got ",
                       std::string(DTypeName(slot.dtype))));
    if (adapters.contains(i)) continue;
    absl::Span<const float> values = Floats(artifact, i);
    if (const auto found = bases.find(i); found != bases.end()) {
      merged.push_back(Merged(artifact, *found->second));
      values = merged.back();
    }
    tensors.push_back({slot.name, slot.shape, values});
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

}  // namespace

absl::StatusOr<ExportReport> ExportArtifact(FileSystem& files,
                                            const std::string& path,
                                            const std::string& directory,
                                            DType dtype) {
  // Check the weights: the new file carries no checksum of the old one.
  LoadOptions load;
  load.verify_weights = true;
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(files, path, load));
  GRAFT_RETURN_IF_ERROR(CheckPooler(*artifact));
  GRAFT_ASSIGN_OR_RETURN(
      ModelConfig config,
      ModelConfig::Parse(artifact->spec().config,
                         absl::StrCat(artifact->path(), ": config")));
  const std::vector<HeadSpec>& heads = artifact->spec().heads;
  if (heads.size() > 1)
    return absl::UnimplementedError(absl::StrCat(
        artifact->path(), ": expects one head to export, got ",
        absl::StrJoin(heads, ", ", [](std::string* out, const HeadSpec& head) {
          absl::StrAppend(out, HeadName(head));
        })));
  if (!heads.empty() && !heads.front().labels.empty())
    config.SetLabels(heads.front().labels);
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

absl::Status Export(const ExportOptions& options) {
  const DType dtype = options.dtype == "F16"    ? DType::kF16
                      : options.dtype == "BF16" ? DType::kBF16
                                                : DType::kF32;
  GRAFT_ASSIGN_OR_RETURN(ExportReport report,
                         ExportArtifact(FileSystem::Posix(), options.artifact,
                                        options.output, dtype));
  if (!report.untrained.empty())
    std::fprintf(stderr, "graft: %s\n", report.untrained.c_str());
  return Print(absl::StrFormat("wrote %s: %d tensors of %s, %d labels\n",
                               options.output, report.tensors, options.dtype,
                               report.labels.size()));
}

struct ImportCommandOptions {
  std::string directory, output, labels;
  int64_t classes = 0;
  std::vector<std::string> plugins;
};

absl::Status Import(const ImportCommandOptions& options) {
  std::vector<std::string> arguments = {options.directory, "--emit=model", "-o",
                                        options.output};
  if (!options.labels.empty())
    arguments.push_back(absl::StrCat("--labels=", options.labels));
  if (options.classes > 0)
    arguments.push_back(absl::StrCat("--classes=", options.classes));
  for (const std::string& plugin : options.plugins)
    arguments.push_back(absl::StrCat("--plugin=", plugin));
  return RunCompiler(arguments);
}

}  // namespace

void AddImportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "import", "Write a checkpoint's model as readable MLIR");
  auto options = std::make_shared<ImportCommandOptions>();
  command
      ->add_option("directory", options->directory,
                   "directory with config.json, model.safetensors and the "
                   "tokenizer")
      ->required();
  command
      ->add_option("-o,--output", options->output,
                   "file to write; - is standard output")
      ->type_name("FILE")
      ->required();
  CLI::Option* labels = command->add_option(
      "--labels", options->labels, "file with one label per line, for a head");
  command
      ->add_option("--classes", options->classes,
                   "number of unnamed labels, for a head")
      ->check(WholeNumber(1, 1 << 20))
      ->excludes(labels);
  command
      ->add_option("--plugin", options->plugins,
                   "shared library with the model's family; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->footer(
      "Example:\n"
      "  graft import minilm/ --classes 26 -o model.mlir\n"
      "`graft-compile --help` explains all options of an import.");
  command->callback([options, &context] {
    context.run = [options] { return Import(*options); };
  });
}

void AddExportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "export", "Write a trained artifact as a Hugging Face directory");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  command
      ->add_option("--output", options->output,
                   "directory to create, for Transformers")
      ->type_name("DIRECTORY")
      ->required();
  command
      ->add_option("--dtype", options->dtype,
                   "element type of the weights: F32, F16 or BF16")
      ->check(OneOf({"F32", "F16", "BF16"}))
      ->capture_default_str();
  command->footer(
      "Example:\n  graft export out/model.graft --output exported/");
  command->callback([options, &context] {
    context.run = [options] { return Export(*options); };
  });
}

}  // namespace graft
