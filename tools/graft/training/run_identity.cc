// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/run_identity.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/artifact/checksum.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/table_paths.h"
#include "runtime/formats/checkpoint_weights.h"
#include "runtime/formats/config.h"
#include "runtime/formats/peft_directory.h"
#include "tools/graft/training/run_folder.h"
#include "tools/graft/training/stream_tasks.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

// Files that say how a model's texts become tokens, those that there are.
constexpr const char* kTokenizerFiles[] = {
    "added_tokens.json", "special_tokens_map.json", "tokenizer.json",
    "tokenizer_config.json", "vocab.txt"};

// Whether the compiler lists what the option sets among the settings.
bool IsSetting(absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  return name == "--set" ||
         std::any_of(
             std::begin(kStrategyFlags), std::end(kStrategyFlags),
             [&](const StrategyFlag& flag) { return name == flag.option; });
}

// An option of the compiler under the name that it has here.
std::string NameOf(absl::string_view option) {
  if (option == "--regression") return "--task";
  if (option == "--weights") return "--weight-column";
  return std::string(option);
}

std::string ValueOf(absl::string_view argument) {
  if (argument == "--regression") return "regression";
  const size_t equals = argument.find('=');
  if (equals == absl::string_view::npos) return "yes";
  const absl::string_view value = argument.substr(equals + 1);
  if (!absl::StartsWith(argument, "--plugin=")) return std::string(value);
  return std::string(value.substr(value.find_last_of('/') + 1));
}

// Whether --dropout of these options is what the model has without it. The
// configuration says so under the names of BERT; where it is silent, any option
// counts as another rate.
absl::StatusOr<bool> IsModelsDropout(FileSystem& files,
                                     const FinetuneOptions& options) {
  if (options.model.empty()) return false;
  GRAFT_ASSIGN_OR_RETURN(
      const ModelConfig config,
      ModelConfig::Read(files, JoinPath(options.model, "config.json")));
  double hidden = -1, attention = -1;
  GRAFT_RETURN_IF_ERROR(config.Real("hidden_dropout_prob", 0, 1, hidden));
  double classifier = hidden;
  GRAFT_RETURN_IF_ERROR(
      config.Real("attention_probs_dropout_prob", 0, 1, attention));
  GRAFT_RETURN_IF_ERROR(config.Real("classifier_dropout", 0, 1, classifier));
  return options.dropout == hidden && options.dropout == attention &&
         options.dropout == classifier;
}

// The options of the compiler without places of files and settings.
void AddArguments(const FinetuneOptions& options,
                  const std::vector<std::string>& arguments,
                  RunRecord& record) {
  static constexpr absl::string_view kPlaces[] = {
      "--labels", "--teacher", "--dump-stages", "--model", "--adapter"};
  const size_t first = record.size();
  for (absl::string_view argument : arguments) {
    const absl::string_view option = argument.substr(0, argument.find('='));
    // Not the input either, nor what follows -o.
    if (!absl::StartsWith(option, "--") || IsSetting(argument) ||
        absl::c_linear_search(kPlaces, option))
      continue;
    RunPart part = {NameOf(option), ValueOf(argument)};
    // Without the option it follows from the rows.
    part.derived = option == "--max-sequences" || option == "--max-batch" ||
                   (option == "--max-tokens" && options.max_tokens == 0);
    const auto same = std::find_if(
        record.begin() + first, record.end(),
        [&](const RunPart& other) { return other.name == part.name; });
    if (same == record.end())
      record.push_back(std::move(part));
    else  // a repeated --plugin
      absl::StrAppend(&same->value, ",", part.value);
  }
}

// The value at the beginning of "VALUE in [...]: meaning", as the compiler
// lists settings; a text has quotes.
absl::string_view TakeValue(absl::string_view rest) {
  if (!absl::StartsWith(rest, "\""))
    return rest.substr(0, rest.find_first_of(" :"));
  size_t end = 1;
  while (end < rest.size() && rest[end] != '"')
    end += rest[end] == '\\' ? 2 : 1;
  return rest.substr(1, std::min(end, rest.size()) - 1);
}

// The parameters of the strategy, a line each of what the compiler lists, under
// the names of their options.
void AddSettings(absl::string_view listed, RunRecord& record) {
  for (const absl::string_view line :
       absl::StrSplit(listed, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(" = ", 1));
    const auto* const flag =
        absl::c_find_if(kStrategyFlags, [&](const StrategyFlag& candidate) {
          return parts.first == candidate.parameter;
        });
    record.push_back({flag != std::end(kStrategyFlags)
                          ? flag->option
                          : absl::StrCat("--set ", parts.first),
                      std::string(TakeValue(parts.second))});
  }
}

// The text of a strategy without comments, blanks as one.
std::string NormaliseStrategy(absl::string_view text) {
  std::string result;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    bool quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"') quoted = !quoted;
      if (!quoted && absl::StartsWith(line.substr(i), "//")) break;
      const bool blank = line[i] == ' ' || line[i] == '\t' || line[i] == '\r';
      if (!blank || quoted)
        result.push_back(line[i]);
      else if (!result.empty() && result.back() != ' ')
        result.push_back(' ');
    }
    if (!result.empty() && result.back() != ' ') result.push_back(' ');
  }
  return result;
}

std::string Hash(absl::string_view text) {
  return absl::StrFormat(
      "xxh3:%016x",
      Checksum(absl::MakeConstSpan(
          reinterpret_cast<const uint8_t*>(text.data()), text.size())));
}

// The files of the model in `directory`, whose part in the run is `role`.
absl::Status AddModel(FileSystem& files, const std::string& directory,
                      absl::string_view role, RunRecord& record) {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> weights,
                         ListCheckpointFiles(files, directory));
  std::string hashes;
  for (const std::string& path : weights) {
    GRAFT_ASSIGN_OR_RETURN(const std::string hash, HashFile(files, path));
    absl::StrAppend(&hashes, hash, "\n");
  }
  record.push_back({absl::StrCat("weights of ", role), Hash(hashes),
                    absl::StrCat("the weights of ", directory)});
  const std::string config = JoinPath(directory, "config.json");
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, config));
  record.push_back({absl::StrCat("config.json of ", role), Hash(text),
                    absl::StrCat("the contents of ", config)});
  std::string tokenizer;
  for (const char* name : kTokenizerFiles) {
    const std::string path = JoinPath(directory, name);
    if (!files.Exists(path)) continue;
    GRAFT_ASSIGN_OR_RETURN(const std::string contents, ReadFile(files, path));
    absl::StrAppend(&tokenizer, name, " ", Hash(contents), "\n");
  }
  record.push_back({absl::StrCat("tokenizer of ", role), Hash(tokenizer),
                    absl::StrCat("the tokenizer files of ", directory)});
  return absl::OkStatus();
}

void AddRows(const std::string& option, const std::vector<std::string>& paths,
             const TableScan& scan, RunRecord& record) {
  record.push_back({absl::StrCat("rows of ", option),
                    Hash(absl::StrCat(scan.token_hash, ",", scan.label_hash)),
                    absl::StrCat("the rows of ", DescribePaths(paths))});
}

absl::Status AddFiles(FileSystem& files, const FinetuneOptions& options,
                      const PreparedRun& run, RunRecord& record) {
  if (!options.model.empty())
    GRAFT_RETURN_IF_ERROR(AddModel(files, options.model, "the model", record));
  int number = 0;
  for (const std::string& directory : FrozenModels(options))
    GRAFT_RETURN_IF_ERROR(AddModel(
        files, directory, absl::StrCat("frozen model ", ++number), record));
  if (IsPage(options.strategy.file)) {
    // Its text is the compiler's, and makes the program.
    record.push_back({"strategy", options.strategy.file});
  } else if (!options.strategy.file.empty()) {
    GRAFT_ASSIGN_OR_RETURN(const std::string text,
                           ReadFile(files, options.strategy.file));
    record.push_back({"strategy", Hash(NormaliseStrategy(text)),
                      absl::StrCat("the lines of ", options.strategy.file)});
  }
  if (!options.initial.empty()) {
    GRAFT_ASSIGN_OR_RETURN(std::string hash, HashFile(files, options.initial));
    record.push_back({"--initial", std::move(hash),
                      absl::StrCat("the values of ", options.initial)});
  }
  if (!options.adapter.empty()) {
    std::string hashes;
    for (const absl::string_view name : {kPeftConfig, kPeftWeights}) {
      GRAFT_ASSIGN_OR_RETURN(
          const std::string hash,
          HashFile(files, JoinPath(options.adapter, std::string(name))));
      absl::StrAppend(&hashes, hash, "\n");
    }
    record.push_back({"--adapter", Hash(hashes),
                      absl::StrCat("the adapters of ", options.adapter)});
  }
  const std::vector<StreamInput>& streams = options.streams;
  for (size_t i = 0; i < streams.size(); ++i) {
    const std::string option = streams.size() == 1
                                   ? "--train"
                                   : absl::StrCat("--data ", streams[i].name);
    const TableScan& scan = run.tables[i]->scan();
    AddRows(option, streams[i].paths, scan, record);
    if (!streams[i].task_column.empty())
      record.push_back(
          {absl::StrCat("tasks of ", option),
           Hash(absl::StrCat(scan.task_hash)),
           absl::StrCat("the tasks of ", DescribePaths(streams[i].paths))});
  }
  const std::vector<LabelSet>& sets = options.label_sets;
  for (size_t i = 0; i < sets.size(); ++i) {
    const StreamInput& stream = streams[sets[i].stream];
    record.push_back(
        {sets.size() == 1 ? "labels" : absl::StrCat("labels of ", stream.name),
         Hash(absl::StrJoin(run.labels[i]->labels(), "\n")),
         absl::StrCat("the labels of ", DescribePaths(stream.paths))});
  }
  for (size_t i = 0; i < options.evaluations.size(); ++i) {
    const EvaluationInput& evaluation = options.evaluations[i];
    if (run.evaluations[i])
      AddRows(evaluation.name == "dev"
                  ? "--dev"
                  : absl::StrCat("--data ", evaluation.name),
              evaluation.paths, run.evaluations[i]->scan(), record);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunRecord> DescribeRun(const FinetuneOptions& options,
                                      const PreparedRun& run) {
  FileSystem& files = FileSystem::Posix();
  RunRecord record;
  AddSettings(run.settings, record);
  const RunSettings& training = options.training;
  record.push_back({"--seed", absl::StrCat(training.seed)});
  record.push_back({"--batch-size", absl::StrCat(training.batch_size)});
  record.push_back({"--shuffle", training.shuffle ? "yes" : "no"});
  // Runs without tasks have the record of those before there were any.
  if (const std::string tasks = DescribeTaskColumns(options); !tasks.empty())
    record.push_back({"--task-column", tasks});
  if (training.loss_scale)
    record.push_back({"--loss-scale", absl::StrCat(*training.loss_scale)});
  if (HasEvaluation(options)) {
    // They decide which evaluation is the best, and whether the run goes on.
    record.push_back({"--evaluate-every", absl::StrCat(run.evaluate_every)});
    record.push_back({"--patience", absl::StrCat(training.patience)});
    // Without the option it follows from the rows.
    record[record.size() - 2].derived = training.evaluate_every == 0;
  }
  AddArguments(options, run.compiler_arguments, record);
  if (options.dropout >= 0) {
    GRAFT_ASSIGN_OR_RETURN(const bool same, IsModelsDropout(files, options));
    if (same)
      std::erase_if(
          record, [](const RunPart& part) { return part.name == "--dropout"; });
  }
  GRAFT_RETURN_IF_ERROR(AddFiles(files, options, run, record));
  GRAFT_ASSIGN_OR_RETURN(std::string program, HashFile(files, run.program));
  record.push_back({.name = "program",
                    .value = std::move(program),
                    .what = "the contents of program.graft as it is compiled",
                    .derived = true});
  return record;
}

}  // namespace graft
