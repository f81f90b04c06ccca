// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdio>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/label_sets.h"
#include "runtime/data/match_labels.h"
#include "runtime/data/table/table_paths.h"
#include "runtime/data/table/table_reader.h"
#include "runtime/formats/labels.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/terminal.h"
#include "tools/graft/training/check_inputs.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/model_facts.h"
#include "tools/graft/training/run_models.h"
#include "tools/graft/training/strategy_options.h"
#include "tools/graft/training/stream_tasks.h"

namespace graft {
namespace {

// Tokens of a launch whose loss relates its examples. A batch with more is
// computed in two passes, which take a little more time and far less memory.
constexpr int64_t kMostRelatedTokens = 16384;

// How long a table is read without a word of progress.
constexpr absl::Duration kQuietScan = absl::Seconds(2);

// The file of the labels, for the compiler.
std::string LabelsPath(const FinetuneOptions& options, const LabelSet& labels) {
  return JoinPath(
      options.scratch,
      labels.of_models
          ? "labels.json"
          : absl::StrCat("labels.", options.streams[labels.stream].name,
                         ".json"));
}

// What a launch holds, and what losses that relate examples need.
struct Capacities {
  BatchCapacity launch;
  // Examples of the largest batch that such a loss takes in two passes; 0: none
  // needs that.
  int64_t batch = 0;
};

// Options that shape the compiled program, as graft-compile takes them.
std::vector<std::string> CompilerArguments(const FinetuneOptions& options,
                                           const Capacities& capacities,
                                           const std::string& program) {
  const BatchCapacity& capacity = capacities.launch;
  std::vector<std::string> arguments = {
      InputOf(options),
      "-o",
      program,
      absl::StrCat("--targets=", options.targets),
  };
  // A file with all of its models says what it takes at once.
  if (options.strategy.file.empty() || !options.strategy.declared) {
    arguments.push_back(absl::StrCat("--max-tokens=", capacity.tokens));
    arguments.push_back(absl::StrCat("--max-sequences=", capacity.sequences));
    if (capacities.batch > 0)
      arguments.push_back(absl::StrCat("--max-batch=", capacities.batch));
  }
  if (options.precision != "fp32")
    arguments.push_back(absl::StrCat("--precision=", options.precision));
  if (options.memory_budget > 0)
    arguments.push_back(
        absl::StrFormat("--memory-budget=%.0f", options.memory_budget));
  if (options.memory_choices) arguments.push_back("--memory-choices");
  if (options.task == "regression")
    arguments.push_back("--regression");
  else if (options.task == "classification")
    for (const LabelSet& labels : options.label_sets)
      arguments.push_back(absl::StrCat(
          "--labels=",
          labels.of_models
              ? ""
              : absl::StrCat(options.streams[labels.stream].name, "="),
          LabelsPath(options, labels)));
  for (const std::string& model : options.strategy.models)
    arguments.push_back(absl::StrCat("--model=", model));
  // Of several streams the page itself says which have weights.
  if (!options.table.weight_column.empty() && options.streams.size() == 1)
    arguments.push_back("--weights");
  if (options.dropout >= 0)
    arguments.push_back(absl::StrCat("--dropout=", options.dropout));
  if (!options.adapter.empty())
    arguments.push_back(absl::StrCat("--adapter=", options.adapter));
  if (options.freeze_embeddings) arguments.push_back("--freeze-embeddings");
  if (options.freeze_layers > 0)
    arguments.push_back(
        absl::StrCat("--freeze-layers=", options.freeze_layers));
  if (options.linear_probe) arguments.push_back("--linear-probe");
  if (!options.student_layers.empty())
    arguments.push_back(absl::StrCat(
        "--student-layers=", absl::StrJoin(options.student_layers, ",")));
  if (!options.teacher.empty() && options.strategy.file.empty())
    arguments.push_back(absl::StrCat("--teacher=", options.teacher));
  arguments.insert(arguments.end(), options.settings.begin(),
                   options.settings.end());
  if (!options.dump_stages.empty())
    arguments.push_back(absl::StrCat("--dump-stages=", options.dump_stages));
  for (const std::string& plugin : options.plugins)
    arguments.push_back(absl::StrCat("--plugin=", plugin));
  if (!options.graph_passes.empty())
    arguments.push_back(absl::StrCat("--graph-passes=", options.graph_passes));
  return arguments;
}

// Capacities, from --max-tokens or else from the data.
Capacities ChooseCapacities(const FinetuneOptions& options,
                            const PreparedRun& run) {
  Capacities capacities;
  BatchCapacity& capacity = capacities.launch;
  const auto include = [&](const ExampleTable& table) {
    const BatchCapacity& other = table.scan().capacity;
    capacity.tokens = std::max(capacity.tokens, other.tokens);
    capacity.sequences = std::max(capacity.sequences, other.sequences);
  };
  int64_t related = 0;  // tokens of the largest batch that is related
  for (size_t i = 0; i < run.tables.size(); ++i) {
    const TableScan& scan = run.tables[i]->scan();
    if (options.streams[i].whole)
      related =
          std::max({related, scan.any_order.tokens, scan.capacity.tokens});
    include(*run.tables[i]);
  }
  const int64_t most =
      options.max_tokens > 0 ? options.max_tokens : kMostRelatedTokens;
  if (related > most || (related > 0 && options.strategy.two_passes))
    capacities.batch = options.training.batch_size;
  if (related > most) {
    capacity.tokens = std::min(capacity.tokens, most);
  } else {
    // Whatever batch comes, it must fit.
    capacity.tokens = std::max(capacity.tokens, related);
  }
  for (const std::unique_ptr<ExampleTable>& table : run.evaluations)
    if (table) include(*table);
  // Later texts may be as long as --max-length, whatever these are.
  capacity.tokens =
      options.max_tokens > 0
          ? options.max_tokens
          : std::max({capacity.tokens, run.max_length, int64_t{1}});
  return capacities;
}

// ", 26 labels", of those of the head, and the number of unlabelled rows.
std::string DescribeClasses(const FinetuneOptions& options,
                            const StreamInput& stream, const TableScan& scan,
                            const PreparedRun& run) {
  if (!stream.labelled)
    return stream.soft ? absl::StrCat(", ", run.labels[stream.labels]->size(),
                                      " soft targets")
                       : ", without labels";
  if (options.task == "regression") return ", regression";
  const int64_t unlabelled = scan.unlabelled;
  const int64_t labels = scan.labels;
  const int64_t all = run.labels[stream.labels]->size();
  return absl::StrCat(
      ", ", labels < all ? absl::StrCat(labels, " of ") : std::string(), all,
      " labels",
      unlabelled > 0
          ? absl::StrCat(", ", CountOf(unlabelled, "row"), " without")
          : "");
}

// ", 12 tasks" where batches have one task each.
std::string DescribeTasks(const StreamTasks* tasks) {
  return tasks == nullptr
             ? ""
             : absl::StrCat(", ", CountOf(tasks->rows.size(), "task"));
}

// A line for the table of each stream, with the names of several.
void DescribeData(const FinetuneOptions& options, const PreparedRun& run) {
  for (size_t i = 0; i < options.streams.size(); ++i) {
    const StreamInput& stream = options.streams[i];
    const TableScan& scan = run.tables[i]->scan();
    std::string inputs;
    if (stream.features > 0)
      absl::StrAppend(&inputs, ", features ",
                      absl::StrJoin(run.feature_columns, ", "));
    if (stream.texts)
      absl::StrAppendFormat(&inputs, ", %s (%.1f each)",
                            CountOf(scan.tokens, "token"),
                            static_cast<double>(scan.tokens) /
                                static_cast<double>(scan.examples));
    const std::string text = absl::StrFormat(
        "%s%s: %s%s%s%s%s",
        options.streams.size() == 1 ? "" : absl::StrCat(stream.name, ", "),
        DescribePaths(stream.paths), CountOf(scan.examples, "example"), inputs,
        DescribeClasses(options, stream, scan, run),
        DescribeTasks(run.tasks[i].get()),
        scan.truncated == 0
            ? ""
            : absl::StrCat(", ", CountOf(scan.truncated, "text"),
                           " truncated to ", CountOf(run.max_length, "token")));
    std::fprintf(stderr, "%s\n", text.c_str());
  }
}

// Opens and scans a table, with a progress line if that takes long.
absl::StatusOr<std::unique_ptr<ExampleTable>> ScanTable(
    FileSystem& files, const std::vector<std::string>& paths,
    const FinetuneOptions& options, const ExampleOptions& examples,
    const LabelMap& labels, const PreparedRun& run,
    const std::atomic<bool>& stop, ScanOptions scan) {
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<ExampleTable> table,
      ExampleTable::Open(files, paths, run.tokenizer.get(), &labels, examples));
  const std::string path = DescribePaths(paths);
  ProgressLine line(options.quiet);
  const absl::Time start = absl::Now();
  scan.progress = [&](int64_t rows, double share) -> absl::Status {
    if (stop.load(std::memory_order_relaxed))
      return absl::CancelledError(
          absl::StrCat(path, ": stopped by a signal after ", rows, " rows"));
    if (absl::Now() - start < kQuietScan) return absl::OkStatus();
    line.Update(absl::StrCat(
        "reading ", path, ": ", rows, " rows",
        share < 0 ? "" : absl::StrFormat(", %.0f %%", 100 * share)));
    return absl::OkStatus();
  };
  scan.batch_size = options.training.batch_size;
  GRAFT_RETURN_IF_ERROR(table->Scan(scan));
  return table;
}

// INVALID_ARGUMENT for a text that alone exceeds --max-tokens.
absl::Status CheckMaxTokens(const FinetuneOptions& options,
                            const ExampleTable& table) {
  const TableScan& scan = table.scan();
  if (options.max_tokens == 0 || scan.longest <= options.max_tokens)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(scan.longest_where, ": --max-tokens expects at least the ",
                   scan.longest, " tokens of this text, got ",
                   options.max_tokens, "; --max-length cuts texts"));
}

// INVALID_ARGUMENT: no row of the stream's table counts.
absl::Status CheckWeights(const FinetuneOptions& options,
                          const StreamInput& stream, const TableScan& scan) {
  const std::string& column = options.table.weight_column;
  if (column.empty() || !stream.weighted || scan.weighs)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(DescribePaths(stream.paths), ", column '", column,
                   "': expects a weight above 0 in some row, got none"));
}

// Says so if the table of a stream has suspiciously many labels.
void TellOfManyLabels(const FinetuneOptions& options, size_t stream,
                      const PreparedRun& run) {
  const TableScan& scan = run.tables[stream]->scan();
  const std::string many = DescribeManyLabels(
      scan.labels, scan.examples - scan.unlabelled,
      LabelColumn(options, stream),
      options.strategy.file.empty() ? "--task regression learns numbers" : "");
  if (!many.empty()) std::fprintf(stderr, "graft: %s\n", many.c_str());
}

// Sorts the labels of the table of a stream, which is scanned unless it has
// sets of them. INVALID_ARGUMENT for fewer than two.
absl::Status SortLabels(const FinetuneOptions& options, size_t stream,
                        const PreparedRun& run, LabelMap& labels) {
  labels.Sort();
  const std::string column = LabelColumn(options, stream);
  if (labels.size() < 2)
    return absl::InvalidArgumentError(absl::StrCat(
        column, ": expects at least two labels, got ",
        labels.size() == 0
            ? "none"
            : absl::StrCat("one: '", DescribeLabel(labels.labels()[0]), "'")));
  if (run.tables[stream]) TellOfManyLabels(options, stream, run);
  return absl::OkStatus();
}

// Settles the classes of the scanned table of the model's labels, and the head
// for them. `teacher` is null without one.
absl::Status SettleHead(const FinetuneOptions& options, const ModelFacts& model,
                        const ModelFacts* teacher, PreparedRun& run) {
  LabelMap& labels = *run.labels[HeadLabelSet(options)];
  std::vector<std::string> names;
  if (teacher) {
    // Every label must be one of the teacher's, which has no names of its own
    // only where the table may number them.
    names = teacher->head.names;
    if (!teacher->head.named) {
      labels.Sort();
      absl::StatusOr<LabelMatch> match =
          MatchLabels(teacher->head, labels.labels(), LabelColumn(options));
      if (!match.ok() || !match->keep)
        return absl::InvalidArgumentError(absl::StrCat(
            LabelColumn(options), ": expects labels of the teacher ",
            options.teacher, ", ", DescribeLabels(names), ", got ",
            DescribeLabels(labels.labels())));
      names = std::move(match->labels);
    }
  } else if (options.task == "classification") {
    GRAFT_RETURN_IF_ERROR(
        SortLabels(options, LabelStream(options), run, labels));
    names = labels.labels();
  }
  GRAFT_ASSIGN_OR_RETURN(HeadChoice head, ChooseHead(options, model, names));
  if (options.task == "classification") {
    GRAFT_ASSIGN_OR_RETURN(labels, LabelMap::FromLabels(head.labels));
  }
  if (head.surprising || !options.quiet)
    for (const std::string& note : head.notes)
      std::fprintf(stderr, "graft: %s\n", note.c_str());
  run.head_arguments = std::move(head.arguments);
  return absl::OkStatus();
}

// How rows of a stream's table become examples.
ExampleOptions ExamplesOf(const FinetuneOptions& options,
                          const StreamInput& stream, const PreparedRun& run) {
  ExampleOptions examples;
  examples.table = options.table;
  examples.table.partly_labelled = stream.partly_labelled;
  if (!stream.weighted) examples.table.weight_column.clear();
  examples.texts = stream.texts;
  examples.table.feature_columns.clear();
  if (stream.features > 0) examples.table.feature_columns = run.feature_columns;
  if (stream.soft) examples.soft_labels = run.labels[stream.labels]->size();
  examples.probabilities = stream.probabilities;
  if (stream.sets) examples.set_labels = run.labels[stream.labels]->size();
  examples.table.task_column = stream.task_column;
  examples.labels = !stream.labelled ? ExampleOptions::Labels::kNone
                    : stream.sets    ? ExampleOptions::Labels::kSets
                    : options.task == "regression"
                        ? ExampleOptions::Labels::kScores
                        : ExampleOptions::Labels::kClasses;
  examples.max_length = run.max_length;
  examples.reread = true;
  return examples;
}

// The columns of the first file of a stream.
absl::StatusOr<std::vector<std::string>> ReadNames(
    FileSystem& files, const FinetuneOptions& options,
    const StreamInput& stream) {
  return ReadColumnNames(files, stream.paths, {.format = options.table.format});
}

// Whether a run reads the column for something else than features.
bool IsTaken(const FinetuneOptions& options, const StreamInput& stream,
             const std::string& column) {
  const TableOptions& table = options.table;
  if (stream.texts && column == table.text_column) return true;
  for (const std::string* other : {&table.pair_column, &table.label_column,
                                   &table.weight_column, &table.soft_column})
    if (!other->empty() && column == *other) return true;
  for (const StreamInput& each : options.streams)
    if (!each.task_column.empty() && column == each.task_column) return true;
  return !table.soft_column.empty() &&
         absl::StartsWith(column, absl::StrCat(table.soft_column, "."));
}

// Settles the columns of features: those of --features, or else what the first
// table with features has beside what other options name. INVALID_ARGUMENT: it
// has more or fewer than the strategy reads.
absl::Status FindFeatures(FileSystem& files, const FinetuneOptions& options,
                          PreparedRun& run) {
  run.feature_columns = options.table.feature_columns;
  const auto stream = absl::c_find_if(
      options.streams,
      [](const StreamInput& candidate) { return candidate.features > 0; });
  if (stream == options.streams.end()) return absl::OkStatus();
  for (const StreamInput& other : options.streams)
    if (other.features > 0 && other.features != stream->features)
      return absl::InvalidArgumentError(absl::StrCat(
          options.strategy.file, ": expects as many features of all streams, ",
          "got ", stream->features, " of ", stream->name, " and ",
          other.features, " of ", other.name));
  if (!run.feature_columns.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> names =
      ReadNames(files, options, *stream);
  if (!names.ok())
    return absl::Status(
        names.status().code(),
        absl::StrCat(names.status().message(), "; --features names them"));
  for (const std::string& name : *names)
    if (!IsTaken(options, *stream, name)) run.feature_columns.push_back(name);
  if (static_cast<int64_t>(run.feature_columns.size()) == stream->features)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(DescribePaths(stream->paths), ": expects ",
                   CountOf(stream->features, "column"), " of features beside '",
                   options.table.label_column, "', for features<",
                   stream->features, "> of ", options.strategy.file, ", got ",
                   run.feature_columns.empty()
                       ? "none"
                       : absl::StrCat(run.feature_columns.size(), ": ",
                                      absl::StrJoin(run.feature_columns, ", ")),
                   "; --features names them"));
}

// The labels that the columns of soft targets of a stream name.
absl::StatusOr<LabelMap> ReadSoftLabels(FileSystem& files,
                                        const FinetuneOptions& options,
                                        const StreamInput& stream) {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         ReadNames(files, options, stream));
  const std::string prefix = absl::StrCat(options.table.soft_column, ".");
  std::vector<std::string> labels;
  for (const std::string& name : names)
    if (name.size() > prefix.size() && absl::StartsWith(name, prefix))
      labels.push_back(name.substr(prefix.size()));
  if (labels.size() < 2)
    return absl::InvalidArgumentError(absl::StrCat(
        DescribePaths(stream.paths), ": expects columns '", prefix,
        "LABEL' of soft targets for at least two labels, got ",
        labels.empty() ? "none" : absl::StrCat("'", prefix, labels[0], "'")));
  GRAFT_ASSIGN_OR_RETURN(LabelMap map, LabelMap::FromLabels(std::move(labels)));
  map.Sort();
  return map;
}

// INVALID_ARGUMENT: a head has classes of which the stream has no targets.
absl::Status CheckSoftLabels(const FinetuneOptions& options, size_t stream,
                             int64_t targets, const LabelMap& labels) {
  if (targets == 0 || targets == labels.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      DescribePaths(options.streams[stream].paths),
      ": expects soft targets, columns '", options.table.soft_column,
      ".LABEL', for all ", labels.size(), " labels of the head, ",
      DescribeLabels(labels.labels()), ", got ", targets,
      "; --new-head makes a new head"));
}

// Opens and scans the table of stream `i`. Labels that are not known yet go to
// `new_labels`, or are refused without it.
absl::Status ScanStream(FileSystem& files, const FinetuneOptions& options,
                        size_t i, const std::atomic<bool>& stop,
                        LabelMap* new_labels, PreparedRun& run) {
  const StreamInput& stream = options.streams[i];
  ScanOptions scan;
  scan.any_order = options.training.shuffle || !stream.task_column.empty();
  scan.new_labels = new_labels;
  GRAFT_ASSIGN_OR_RETURN(
      run.tables[i],
      ScanTable(files, stream.paths, options, ExamplesOf(options, stream, run),
                *run.labels[stream.labels], run, stop, scan));
  return CheckWeights(options, stream, run.tables[i]->scan());
}

// Refuses labels of another number than the strategy says.
absl::Status CheckClasses(const FinetuneOptions& options,
                          const StreamInput& stream, const LabelMap& labels) {
  if (stream.classes == 0 || stream.classes == labels.size())
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(stream.paths.front(), ": expects ", stream.classes,
                   " labels, as many as ", options.strategy.file,
                   " says of the stream ", stream.name, ", got ", labels.size(),
                   " ", DescribeLabels(labels.labels())));
}

// Opens and scans the first table of a set of labels, and settles these.
absl::Status ScanLabels(FileSystem& files, const FinetuneOptions& options,
                        size_t set, const ModelFacts& model,
                        const ModelFacts* teacher,
                        const std::atomic<bool>& stop, PreparedRun& run) {
  const size_t stream = options.label_sets[set].stream;
  const bool head = set == HeadLabelSet(options);
  LabelMap& labels = *run.labels[set];
  LabelMap* new_labels = &labels;
  if (head && teacher && teacher->head.named) {
    GRAFT_ASSIGN_OR_RETURN(labels, LabelMap::FromLabels(teacher->head.names));
    new_labels = nullptr;
  } else if (options.label_sets[set].soft) {
    GRAFT_ASSIGN_OR_RETURN(
        labels, ReadSoftLabels(files, options, options.streams[stream]));
    new_labels = nullptr;
  }
  const bool sets = options.streams[stream].sets;
  if (sets && new_labels) {
    GRAFT_ASSIGN_OR_RETURN(
        labels,
        ReadSetLabels(files, options.streams[stream].paths, options.table));
  }
  const int64_t targets = options.label_sets[set].soft ? labels.size() : 0;
  const auto scan = [&] {
    return ScanStream(files, options, stream, stop, sets ? nullptr : new_labels,
                      run);
  };
  // An example of a set has as many numbers as the head has labels.
  if (!sets) GRAFT_RETURN_IF_ERROR(scan());
  for (const std::string& sentence : DescribeLookalikes(labels))
    std::fprintf(stderr, "graft: %s\n", sentence.c_str());
  GRAFT_RETURN_IF_ERROR(head ? SettleHead(options, model, teacher, run)
                             : SortLabels(options, stream, run, labels));
  GRAFT_RETURN_IF_ERROR(CheckClasses(options, options.streams[stream], labels));
  if (sets) {
    GRAFT_RETURN_IF_ERROR(scan());
    TellOfManyLabels(options, stream, run);
  }
  return CheckSoftLabels(options, stream, targets, labels);
}

// Whether a table to evaluate on has no column of labels, and the strategy a
// loss for such tables. One that can be read once only is taken to have labels.
bool LacksLabels(FileSystem& files, const FinetuneOptions& options,
                 const EvaluationInput& evaluation) {
  if (!evaluation.unlabelled || !options.streams[evaluation.stream].labelled)
    return false;
  const absl::StatusOr<std::vector<std::string>> names = ReadColumnNames(
      files, evaluation.paths, {.format = options.table.format});
  return names.ok() &&
         !absl::c_linear_search(*names, options.table.label_column);
}

// Opens and scans the tables to evaluate on.
absl::Status ScanEvaluations(FileSystem& files, const FinetuneOptions& options,
                             const std::atomic<bool>& stop, PreparedRun& run) {
  run.evaluations.resize(options.evaluations.size());
  run.unlabelled.resize(options.evaluations.size());
  for (size_t i = 0; i < run.evaluations.size(); ++i) {
    const EvaluationInput& evaluation = options.evaluations[i];
    if (evaluation.paths.empty()) continue;
    const StreamInput& stream = options.streams[evaluation.stream];
    ExampleOptions examples = ExamplesOf(options, stream, run);
    examples.table.partly_labelled = false;
    if (!evaluation.soft) examples.soft_labels = 0;
    examples.table.task_column.clear();
    run.unlabelled[i] = LacksLabels(files, options, evaluation);
    if (run.unlabelled[i]) {
      examples.labels = ExampleOptions::Labels::kNone;
      examples.table.weight_column.clear();
    }
    GRAFT_ASSIGN_OR_RETURN(
        run.evaluations[i],
        ScanTable(files, evaluation.paths, options, examples,
                  *run.labels[stream.labels], run, stop, {}));
    GRAFT_RETURN_IF_ERROR(CheckMaxTokens(options, *run.evaluations[i]));
    if (run.unlabelled[i] && !options.quiet)
      std::fprintf(
          stderr,
          "%s, %s: %s, without labels: evaluated by the loss of the "
          "strategy that reads none\n",
          evaluation.name.c_str(), DescribePaths(evaluation.paths).c_str(),
          CountOf(run.evaluations[i]->scan().examples, "example").c_str());
  }
  return absl::OkStatus();
}

// Opens and scans the tables: the first of each set of labels, which are then
// known, before the others.
absl::Status ScanTables(FileSystem& files, const FinetuneOptions& options,
                        const ModelFacts& model, const ModelFacts* teacher,
                        const std::atomic<bool>& stop, PreparedRun& run) {
  run.tables.resize(options.streams.size());
  GRAFT_RETURN_IF_ERROR(FindFeatures(files, options, run));
  for (size_t set = 0; set < options.label_sets.size(); ++set) {
    run.labels.push_back(std::make_unique<LabelMap>());
    GRAFT_RETURN_IF_ERROR(
        ScanLabels(files, options, set, model, teacher, stop, run));
  }
  for (size_t i = 0; i < run.tables.size(); ++i)
    if (!run.tables[i])
      GRAFT_RETURN_IF_ERROR(
          ScanStream(files, options, i, stop, /*new_labels=*/nullptr, run));
  for (const std::unique_ptr<ExampleTable>& table : run.tables)
    GRAFT_RETURN_IF_ERROR(CheckMaxTokens(options, *table));
  GRAFT_RETURN_IF_ERROR(SettleTasks(files, options, run));
  return ScanEvaluations(files, options, stop, run);
}

// Steps between evaluations: those of an epoch unless the user says.
int64_t EvaluateEvery(const FinetuneOptions& options, const PreparedRun& run) {
  const RunSettings& training = options.training;
  if (!HasEvaluation(options) || training.evaluate_every > 0)
    return training.evaluate_every;
  const auto batches = [&](size_t stream) {
    return (run.tables[stream]->scan().examples + training.batch_size - 1) /
           training.batch_size;
  };
  int64_t drawn = 0;
  for (size_t i = 0; i < options.streams.size(); ++i)
    if (options.streams[i].drawn) drawn += batches(i);
  return drawn > 0 ? drawn : batches(0);
}

// Compiles the program, except when a run continues from a checkpoint: then it
// keeps its program.
absl::Status CompileProgram(FileSystem& files, const FinetuneOptions& options,
                            PreparedRun& run) {
  const Capacities capacities = ChooseCapacities(options, run);
  run.program = JoinPath(options.scratch, "program.graft");
  if (options.task == "classification")
    for (size_t i = 0; i < run.labels.size(); ++i)
      GRAFT_RETURN_IF_ERROR(
          WriteLabels(files, LabelsPath(options, options.label_sets[i]),
                      run.labels[i]->labels()));
  run.compiler_arguments = CompilerArguments(options, capacities, run.program);
  run.compiler_arguments.insert(run.compiler_arguments.end(),
                                run.head_arguments.begin(),
                                run.head_arguments.end());
  if (options.program) {
    run.program = *options.program;
    return absl::OkStatus();
  }
  const absl::Time start = absl::Now();
  GRAFT_RETURN_IF_ERROR(RunCompiler(run.compiler_arguments));
  if (options.quiet) return absl::OkStatus();
  std::string limits;
  if (!options.strategy.declared || options.strategy.file.empty())
    limits =
        absl::StrFormat(": at most %d tokens in %d sequences per launch",
                        capacities.launch.tokens, capacities.launch.sequences);
  std::fprintf(stderr, "compiled in %.1f s%s\n",
               absl::ToDoubleSeconds(absl::Now() - start), limits.c_str());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PreparedRun> PrepareRun(const FinetuneOptions& options,
                                       const std::atomic<bool>& stop) {
  FileSystem& files = FileSystem::Posix();
  PreparedRun result;
  GRAFT_RETURN_IF_ERROR(CheckInputs(options));
  GRAFT_ASSIGN_OR_RETURN(RunModels models, ReadRunModels(files, options));
  result.tokenizer = std::move(models.tokenizer);
  result.max_length = models.max_length;
  result.settings = options.strategy.file.empty() ? models.model.settings
                                                  : options.strategy.settings;
  GRAFT_RETURN_IF_ERROR(ScanTables(files, options, models.model,
                                   models.teacher ? &*models.teacher : nullptr,
                                   stop, result));
  if (!options.quiet) DescribeData(options, result);
  result.evaluate_every = EvaluateEvery(options, result);
  GRAFT_RETURN_IF_ERROR(CompileProgram(files, options, result));
  return result;
}

}  // namespace graft
