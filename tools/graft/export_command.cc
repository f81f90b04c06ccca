// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft import and graft export: to readable MLIR, and to directories of
// Hugging Face.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"
#include "tools/graft/commands.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/export_artifact.h"
#include "tools/graft/usage_error.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct ExportOptions {
  std::string artifact, output, adapter, base;
  std::string dtype = "F32";
};

absl::Status Export(const ExportOptions& options) {
  const DType dtype = options.dtype == "F16"    ? DType::kF16
                      : options.dtype == "BF16" ? DType::kBF16
                                                : DType::kF32;
  const bool adapters = !options.adapter.empty();
  if (!adapters && options.output.empty())
    return UsageError(
        "--output: expects a directory to create, got none; --adapter writes "
        "adapters alone");
  const std::string& directory = adapters ? options.adapter : options.output;
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(
      const ExportReport report,
      adapters ? ExportAdapters(files, options.artifact, directory, dtype,
                                options.base)
               : ExportArtifact(files, options.artifact, directory, dtype));
  if (!report.untrained.empty())
    std::fprintf(stderr, "graft: %s\n", report.untrained.c_str());
  return Print(absl::StrFormat("wrote %s: %d tensors of %s, %d labels\n",
                               directory, report.tensors, options.dtype,
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
  CLI::Option* output =
      command
          ->add_option("--output", options->output,
                       "directory to create, for Transformers")
          ->type_name("DIRECTORY");
  command
      ->add_option("--adapter", options->adapter,
                   "directory to create instead, for Hugging Face PEFT: the "
                   "low-rank adapters alone, and what else was trained")
      ->type_name("DIRECTORY")
      ->excludes(output);
  command
      ->add_option("--base", options->base,
                   "name or directory of the pretrained model, for the file of "
                   "--adapter")
      ->excludes(output);
  command
      ->add_option("--dtype", options->dtype,
                   "element type of the weights: F32, F16 or BF16")
      ->check(OneOf({"F32", "F16", "BF16"}))
      ->capture_default_str();
  command->footer(
      "Example:\n"
      "  graft export out/model.graft --output exported/\n"
      "  graft export adapted/model.graft --adapter peft/ --base minilm/");
  command->callback([options, &context] {
    context.run = [options] { return Export(*options); };
  });
}

}  // namespace graft
