// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft predict: labels or scores of texts.

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/example_table.h"
#include "runtime/data/table/blank.h"
#include "runtime/predict/predictor.h"
#include "tools/graft/commands.h"
#include "tools/graft/device_options.h"
#include "tools/graft/open_predictor.h"
#include "tools/graft/table_options.h"
#include "tools/graft/terminal.h"
#include "tools/graft/usage_error.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct PredictOptions {
  std::string artifact;
  std::vector<std::string> texts, pairs, data;
  std::string output;
  HeadChoice head;          // of several
  std::string head_column;  // that chooses one for each row
  TableOptions table;
  int64_t max_length = 0;  // that of the training
  int64_t top = 3;
  bool all_predicted = true;  // of a set, whatever `top`
  DeviceChoice device;
  bool verify = true;
  bool json = false;
  bool logits = false;               // of all labels
  std::vector<std::string> columns;  // of the table, to copy
};

// The prediction for example `i` as JSON: labels with probabilities, or a
// score. Where rows are left out or have no text, it says which row it is of.
nlohmann::json PredictionRecord(const PredictOptions& options,
                                const Examples& examples, int64_t i,
                                const Predictor& predictor,
                                const Prediction& prediction) {
  const std::vector<std::string>& labels = prediction.head->labels;
  nlohmann::json record = nlohmann::json::object();
  if (!examples.kept(i).empty())
    record = nlohmann::json::parse(examples.kept(i));
  if (predictor.takes_texts()) record["text"] = std::string(examples.text(i));
  if (!examples.pair(i).empty()) record["pair"] = std::string(examples.pair(i));
  if (options.table.skip_bad_rows || !predictor.takes_texts())
    record["row"] = std::string(examples.where(i));
  if (predictor.heads_of_rows())
    record["head"] = std::string(HeadName(*prediction.head));
  if (options.logits)
    for (size_t label = 0; label < labels.size(); ++label)
      record["logits"][labels[label]] = prediction.logits[label];
  if (labels.empty()) {
    record["score"] = prediction.logits[0];
    return record;
  }
  const bool set = TargetOf(*prediction.head) == TargetKind::kSet;
  const std::vector<size_t> predicted =
      set ? PredictedSet(prediction.logits) : std::vector<size_t>();
  const std::vector<size_t> shown =
      set && options.all_predicted
          ? predicted
          : TopClasses(prediction.probabilities,
                       static_cast<size_t>(options.top));
  nlohmann::json list = nlohmann::json::array();
  for (size_t label : shown)
    list.push_back({{"label", labels[label]},
                    {"probability", prediction.probabilities[label]}});
  record["labels"] = list;
  if (set) record["predicted"] = nlohmann::json::array();
  for (size_t label : predicted) record["predicted"].push_back(labels[label]);
  return record;
}

// The same as text.
std::string PredictionText(const nlohmann::json& record) {
  std::string text = absl::StrCat(
      record[record.contains("text") ? "text" : "row"].get<std::string>(),
      "\n");
  if (record.contains("pair"))
    absl::StrAppend(&text, record["pair"].get<std::string>(), "\n");
  if (record.contains("head"))
    absl::StrAppend(&text, "  ", record["head"].get<std::string>(), ":\n");
  if (record.contains("score"))
    return absl::StrCat(
        text, absl::StrFormat("  %.4f\n", record["score"].get<double>()));
  if (record["labels"].empty()) absl::StrAppend(&text, "  no label\n");
  for (const nlohmann::json& label : record["labels"])
    absl::StrAppendFormat(&text, "  %6.2f %%  %s\n",
                          100 * label["probability"].get<double>(),
                          Shorten(label["label"].get<std::string>()));
  return text;
}

// What is predicted: the texts of the command line, or the rows of a table.
struct Input {
  ExampleFeed feed;
  std::unique_ptr<ExampleTable> table;
  int64_t examples = 0;   // of the command line so far
  int64_t truncated = 0;  // of them
};

// A model of pairs would answer single texts by chance, and the reverse.
absl::Status CheckTexts(const PredictOptions& options,
                        const Predictor& predictor) {
  if (predictor.features() > 0)
    return UsageError(absl::StrCat(
        "--text: expects a model of texts alone, got ", options.artifact,
        ", which reads ", CountOf(predictor.features(), "feature"),
        " of each row; --data reads a table"));
  const bool pairs = !options.pairs.empty();
  if (pairs && options.pairs.size() != options.texts.size())
    return UsageError(absl::StrCat("--pair: expects one for each --text, got ",
                                   options.pairs.size(), " for ",
                                   options.texts.size()));
  if (predictor.takes_pairs().value_or(pairs) == pairs) return absl::OkStatus();
  if (pairs)
    return UsageError(
        absl::StrCat("--pair: expects a model of pairs of texts, got ",
                     options.artifact, ", which was trained on single texts"));
  return UsageError(
      absl::StrCat("--text: expects a --pair with the second text, as ",
                   options.artifact, " was trained on pairs, got none"));
}

// What predictions have under names of their own cannot be copied, and only a
// classifier has logits of labels.
absl::Status CheckRecord(const PredictOptions& options,
                         const Predictor& predictor) {
  for (const std::string& column : options.columns)
    for (const char* own : {"text", "pair", "row", "head", "score", "labels",
                            "logits", "predicted"})
      if (column == own)
        return UsageError(absl::StrCat(
            "--keep-columns: expects columns of other names than those of a "
            "prediction, got ",
            column));
  if (!options.logits || predictor.heads_of_rows() ||
      !predictor.labels().empty())
    return absl::OkStatus();
  return UsageError(absl::StrCat("--logits: expects a classifier, got ",
                                 options.artifact,
                                 ", whose score is all that it returns"));
}

// `options`, `predictor` and `input` are borrowed.
void FeedTexts(const PredictOptions& options, const Predictor& predictor,
               Input& input) {
  auto next = [&](Examples& examples) -> absl::StatusOr<bool> {
    const auto i = static_cast<size_t>(input.examples);
    if (i == options.texts.size()) return false;
    std::optional<absl::string_view> pair;
    if (!options.pairs.empty()) pair = options.pairs[i];
    const bool blank = IsBlank(options.texts[i]);
    if (blank || (pair && IsBlank(*pair)))
      return absl::InvalidArgumentError(absl::StrCat(
          blank ? "--text:" : "--pair:", i + 1, ": expects a text, got ",
          (blank ? options.texts[i] : *pair).empty() ? "an empty one"
                                                     : "a blank one"));
    GRAFT_ASSIGN_OR_RETURN(
        const bool truncated,
        predictor.AddText(
            options.texts[i], pair, options.table.strict, input.examples,
            [&] { return absl::StrCat("--text:", i + 1); }, examples));
    input.truncated += truncated;
    ++input.examples;
    return true;
  };
  input.feed = {predictor.text_schema(), std::move(next)};
}

absl::Status OpenInput(FileSystem& files, const PredictOptions& options,
                       const Predictor& predictor, Input& input) {
  if (options.data.empty()) {
    GRAFT_RETURN_IF_ERROR(CheckTexts(options, predictor));
    FeedTexts(options, predictor, input);
    return absl::OkStatus();
  }
  GRAFT_ASSIGN_OR_RETURN(
      input.table, predictor.OpenTable(files, options.data, options.table,
                                       /*labelled=*/false, options.columns,
                                       options.head_column));
  input.feed = FeedRows(*input.table);
  return absl::OkStatus();
}

absl::Status Predict(const PredictOptions& options) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_RETURN_IF_ERROR(
      CheckOutput("--output", options.output, options.artifact, options.data));
  GRAFT_ASSIGN_OR_RETURN(const OpenedPredictor opened,
                         OpenPredictor(options.artifact, options.device,
                                       options.verify, options.head));
  Predictor* const predictor = opened.predictor.get();
  if (options.max_length > 0)
    GRAFT_RETURN_IF_ERROR(predictor->SetMaxLength(options.max_length));
  GRAFT_RETURN_IF_ERROR(CheckRecord(options, *predictor));
  Input input;
  GRAFT_RETURN_IF_ERROR(OpenInput(files, options, *predictor, input));
  std::unique_ptr<WritableFile> output;
  const bool to_file = !options.output.empty() && options.output != "-";
  if (to_file) {
    GRAFT_ASSIGN_OR_RETURN(output, files.CreateAtomic(options.output));
  }
  GRAFT_RETURN_IF_ERROR(predictor->Predict(
      std::move(input.feed),
      [&](const Examples& examples, int64_t i,
          const Prediction& prediction) -> absl::Status {
        const nlohmann::json record =
            PredictionRecord(options, examples, i, *predictor, prediction);
        const bool json = options.json || options.logits ||
                          !options.columns.empty() || !options.output.empty();
        const std::string line =
            json ? absl::StrCat(record.dump(), "\n") : PredictionText(record);
        if (output) return output->Append(line);
        return Print(line);
      }));
  if (output) GRAFT_RETURN_IF_ERROR(output->Commit());
  const int64_t truncated =
      input.table ? input.table->truncated() : input.truncated;
  if (truncated > 0)
    std::fprintf(stderr, "graft: cut %s to %s\n",
                 CountOf(truncated, "text").c_str(),
                 CountOf(predictor->max_length(), "token").c_str());
  return absl::OkStatus();
}

}  // namespace

void AddPredictCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("predict", "Predict with a trained artifact");
  auto options = std::make_shared<PredictOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  // Without extra arguments brackets around a text are kept.
  CLI::Option* text = command
                          ->add_option("--text", options->texts,
                                       "text to predict; may be repeated")
                          ->allow_extra_args(false);
  command
      ->add_option("--pair", options->pairs,
                   "second text of a pair; one for each --text")
      ->allow_extra_args(false)
      ->needs(text);
  CLI::Option* data =
      AddTableFiles(*command, "--data", options->data, "table of texts");
  text->excludes(data);
  AddUnlabelledTableOptions(*command, options->table);
  AddMaxLengthOption(*command, options->max_length);
  command
      ->add_option("--output", options->output,
                   "file for predictions, always one JSON object per line; -: "
                   "standard output")
      ->type_name("FILE");
  command
      ->add_option("--top", options->top,
                   "number of labels to show; of a set of labels, all that are "
                   "predicted unless given")
      ->check(WholeNumber(1))
      ->capture_default_str();
  command
      ->add_flag("--logits", options->logits,
                 "also the logits of all labels, for --soft-column of a "
                 "training; implies --json")
      ->excludes(text);
  command
      ->add_option("--keep-columns", options->columns,
                   "columns of the table that each prediction repeats, such as "
                   "label; implies --json")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(text);
  AddDeviceOptions(*command, options->device);
  AddVerifyOption(*command, options->verify);
  CLI::Option* head = AddHeadOption(*command, options->head.name);
  command
      ->add_option("--head-column", options->head_column,
                   "column of the table that names the head for each row, of "
                   "an artifact of several adapters")
      ->excludes(text)
      ->excludes(head);
  command->add_flag("--json", options->json, "one JSON object per line");
  command->footer(
      "Example:\n"
      "  graft predict out/model.graft --text \"a large African mammal\"");
  command->callback([options, command, &context] {
    if (options->texts.empty() && options->data.empty())
      throw CLI::RequiredError("--text or --data");
    options->head.of_rows = !options->head_column.empty();
    options->all_predicted = command->count("--top") == 0;
    context.run = [options, command]() -> absl::Status {
      if (options->data.empty())
        GRAFT_RETURN_IF_ERROR(CheckNoTableOptions(*command, "--text"));
      return Predict(*options);
    };
  });
}

}  // namespace graft
