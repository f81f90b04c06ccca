// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft evaluate: metrics of a trained artifact on labelled examples.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/data/example_table.h"
#include "runtime/metrics/class_counts.h"
#include "runtime/metrics/class_table.h"
#include "runtime/metrics/classification.h"
#include "runtime/metrics/metric.h"
#include "runtime/predict/evaluate.h"
#include "runtime/predict/predictor.h"
#include "tools/graft/commands.h"
#include "tools/graft/device_options.h"
#include "tools/graft/open_predictor.h"
#include "tools/graft/table_options.h"
#include "tools/graft/terminal.h"
#include "tools/graft/usage_error.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct EvaluateOptions {
  std::string artifact, picture;
  std::string head;  // of several
  std::vector<std::string> data;
  TableOptions table;
  int64_t max_length = 0;  // that of the training
  DeviceChoice device;
  bool verify = true;
  bool json = false;
};

// What the rows of a table came to.
struct Evaluation {
  MetricSet metrics;
  ClassCounts counts;      // of no classes for a regression
  int64_t truncated = 0;   // texts that were cut
  int64_t max_length = 0;  // tokens that they were cut to
};

// null where it is not defined.
nlohmann::json ToJson(std::optional<double> value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

std::string EvaluationJson(const Evaluation& evaluation,
                           const std::vector<std::string>& labels) {
  const MetricSet& metrics = evaluation.metrics;
  nlohmann::json record = {{"examples", metrics.count()},
                           {"truncated", evaluation.truncated}};
  for (size_t i = 0; i < metrics.kinds().size(); ++i)
    record[std::string(metrics.kinds()[i]->name)] = ToJson(metrics.Value(i));
  for (size_t c = 0; c < labels.size(); ++c) {
    const ClassScores scores = ScoresOf(evaluation.counts, c);
    record["classes"].push_back({{"label", labels[c]},
                                 {"precision", scores.precision},
                                 {"recall", scores.recall},
                                 {"f1", scores.f1},
                                 {"rows", evaluation.counts.truth(c)}});
  }
  return absl::StrCat(record.dump(), "\n");
}

// The metrics that people see as `shown`.
std::vector<std::string> FormatMetrics(const MetricSet& metrics, Shown shown) {
  std::vector<std::string> values;
  for (size_t i = 0; i < metrics.kinds().size(); ++i) {
    const MetricKind& kind = *metrics.kinds()[i];
    if (kind.shown == shown)
      values.push_back(FormatMetric(kind, metrics.Value(i)));
  }
  return values;
}

std::string EvaluationText(const Evaluation& evaluation,
                           const std::vector<std::string>& labels) {
  const MetricSet& metrics = evaluation.metrics;
  std::string text =
      absl::StrCat(CountOf(metrics.count(), "example"), ": ",
                   absl::StrJoin(FormatMetrics(metrics, Shown::kFirst), ", "));
  if (evaluation.truncated > 0)
    absl::StrAppend(&text, "; ", CountOf(evaluation.truncated, "text"),
                    " cut to ", CountOf(evaluation.max_length, "token"));
  absl::StrAppend(&text, "\n");
  if (!labels.empty())
    absl::StrAppend(&text, ClassTable(evaluation.counts, labels));
  for (const std::string& line : FormatMetrics(metrics, Shown::kLine))
    absl::StrAppend(&text, line, "\n");
  return text;
}

absl::Status Evaluate(const EvaluateOptions& options) {
  FileSystem& files = FileSystem::Posix();
  if (options.picture == "-")
    return UsageError("--picture: expects a file, got -, where the metrics go");
  GRAFT_RETURN_IF_ERROR(CheckOutput("--picture", options.picture,
                                    options.artifact, options.data));
  GRAFT_ASSIGN_OR_RETURN(const OpenedPredictor opened,
                         OpenPredictor(options.artifact, options.device,
                                       options.verify, {options.head}));
  Predictor* const predictor = opened.predictor.get();
  if (options.max_length > 0)
    GRAFT_RETURN_IF_ERROR(predictor->SetMaxLength(options.max_length));
  const std::vector<std::string>& labels = predictor->labels();
  const auto classes = static_cast<int64_t>(labels.size());
  if (!options.picture.empty() && predictor->target() != TargetKind::kClass)
    return absl::InvalidArgumentError(
        absl::StrCat("--picture: expects a classifier of one label, got ",
                     classes == 0 ? "the regression " : "sets of labels by ",
                     options.artifact));
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<ExampleTable> table,
      predictor->OpenTable(files, options.data, options.table,
                           /*labelled=*/true));
  Evaluation evaluation{.metrics = {MetricsOf(predictor->target()), classes},
                        .counts = ClassCounts(classes)};
  ConfusionMatrix matrix(options.picture.empty() ? 0 : classes);
  GRAFT_RETURN_IF_ERROR(predictor->Predict(
      FeedRows(*table),
      [&](const Examples& examples, int64_t i, const Prediction& prediction) {
        const Outcome outcome = OutcomeOf(examples, i, prediction.logits);
        evaluation.metrics.Add(outcome);
        if (classes == 0) return absl::OkStatus();
        evaluation.counts.Add(outcome);
        if (matrix.classes() > 0)
          matrix.Add(outcome.label, PredictedClass(prediction.logits));
        return absl::OkStatus();
      }));
  if (!options.picture.empty())
    GRAFT_RETURN_IF_ERROR(
        WriteFile(files, options.picture, ConfusionSvg(matrix, labels)));
  evaluation.truncated = table->truncated();
  evaluation.max_length = predictor->max_length();
  if (options.json) return Print(EvaluationJson(evaluation, labels));
  std::string text = EvaluationText(evaluation, labels);
  if (!options.picture.empty())
    absl::StrAppend(&text, "wrote ", options.picture, "\n");
  return Print(text);
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "evaluate", "Evaluate a trained artifact on labelled texts");
  auto options = std::make_shared<EvaluateOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  AddTableFiles(*command, "--data", options->data, "table")->required();
  AddTrainedTableOptions(*command, options->table);
  AddMaxLengthOption(*command, options->max_length);
  command
      ->add_option("--picture", options->picture,
                   "SVG file for the confusion matrix")
      ->type_name("FILE");
  AddDeviceOptions(*command, options->device);
  AddVerifyOption(*command, options->verify);
  AddHeadOption(*command, options->head);
  command->add_flag("--json", options->json, "one JSON object");
  command->footer(
      "Example:\n"
      "  graft evaluate out/model.graft --data test.tsv --picture "
      "confusion.svg");
  command->callback([options, &context] {
    context.run = [options] { return Evaluate(*options); };
  });
}

}  // namespace graft
