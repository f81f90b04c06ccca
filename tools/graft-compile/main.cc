// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft-compile: turns a checkpoint directory or a strategy in MLIR into an
// artifact, or into a module to read, edit and compile later.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/labels.h"
#include "tools/ending_signals.h"
#include "tools/graft-compile/compile.h"
#include "tools/option_checks.h"
#include "tools/same_file.h"
#include "tools/standard_output.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

// Groups of options that apply to some inputs only.
constexpr char kDirectoryGroup[] = "Model (for a directory)";
constexpr char kImportGroup[] = "Models that are imported";
constexpr char kStrategyGroup[] = "Strategy";

// Where compiled kernels are kept unless options say otherwise: the XDG Base
// Directory Specification's place, or nowhere without a home.
std::string DefaultCache() {
  if (const char* cache = std::getenv("GRAFT_CACHE")) return cache;
  const char* base = std::getenv("XDG_CACHE_HOME");
  if (base && *base == '/') return JoinPath(base, "graft");
  const char* home = std::getenv("HOME");
  if (home && *home == '/') return JoinPath(home, ".cache/graft");
  return {};
}

struct CommandOptions {
  std::vector<std::string> labels, classes;  // FILE or STREAM=FILE; N, ...
  std::vector<std::string> adapters;  // DIRECTORY, or NAME=DIRECTORY each
  bool regression = false;
  std::string targets = "host";
  std::string emit = "artifact";
  std::string pooler = "checkpoint";
  double dropout = -1;
  std::vector<std::string> settings;  // of --set
  CompileOptions compile;
};

// Adds the values of --set to those of other options.
absl::Status AddSettings(CommandOptions& options) {
  for (const std::string& text : options.settings) {
    const std::pair<std::string, std::string> setting =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (setting.first.empty() || !absl::StrContains(text, '='))
      return UsageError(absl::StrCat("--set: expects NAME=VALUE, got ", text));
    options.compile.settings.push_back(
        {absl::StrCat("--set ", text), setting.first, setting.second});
  }
  return absl::OkStatus();
}

// Splits NAME=VALUE, such as of a stream; the name is empty where there is
// VALUE alone. A path may have a '=' itself.
std::pair<std::string, std::string> SplitName(const std::string& text) {
  const size_t equals = text.find('=');
  const bool named =
      equals != std::string::npos && equals > 0 &&
      std::all_of(text.begin(), text.begin() + equals, [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
      });
  if (!named || FileSystem::Posix().Exists(text)) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// What N of --classes is, alone or behind STREAM=.
CLI::Validator ClassCount() {
  CLI::Validator number = WholeNumber(2, 1 << 20);
  return CLI::Validator(
      [number](std::string& text) {
        std::string value = SplitName(text).second;
        return number(value);
      },
      number.get_description());
}

// Adds the labels of `text`, which the option `option` gives, to those of a
// stream or of models that are imported.
absl::Status AddLabels(const char* option, const std::string& text,
                       CompileOptions& compile) {
  auto [stream, value] = SplitName(text);
  StreamLabels labels{absl::StrCat(option, " ", text), stream, 0, {}};
  if (option == std::string("--labels")) {
    GRAFT_ASSIGN_OR_RETURN(labels.names,
                           ReadLabels(FileSystem::Posix(), value));
    labels.labels = static_cast<int64_t>(labels.names.size());
  } else {
    labels.labels = std::stoll(value);
  }
  if (stream.empty()) {
    if (compile.import.labels != 0)
      return UsageError(
          absl::StrCat(labels.option,
                       ": expects the labels of an import once, got another"));
    compile.import.labels = labels.labels;
    compile.import.label_names = std::move(labels.names);
    return absl::OkStatus();
  }
  if (!IsStrategy(compile.input))
    return UsageError(absl::StrCat(
        labels.option,
        ": expects a strategy *.mlir, which has streams, got the directory ",
        compile.input));
  if (labels.labels < 2)
    return absl::InvalidArgumentError(absl::StrCat(
        labels.option, ": expects at least 2 labels, got ", labels.labels));
  for (const StreamLabels& other : compile.stream_labels)
    if (other.stream == stream)
      return UsageError(absl::StrCat(
          labels.option, ": expects each stream once, got ", stream, " twice"));
  compile.stream_labels.push_back(std::move(labels));
  return absl::OkStatus();
}

absl::Status AddLabels(CommandOptions& options) {
  if (options.regression) options.compile.import.labels = 1;
  for (const std::string& text : options.labels)
    GRAFT_RETURN_IF_ERROR(AddLabels("--labels", text, options.compile));
  for (const std::string& text : options.classes)
    GRAFT_RETURN_IF_ERROR(AddLabels("--classes", text, options.compile));
  return absl::OkStatus();
}

// One directory of adapters, or several with names.
absl::Status AddAdapters(CommandOptions& options) {
  AdapterSource& adapters = options.compile.import.adapters;
  for (const std::string& text : options.adapters) {
    const auto [name, directory] = SplitName(text);
    if (name.empty() && options.adapters.size() > 1)
      return UsageError(
          absl::StrCat("--adapter: expects NAME=DIRECTORY for each of several "
                       "adapters, with a name of letters, digits and '_', got ",
                       text));
    if (!name.empty() &&
        absl::ascii_isdigit(static_cast<unsigned char>(name[0])))
      return UsageError(absl::StrCat(
          "--adapter: expects a name that begins with a letter or '_', got ",
          name));
    if (name.empty()) {
      adapters.directory = directory;
      return absl::OkStatus();
    }
    for (const NamedAdapters& other : adapters.several)
      if (other.name == name)
        return UsageError(absl::StrCat("--adapter ", text,
                                       ": expects each name once, got ", name,
                                       " twice"));
    adapters.several.push_back({name, directory});
  }
  return absl::OkStatus();
}

// Refuses a file where a directory is to be.
absl::Status CheckDirectory(absl::string_view option, const std::string& path) {
  FileSystem& files = FileSystem::Posix();
  if (path.empty() || !files.Exists(path) || files.IsDirectory(path))
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": expects a directory, got the file ", path));
}

absl::Status Run(CommandOptions& options) {
  CompileOptions& compile = options.compile;
  GRAFT_RETURN_IF_ERROR(CheckDirectory("--cache", compile.cache));
  GRAFT_RETURN_IF_ERROR(CheckDirectory("--dump-stages", compile.dump_stages));
  GRAFT_RETURN_IF_ERROR(AddSettings(options));
  GRAFT_RETURN_IF_ERROR(AddLabels(options));
  GRAFT_RETURN_IF_ERROR(AddAdapters(options));
  // CLI11 has checked that the keys are there.
  const std::map<std::string, Emit> emit = {
      {"artifact", Emit::kArtifact}, {"model", Emit::kModel},
      {"strategy", Emit::kStrategy}, {"settings", Emit::kSettings},
      {"page", Emit::kPage},         {"facts", Emit::kFacts}};
  const std::map<std::string, PoolerSource> poolers = {
      {"checkpoint", PoolerSource::kCheckpoint},
      {"new", PoolerSource::kNew},
      {"none", PoolerSource::kNone}};
  compile.emit = emit.at(options.emit);
  compile.import.pooler = poolers.at(options.pooler);
  compile.targets = absl::StrSplit(options.targets, ',');
  if (options.dropout >= 0) compile.import.dropout = options.dropout;
  GRAFT_ASSIGN_OR_RETURN(CompileReport report, Compile(compile));
  if (!report.initialised.empty())
    std::fprintf(stderr, "graft-compile: initialised %s\n",
                 absl::StrJoin(report.initialised, ", ").c_str());
  if (!report.skipped.empty())
    std::fprintf(stderr, "graft-compile: skipped %s\n",
                 absl::StrJoin(report.skipped, ", ").c_str());
  return absl::OkStatus();
}

void AddModelOptions(CLI::App& app, CommandOptions& options) {
  CompileOptions& compile = options.compile;
  app.add_option("input", compile.input,
                 "checkpoint directory (config.json, model.safetensors, "
                 "tokenizer), a strategy *.mlir, or page:NAME for one of the "
                 "compiler's")
      ->required();
  app.add_option("--model", compile.models,
                 "NAME=DIRECTORY, for each model of a *.mlir: its weights, or "
                 "the checkpoint to import where the file only calls it; none "
                 "for a model whose parameters all have initial values there")
      ->allow_extra_args(false);
  app.add_option("-o,--output", compile.output,
                 "file to write; - is standard output, for --emit of text")
      ->type_name("FILE")
      ->required();
  app.add_option(
         "--emit", options.emit,
         "artifact, model (readable MLIR), strategy (the models with the "
         "strategy that adapts them), settings (the parameters that the "
         "strategy declares), facts (sizes of the model, as JSON), or page "
         "(the text of page:NAME; of page: alone, what pages there are)")
      ->check(
          OneOf({"artifact", "model", "strategy", "settings", "facts", "page"}))
      ->capture_default_str();
  app.option_defaults()->group("Classifier");
  CLI::Option* labels =
      app.add_option("--labels", options.labels,
                     "file *.json with a list of labels, or any other "
                     "file with one per line; STREAM=FILE for those of a "
                     "stream of a *.mlir")
          ->type_name("FILE")
          ->allow_extra_args(false);
  CLI::Option* classes =
      app.add_option("--classes", options.classes,
                     "number of unnamed labels (default: those of a model that "
                     "is called and frozen, or else the checkpoint's); "
                     "STREAM=N for those of a stream of a *.mlir")
          ->check(ClassCount())
          ->allow_extra_args(false);
  app.add_flag("--regression", options.regression, "predict one number")
      ->excludes(labels)
      ->excludes(classes);
  app.option_defaults()->group(kDirectoryGroup);
  app.add_option("--name", compile.import.name, "symbol of the model")
      ->capture_default_str();
  app.add_option("--teacher", compile.teacher,
                 "directory of a classifier to learn from; the model gets its "
                 "labels unless others are given")
      ->type_name("DIRECTORY");
}

void AddImportOptions(CLI::App& app, CommandOptions& options) {
  CompileOptions& compile = options.compile;
  app.option_defaults()->group(kImportGroup);
  app.add_flag("--new-head", compile.import.new_head,
               "create a new classifier even if the checkpoint has one");
  app.add_option("--pooler", options.pooler,
                 "input of the classifier: the checkpoint's pooler "
                 "(checkpoint), a new pooler (new), or the first token (none)")
      ->check(OneOf({"checkpoint", "new", "none"}))
      ->capture_default_str();
  app.add_option(
         "--adapter", options.adapters,
         "directory of Hugging Face PEFT with LoRA or DoRA adapters: the "
         "model that reads the texts begins with them. A strategy that "
         "puts in such adapters trains them on; else they become part "
         "of the matrices. Repeated as NAME=DIRECTORY: the program only "
         "predicts, and chooses one of them, and its head, for each text")
      ->type_name("[NAME=]DIRECTORY")
      ->allow_extra_args(false);
  app.add_option("--student-layers", compile.import.layers,
                 "layers to keep of a model that is trained, such as 0,2,4 "
                 "(default: all)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(WholeNumber(0));
  app.add_option("--max-tokens", compile.import.token_capacity,
                 "maximum tokens per launch")
      ->check(WholeNumber(1))
      ->capture_default_str();
  app.add_option("--max-sequences", compile.import.sequence_capacity,
                 "maximum sequences per launch")
      ->check(WholeNumber(1))
      ->capture_default_str();
  app.add_option("--dropout", options.dropout,
                 "rate of all dropouts (default: the model's)")
      ->check(Number(0, 0.999));
}

void AddStrategyOptions(CLI::App& app, CommandOptions& options) {
  ScopeOptions& scopes = options.compile.scopes;
  app.option_defaults()->group(kStrategyGroup);
  for (const StrategyFlag& flag : kStrategyFlags)
    app.add_option_function<std::string>(
        flag.option,
        [&options, &flag](const std::string& value) {
          options.compile.settings.push_back(
              {flag.option, flag.parameter, value});
        },
        absl::StrCat(flag.help, " (parameter ", flag.parameter, ")"));
  app.add_flag("--decay-weights-only", scopes.decay_weights_only,
               "no weight decay of biases and layer norms (parameters decayed "
               "and undecayed)");
  app.add_flag("--freeze-embeddings", scopes.freeze_embeddings,
               "train no embeddings (parameter freeze)");
  app.add_option("--freeze-layers", scopes.freeze_layers,
                 "number of first layers to freeze; freezes the embeddings, "
                 "too (parameter freeze)")
      ->check(WholeNumber(0));
  app.add_flag("--linear-probe", scopes.linear_probe,
               "train only new parameters and the classifier (parameters "
               "freeze and learn)");
  app.add_option("--set", options.settings, kSetHelp)->allow_extra_args(false);
  app.add_option("--max-batch", options.compile.max_batch,
                 "examples of the largest batch of a loss that relates them, "
                 "such as a contrastive one: computed in two passes, so that a "
                 "launch may hold less (default: what a launch holds)")
      ->check(WholeNumber(1));
  app.add_flag("--weights", options.compile.weights,
               "each example has a weight, by which all losses count it");
}

void AddOptions(CLI::App& app, CommandOptions& options) {
  AddModelOptions(app, options);
  AddImportOptions(app, options);
  AddStrategyOptions(app, options);
  app.option_defaults()->group("Program");
  app.add_option(
         "--targets", options.targets,
         "host, all, or a list of avx2, avx512, avx512_bf16, amx_bf16, aarch64 "
         "and what plug-ins bring")
      ->capture_default_str();
  app.add_option(
         "--precision", options.compile.precision,
         "precision of GEMMs, attention and activations: fp32, bf16 or fp16")
      ->check(OneOf({"fp32", "bf16", "fp16"}))
      ->capture_default_str();
  app.add_option("--memory-budget", options.compile.memory_budget,
                 "limit for the activations at --max-tokens, such as 200MB or "
                 "1.2GiB; those that do not fit are recomputed; 0: no limit")
      ->transform(ByteSize())
      ->capture_default_str();
  app.add_flag("--memory-choices", options.compile.memory_choices,
               "record the cost of smaller budgets, for `graft plan`");
  app.add_option("--dump-stages", options.compile.dump_stages,
                 "directory for the program after each stage")
      ->type_name("DIRECTORY");
  options.compile.cache = DefaultCache();
  app.add_option("--cache", options.compile.cache,
                 "directory of the cache of compiled kernels; also from "
                 "GRAFT_CACHE; \"\": no cache")
      ->type_name("DIRECTORY")
      ->capture_default_str();
  app.add_option("--plugin", options.compile.plugins,
                 "shared library with ops, passes, families of models and "
                 "targets; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--graph-passes", options.compile.graph_passes,
                 "pipeline, builtin.module(...), that runs on the phase "
                 "functions before differentiation");
  app.footer(
      "Example:\n"
      "  graft-compile minilm/ --labels labels.txt --max-tokens 1024 -o "
      "program.graft\n"
      "  graft-compile minilm/ --classes 26 --emit strategy -o strategy.mlir\n"
      "  graft-compile strategy.mlir --model model=minilm/ -o program.graft\n"
      "  graft-compile minilm/ --student-layers 0,2,4 --teacher teacher/ -o "
      "program.graft\n"
      "Exit codes: 0 success, 1 failure, 2 wrong usage.");
}

// Names of the options of a group that are on the command line.
std::vector<std::string> GivenOptions(const CLI::App& app, const char* group) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0 && option->get_group() == group)
      names.push_back(option->get_name());
  return names;
}

// Refuses to write over what is read.
absl::Status CheckOutput(const CommandOptions& options) {
  const CompileOptions& compile = options.compile;
  std::vector<std::string> inputs = {compile.input};
  for (const std::string& text : options.labels)
    inputs.push_back(SplitName(text).second);
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "vocab.txt"})
    inputs.push_back(JoinPath(compile.input, name));
  return CheckNoInput("--output", compile.output, inputs);
}

absl::Status CheckAndRun(const CLI::App& app, CommandOptions& options) {
  CompileOptions& compile = options.compile;
  const std::vector<std::string> given = GivenOptions(app, kDirectoryGroup);
  if (IsStrategy(compile.input) && !given.empty())
    return UsageError(
        absl::StrCat(given.front(),
                     ": expects a checkpoint directory as input, got the "
                     "strategy ",
                     compile.input, "; --model names its models"));
  GRAFT_RETURN_IF_ERROR(CheckOutput(options));
  compile.import_options = GivenOptions(app, kImportGroup);
  compile.strategy_options = GivenOptions(app, kStrategyGroup);
  return Run(options);
}

}  // namespace
}  // namespace graft

int main(int argc, char** argv) {
  CLI::App app(
      "Compiles a pretrained encoder and a strategy that adapts it into one "
      "program.");
  app.name("graft-compile");
  graft::CommandOptions options;
  graft::AddOptions(app, options);
  graft::PrepareStandardOutput();
  graft::HandleEndingSignals();
  const std::optional<int> exit = graft::ParseCommandLine(
      app, argc, argv, {.may_be_empty = {"--cache"}, .take_options = {}});
  if (exit && *exit != 0) return *exit;
  absl::Status status;
  if (!exit) status = graft::CheckAndRun(app, options);
  if (status.ok()) status = graft::FlushStandardOutput();
  if (status.ok()) return 0;
  std::fprintf(stderr, "graft-compile: %s\n",
               std::string(status.message()).c_str());
  return graft::IsUsageError(status) ? 2 : 1;
}
