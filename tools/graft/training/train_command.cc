// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/temporary_directory.h"
#include "runtime/formats/hf_directory.h"
#include "runtime/formats/json.h"
#include "tools/graft/commands.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/model_facts.h"
#include "tools/graft/training/option_effects.h"
#include "tools/graft/training/strategy_options.h"
#include "tools/graft/training/stream_tasks.h"
#include "tools/graft/training/train_strategy.h"
#include "tools/graft/training/training_run.h"
#include "tools/graft/usage_error.h"
#include "tools/option_values.h"

namespace graft {
namespace {

// Data to evaluate on; "dev_first" that of the head @first.
constexpr char kEvaluation[] = "dev";

using NameValue = std::pair<std::string, std::string>;

// The parts of `texts`, NAME=VALUE each, in their order.
absl::StatusOr<std::vector<NameValue>> SplitPairs(
    const std::vector<std::string>& texts, const char* option,
    const char* form) {
  std::vector<NameValue> pairs;
  for (const std::string& text : texts) {
    NameValue pair = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (pair.first.empty() || pair.second.empty())
      return UsageError(
          absl::StrCat(option, ": expects ", form, ", got ", text));
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

// The files of --data by the names of their streams, in their order.
absl::StatusOr<std::vector<NameValue>> SplitData(
    const TrainCommandOptions& options) {
  return SplitPairs(options.data, "--data", "STREAM=FILE");
}

// The directory of each model by its name.
absl::StatusOr<std::map<std::string, std::string>> SplitModels(
    const std::vector<std::string>& texts) {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<NameValue> pairs,
                         SplitPairs(texts, "--model", "NAME=DIRECTORY"));
  std::map<std::string, std::string> models;
  for (const auto& [name, directory] : pairs)
    if (!models.emplace(name, directory).second)
      return UsageError(absl::StrCat("--model ", name, "=", directory,
                                     ": expects each name once, got ", name,
                                     " twice"));
  return models;
}

// What the compiler says about the strategy's streams and models.
absl::StatusOr<nlohmann::json> ReadFacts(FileSystem& files,
                                         const FinetuneOptions& options) {
  const std::string path = JoinPath(options.scratch, "facts.json");
  std::vector<std::string> arguments = PageArguments(options);
  for (const std::string& model : options.strategy.models)
    arguments.push_back(absl::StrCat("--model=", model));
  for (const char* word : {options.strategy.file.c_str(), "--emit=facts",
                           "--output", path.c_str()})
    arguments.emplace_back(word);
  GRAFT_RETURN_IF_ERROR(RunCompiler(arguments));
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, path));
  return ParseJson(text, path);
}

// Puts streams whose labels have one size into one set. The compiler gets
// labels for the models where a call binds that size or, of the first set, the
// page has a number.
void TakeLabelSets(const nlohmann::json& streams, FinetuneOptions& options) {
  std::vector<std::string> sizes;
  std::vector<LabelSet>& sets = options.label_sets;
  sets.clear();
  size_t of_models = streams.size();  // the set
  for (size_t i = 0; i < options.streams.size(); ++i) {
    const nlohmann::json& facts = streams[i];
    const StreamInput& stream = options.streams[i];
    if (!stream.labelled && !stream.soft) continue;
    const std::string size =
        facts.contains("size")      ? facts["size"].get<std::string>()
        : facts.contains("classes") ? facts["classes"].dump()
                                    : "";
    const size_t set = absl::c_find(sizes, size) - sizes.begin();
    options.streams[i].labels = set;
    if (set < sizes.size()) {
      if (stream.soft && !sets[set].soft)
        sets[set] = {.stream = i, .soft = true, .of_models = false};
    } else {
      sizes.push_back(size);
      sets.push_back({.stream = i, .soft = stream.soft, .of_models = false});
    }
    if (facts.contains("size") && !facts["open"].get<bool>())
      of_models = std::min(of_models, set);
  }
  if (sets.empty()) sets.emplace_back();
  const bool number = streams[sets[0].stream].contains("classes");
  if (of_models < sets.size())
    sets[of_models].of_models = true;
  else if (number || options.task != "classification")
    sets[0].of_models = true;
}

// What the strategy says of its streams, without their tables. The kind of
// their labels, which is one, becomes the task.
absl::Status TakeStreams(const nlohmann::json& streams,
                         FinetuneOptions& options) {
  const std::string& file = options.strategy.file;
  options.streams.clear();
  options.task = "none";
  for (const nlohmann::json& facts : streams) {
    StreamInput& stream = options.streams.emplace_back();
    stream.name = facts["name"];
    const std::string labels = facts["labels"];
    stream.labelled = labels != "none";
    stream.sets = labels == "sets";
    if (facts.contains("classes")) stream.classes = facts["classes"];
    stream.texts = facts["text"];
    stream.features = facts["features"];
    stream.soft = facts["soft"];
    stream.probabilities = facts["probabilities"];
    stream.partly_labelled = facts["unlabelled"];
    stream.weighted = facts["weights"];
    stream.whole = facts["whole"];
    stream.adds_up = facts["adds_up"];
    stream.drawn = facts["drawn"];
    if (stream.weighted && !stream.labelled)
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": the stream ", stream.name,
                       " has weights: expects labels beside them, got none"));
    if (!stream.labelled && !stream.soft) continue;
    const char* task = labels == "number" ? "regression" : "classification";
    if (options.task != "none" && options.task != task)
      return absl::InvalidArgumentError(absl::StrCat(
          file, ": expects labels of one kind in all streams, got those of a ",
          options.task, " and, in ", stream.name, ", of a ", task));
    options.task = task;
  }
  TakeLabelSets(streams, options);
  return absl::OkStatus();
}

// The predictions, each of which is evaluated on data of its own.
absl::Status TakePredictions(const nlohmann::json& predictions,
                             FinetuneOptions& options) {
  options.evaluations.clear();
  for (const nlohmann::json& prediction : predictions) {
    EvaluationInput& evaluation = options.evaluations.emplace_back();
    const std::string head = prediction["head"];
    if (!head.empty()) absl::StrAppend(&evaluation.name, "_", head);
    evaluation.soft = prediction["soft"];
    evaluation.unlabelled = prediction["unlabelled"];
    // Read as its own stream, if that has labels.
    evaluation.stream = LabelStream(options);
    for (size_t i = 0; i < options.streams.size(); ++i) {
      const StreamInput& stream = options.streams[i];
      if (stream.name == evaluation.name)
        return absl::InvalidArgumentError(absl::StrCat(
            options.strategy.file, ": expects another name of a stream than ",
            evaluation.name, ", the data to evaluate on"));
      const bool other = options.label_sets.size() > 1 ||
                         stream.sets != options.streams[evaluation.stream].sets;
      if (other && stream.labelled &&
          absl::c_linear_search(prediction["streams"], stream.name))
        evaluation.stream = i;
    }
  }
  return absl::OkStatus();
}

// The files of each stream, and of evaluations.
absl::Status TakeData(const std::vector<NameValue>& data,
                      FinetuneOptions& options) {
  std::vector<std::string> names;
  for (const StreamInput& stream : options.streams)
    names.push_back(stream.name);
  for (const EvaluationInput& evaluation : options.evaluations)
    names.push_back(evaluation.name);
  for (const auto& [name, path] : data) {
    const auto found = absl::c_find(names, name);
    if (found == names.end())
      return UsageError(absl::StrCat("--data ", name, "=", path,
                                     ": expects data for ", ListChoices(names),
                                     ", got ", name));
    const auto index = static_cast<size_t>(found - names.begin());
    const size_t streams = options.streams.size();
    (index < streams ? options.streams[index].paths
                     : options.evaluations[index - streams].paths)
        .push_back(path);
  }
  for (const StreamInput& stream : options.streams)
    if (stream.paths.empty())
      return UsageError(absl::StrCat(options.strategy.file, ": expects --data ",
                                     stream.name, "=FILE, got none"));
  return absl::OkStatus();
}

// A usage error unless there is a column of weights where, and only where, a
// stream reads it. The compiler adds weights to the labels of a single stream.
absl::Status TakeWeights(FinetuneOptions& options) {
  const std::string& file = options.strategy.file;
  std::vector<StreamInput>& streams = options.streams;
  const bool given = !options.table.weight_column.empty();
  for (const StreamInput& stream : streams)
    if (stream.weighted && !given)
      return UsageError(
          absl::StrCat(file, ": the stream ", stream.name,
                       " has weights: expects --weight-column, got none"));
  if (!given) return absl::OkStatus();
  if (streams.size() == 1 && streams.front().labelled)
    streams.front().weighted = true;
  if (absl::c_any_of(streams,
                     [](const StreamInput& stream) { return stream.weighted; }))
    return absl::OkStatus();
  return UsageError(absl::StrCat("--weight-column: expects a strategy ",
                                 streams.size() == 1
                                     ? "whose stream has labels"
                                     : "one of whose streams has weights",
                                 ", got ", file));
}

// A usage error unless there is an option where, and only where, a stream reads
// what it names.
absl::Status TakeColumns(const FinetuneOptions& options) {
  const std::string& file = options.strategy.file;
  const std::vector<std::string>& features = options.table.feature_columns;
  const std::string& soft = options.table.soft_column;
  bool any_features = false, any_soft = false;
  for (const StreamInput& stream : options.streams) {
    const auto given = static_cast<int64_t>(features.size());
    if (stream.features > 0 && given > 0 && given != stream.features)
      return UsageError(absl::StrCat(
          "--features: expects ", stream.features, " columns, for features<",
          stream.features, "> of the stream ", stream.name, " of ", file,
          ", got ", given, ": ", absl::StrJoin(features, ",")));
    if (stream.soft && soft.empty())
      return UsageError(
          absl::StrCat(file, ": the stream ", stream.name,
                       " has soft targets: expects --soft-column, got none"));
    any_features |= stream.features > 0;
    any_soft |= stream.soft;
  }
  if (!features.empty() && !any_features)
    return UsageError(absl::StrCat(
        "--features: expects a strategy one of whose streams has features, "
        "got ",
        file));
  if (!soft.empty() && !any_soft)
    return UsageError(absl::StrCat(
        "--soft-column: expects a strategy one of whose streams has soft "
        "targets, got ",
        file));
  if (ReadsTexts(options)) return absl::OkStatus();
  for (const auto& [option, given] :
       {std::pair("--pair-column", !options.table.pair_column.empty()),
        std::pair("--max-length", options.max_length > 0),
        std::pair("--max-tokens", options.max_tokens > 0)})
    if (given)
      return UsageError(absl::StrCat(option,
                                     ": expects a strategy with texts, "
                                     "got ",
                                     file));
  return absl::OkStatus();
}

// The directory of a model that is not trained.
absl::Status AddFrozen(FileSystem& files, const std::string& directory,
                       FinetuneOptions& options) {
  options.strategy.frozen.push_back(directory);
  if (!options.teacher.empty() || options.task != "classification")
    return absl::OkStatus();
  // The labels of a frozen classifier are those of the data.
  GRAFT_ASSIGN_OR_RETURN(const ModelFacts facts,
                         ReadModelFacts(files, options, directory));
  if (facts.labels >= 2) options.teacher = directory;
  return absl::OkStatus();
}

// Directories of the models that the strategy calls.
absl::Status TakeModels(FileSystem& files, const nlohmann::json& facts,
                        FinetuneOptions& options) {
  GRAFT_ASSIGN_OR_RETURN((const std::map<std::string, std::string> given),
                         SplitModels(options.strategy.models));
  const std::string predicted = facts["predicted"];
  options.strategy.declared = facts["sized"];
  std::vector<std::string> names;
  for (const nlohmann::json& model : facts["models"])
    names.push_back(model["name"]);
  for (const auto& [name, directory] : given)
    if (!absl::c_linear_search(names, name))
      return UsageError(absl::StrCat(
          "--model ", name, "=", directory, ": expects a model of ",
          options.strategy.file, ", which names ", absl::StrJoin(names, ", "),
          ", got ", name));
  for (const nlohmann::json& model : facts["models"]) {
    const std::string name = model["name"];
    auto found = given.find(name);
    if (model["complete"].get<bool>()) {
      if (found != given.end())
        return UsageError(
            absl::StrCat("--model ", name, "=", found->second,
                         ": expects a model without values, got @", name,
                         ", whose parameters all have initial values in ",
                         options.strategy.file));
      if (name == predicted) {
        options.strategy.declares_predicted = true;
        options.strategy.head = model["head"];
      }
      continue;
    }
    // A model that tracks another one has its directory; the compiler refuses
    // one of its own.
    if (found == given.end()) found = given.find(model["tracked"]);
    if (found == given.end())
      return UsageError(absl::StrCat(options.strategy.file,
                                     ": expects --model ", name,
                                     "=DIRECTORY, got none"));
    const std::string& directory = found->second;
    GRAFT_RETURN_IF_ERROR(CheckCheckpointDirectory(
        files, directory, absl::StrCat("--model ", name, "=", directory)));
    options.strategy.declared &= model["declared"].get<bool>();
    if (name == predicted) {
      options.model = directory;
      options.strategy.declares_predicted = model["declared"];
      options.strategy.initialised = model["initialised"];
      options.strategy.head = model["head"];
      options.strategy.trained = model["trained"];
    }
    if (!model["trained"].get<bool>() && name != predicted)
      GRAFT_RETURN_IF_ERROR(AddFrozen(files, directory, options));
  }
  return absl::OkStatus();
}

bool MayEvaluate(const std::vector<NameValue>& data) {
  return absl::c_any_of(data, [](const NameValue& pair) {
    return absl::StartsWith(pair.first, kEvaluation);
  });
}

// The page, and the files of --data and --model.
absl::StatusOr<RunInputs> InputsOf(const FinetuneOptions& options,
                                   const std::vector<NameValue>& data) {
  RunInputs inputs;
  if (!IsPage(options.strategy.file))
    inputs.emplace_back("the strategy", options.strategy.file);
  GRAFT_ASSIGN_OR_RETURN((const std::map<std::string, std::string> models),
                         SplitModels(options.strategy.models));
  for (const auto& [name, directory] : models)
    inputs.emplace_back(absl::StrCat("--model ", name), directory);
  for (const auto& [name, path] : data)
    inputs.emplace_back(absl::StrCat("--data ", name), path);
  return inputs;
}

// What only `graft train` takes of a stream of a page; "" if nothing.
absl::string_view OwnColumns(const nlohmann::json& stream) {
  if (stream["soft"].get<bool>()) return "soft targets";
  return stream["features"].get<int64_t>() > 0 ? "features" : "";
}

// Refuses a method that needs other data or models than its command takes.
absl::Status CheckMethod(const TrainCommandOptions& options,
                         const nlohmann::json& facts) {
  if (options.method.empty()) return absl::OkStatus();
  std::vector<std::string> names, models = {"model"};
  if (!options.teacher.empty()) models.push_back("teacher");
  for (const nlohmann::json& model : facts["models"])
    if (!model["complete"].get<bool>() &&
        model["tracked"].get<std::string>().empty())
      names.push_back(model["name"]);
  const std::string other =
      absl::StrCat("; `graft train ", options.run.strategy.file, "` takes it");
  if (!absl::c_is_permutation(names, models))
    return UsageError(absl::StrCat("--method: expects a page of the model",
                                   models.size() == 1 ? " " : "s ",
                                   absl::StrJoin(models, " and "), ", got ",
                                   options.method, ", which has ",
                                   absl::StrJoin(names, " and "), other));
  names.clear();
  for (const nlohmann::json& stream : facts["streams"])
    names.push_back(stream["name"]);
  if (!absl::c_is_permutation(names, options.streams))
    return UsageError(absl::StrCat(
        "--method: expects a page that reads the stream",
        options.streams.size() == 1 ? " " : "s ",
        absl::StrJoin(options.streams, " and "), ", got ", options.method,
        ", which reads ", absl::StrJoin(names, " and "), other));
  for (const nlohmann::json& stream : facts["streams"])
    if (const absl::string_view columns = OwnColumns(stream);
        options.texts_only && !columns.empty())
      return UsageError(absl::StrCat(
          "--method: expects a page of texts and labels, got ", options.method,
          ", whose stream ", stream["name"].get<std::string>(), " has ",
          columns, other));
  return absl::OkStatus();
}

}  // namespace

void AddPageOptions(CLI::App& command, TrainCommandOptions& options) {
  AddDataOptions(command, options.run);
  AddLayersOption(command, options.run);
  AddTrainingOptions(command, options.run);
  AddSetOption(command, options.run);
  AddStreamColumns(command, options.run.table);
  AddRunOptions(command, options.run);
}

void AddStreamColumns(CLI::App& command, TableOptions& options) {
  AddFeaturesOption(command, options);
  command.add_option("--soft-column", options.soft_column,
                     "column NAME of soft targets, such as a teacher's logits: "
                     "NAME.LABEL for each label, in .jsonl also an object "
                     "under NAME");
}

CLI::Option* AddStreamFiles(CLI::App& command, std::vector<std::string>& data) {
  return command
      .add_option("--data", data,
                  "STREAM=FILE: table (.tsv, .csv, .jsonl, also .gz and "
                  ".zst; - is standard input) for a stream of the strategy, "
                  "once for each, and dev=FILE to evaluate on, or "
                  "dev_HEAD=FILE for each of several heads; may be "
                  "repeated for more files of a table, and FILE may be a "
                  "pattern such as 'part-*.tsv'")
      ->allow_extra_args(false);
}

TrainCommandOptions InstantiatePage(const FinetuneOptions& options,
                                    const std::string& method) {
  TrainCommandOptions train;
  train.run = options;
  train.method = method;
  train.streams = {"train"};
  train.texts_only = true;
  train.run.strategy.file = absl::StrCat(kPagePrefix, method);
  train.run.strategy.models = {absl::StrCat("model=", options.model)};
  for (const std::string& file : options.streams.front().paths)
    train.data.push_back(absl::StrCat("train=", file));
  for (const std::string& file : options.evaluations.front().paths)
    train.data.push_back(absl::StrCat("dev=", file));
  return train;
}

absl::StatusOr<PreparedRun> PrepareStrategy(TrainCommandOptions& options,
                                            const std::atomic<bool>& stop) {
  FileSystem& files = FileSystem::Posix();
  FinetuneOptions& run = options.run;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<NameValue> data, SplitData(options));
  std::error_code error;
  if (std::filesystem::is_fifo(run.strategy.file, error))
    return UsageError(
        absl::StrCat(run.strategy.file,
                     ": expects a file, which is read more than once, "
                     "got a pipe"));
  if (options.begin) GRAFT_RETURN_IF_ERROR(options.begin(run));
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json facts, ReadFacts(files, run));
  if (facts.contains("batch_size")) {
    if (options.batch_size_given)
      return UsageError(absl::StrCat(
          "--batch-size: expects a strategy that does not declare batch_size, "
          "got ",
          run.strategy.file, "; --set batch_size=N sets it"));
    run.training.batch_size = facts["batch_size"];
  }
  run.strategy.two_passes = facts.contains("batch");
  run.strategy.settings = facts["settings"];
  for (const auto& [directory, checkpoint] : facts["checkpoints"].items())
    run.strategy.checkpoints[directory] = checkpoint.dump();
  GRAFT_RETURN_IF_ERROR(CheckMethod(options, facts));
  GRAFT_RETURN_IF_ERROR(TakeStreams(facts["streams"], run));
  if (!options.task.empty() && options.task != run.task)
    return UsageError(absl::StrCat("--task: expects ", run.task,
                                   ", that of the page ", options.method,
                                   ", got ", options.task));
  GRAFT_RETURN_IF_ERROR(TakePredictions(facts["predictions"], run));
  GRAFT_RETURN_IF_ERROR(TakeData(data, run));
  GRAFT_RETURN_IF_ERROR(CheckEffects(run, HasEvaluation(run)));
  GRAFT_RETURN_IF_ERROR(TakeTaskColumns(run));
  GRAFT_RETURN_IF_ERROR(TakeWeights(run));
  GRAFT_RETURN_IF_ERROR(TakeColumns(run));
  GRAFT_RETURN_IF_ERROR(TakeModels(files, facts, run));
  if (run.strategy.declared && run.max_tokens > 0)
    return UsageError(absl::StrCat(
        "--max-tokens: expects a strategy without its models, got ",
        run.strategy.file, ", which says how many tokens they take"));
  return PrepareRun(run, stop);
}

absl::Status TrainStrategy(TrainCommandOptions options,
                           const CommandContext& context) {
  FinetuneOptions& run = options.run;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<NameValue> data, SplitData(options));
  // Before a folder is opened. Whether there is a table to evaluate on is known
  // once the strategy is read.
  GRAFT_RETURN_IF_ERROR(CheckEffects(run, MayEvaluate(data)));
  GRAFT_ASSIGN_OR_RETURN(const RunInputs inputs, InputsOf(run, data));
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<RunFolder> folder,
                         OpenRunFolder(run, inputs));
  absl::StatusOr<PreparedRun> prepared =
      PrepareStrategy(options, *context.stop);
  if (!prepared.ok())
    return NameAsGiven(prepared.status(), run, options.teacher);
  return NameAsGiven(Train(run, *std::move(prepared), *folder, context), run,
                     options.teacher);
}

void AddTrainCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "train", "Train by a strategy of your own, a page of MLIR");
  auto options = std::make_shared<TrainCommandOptions>();
  FinetuneOptions& run = options->run;
  command
      ->add_option("strategy", run.strategy.file,
                   "file *.mlir, or page:NAME for one of `graft strategies`")
      ->required()
      ->check([](const std::string& path) {
        return absl::EndsWith(path, ".mlir") || IsPage(path)
                   ? ""
                   : absl::StrCat("expects a file *.mlir or page:NAME, got ",
                                  path);
      });
  command
      ->add_option("--model", run.strategy.models,
                   "NAME=DIRECTORY: checkpoint of a model that the strategy "
                   "calls; once for each whose values are not on the page")
      ->allow_extra_args(false);
  AddStreamFiles(*command, options->data)->required();
  AddPageOptions(*command, *options);
  command->footer(
      "Example:\n"
      "  graft train page.mlir --model model=minilm/ --data train=train.tsv "
      "\\\n"
      "      --data dev=dev.tsv --set rate=2e-5 --output out/\n"
      "  graft train two.mlir --model model=minilm/ --data source=old.tsv \\\n"
      "      --data target=new.tsv --data dev=dev.tsv --output adapted/");
  command->callback([command, options, &context] {
    context.saves_on_signal = true;
    options->batch_size_given = command->count("--batch-size") > 0;
    context.run = [options, &context] {
      return TrainStrategy(*options, context);
    };
  });
}

}  // namespace graft
