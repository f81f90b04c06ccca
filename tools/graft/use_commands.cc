// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>
#include <utility>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/artifact.h"
#include "runtime/artifact/inspect.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/example_table.h"
#include "runtime/data/label_map.h"
#include "runtime/executor/instance.h"
#include "runtime/metrics/metrics.h"
#include "runtime/predict/evaluate.h"
#include "runtime/tokenize/registry.h"
#include "tools/graft/commands.h"
#include "tools/graft/device_options.h"
#include "tools/graft/table_data.h"
#include "tools/open_device.h"

namespace graft {
namespace {

// A trained artifact, ready for inference.
struct Predictor {
  std::unique_ptr<Device> device;
  std::shared_ptr<const Artifact> artifact;
  std::unique_ptr<Instance> instance;
  std::unique_ptr<Tokenizer> tokenizer;
  int64_t max_length = 0;
};

absl::StatusOr<Predictor> OpenPredictor(const std::string& path,
                                        const DeviceChoice& device) {
  FileSystem& files = FileSystem::Posix();
  Predictor predictor;
  GRAFT_ASSIGN_OR_RETURN(predictor.device, OpenDevice(device));
  LoadOptions load;
  load.device = predictor.device.get();
  GRAFT_ASSIGN_OR_RETURN(predictor.artifact, Artifact::Load(files, path, load));
  GRAFT_ASSIGN_OR_RETURN(
      predictor.instance,
      Instance::Create(predictor.artifact, {.training = false}));
  GRAFT_ASSIGN_OR_RETURN(predictor.tokenizer,
                         TokenizerFromArtifact(predictor.artifact->spec(),
                                               predictor.artifact->path()));
  predictor.max_length = ArtifactMaxLength(*predictor.artifact);
  return predictor;
}

// Returns at most `top` classes by descending probability.
std::vector<size_t> Ranking(absl::Span<const float> values, size_t top) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return values[a] != values[b] ? values[a] > values[b] : a < b;
  });
  order.resize(std::min(order.size(), top));
  return order;
}

struct PredictOptions {
  std::string artifact;
  std::vector<std::string> texts;
  std::string data, output;
  TableOptions table;
  int64_t top = 3;
  DeviceChoice device;
  bool json = false;
};

// One prediction as JSON: labels with probabilities, or a score.
nlohmann::json PredictionRecord(const std::string& text,
                                const std::vector<std::string>& labels,
                                absl::Span<const float> logits,
                                absl::Span<const float> probabilities,
                                size_t top) {
  nlohmann::json record = {{"text", text}};
  if (labels.empty()) {
    record["score"] = logits[0];
    return record;
  }
  nlohmann::json list = nlohmann::json::array();
  for (size_t label : Ranking(probabilities, top))
    list.push_back(
        {{"label", labels[label]}, {"probability", probabilities[label]}});
  record["labels"] = list;
  return record;
}

// The same as text.
std::string PredictionText(const nlohmann::json& record) {
  std::string text = absl::StrCat(record["text"].get<std::string>(), "\n");
  if (record.contains("score"))
    return absl::StrCat(
        text, absl::StrFormat("  %.4f\n", record["score"].get<double>()));
  for (const nlohmann::json& label : record["labels"])
    absl::StrAppendFormat(&text, "  %6.2f %%  %s\n",
                          100 * label["probability"].get<double>(),
                          label["label"].get<std::string>());
  return text;
}

// The texts of the command line.
ExampleFeed FeedTexts(const PredictOptions& options,
                      const Predictor& predictor) {
  return [&options, &predictor, encoding = Encoding(),
          i = size_t{0}](Examples& examples) mutable -> absl::StatusOr<bool> {
    if (i == options.texts.size()) return false;
    GRAFT_RETURN_IF_ERROR(EncodeText(
        *predictor.tokenizer, options.texts[i], std::nullopt,
        predictor.max_length, options.table.strict,
        [&] { return absl::StrCat("--text:", i + 1); }, encoding));
    examples.Add(encoding.ids, encoding.type_ids, /*label=*/0, /*score=*/0,
                 static_cast<int64_t>(i), options.texts[i]);
    ++i;
    return true;
  };
}

absl::StatusOr<std::unique_ptr<ExampleTable>> OpenTable(
    const Predictor& predictor, const std::string& path,
    const TableOptions& columns, ExampleOptions::Labels labels,
    const LabelMap* map) {
  ExampleOptions options;
  options.table = columns;
  options.labels = labels;
  options.max_length = predictor.max_length;
  options.keep_texts = labels == ExampleOptions::Labels::kNone;
  return ExampleTable::Open(FileSystem::Posix(), path, *predictor.tokenizer,
                            map, options);
}

// The rows of `table`, which is borrowed.
ExampleFeed FeedTable(ExampleTable& table) {
  return [&table](Examples& examples) { return table.Next(examples); };
}

absl::Status Predict(const PredictOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(Predictor predictor,
                         OpenPredictor(options.artifact, options.device));
  std::unique_ptr<ExampleTable> table;
  ExampleFeed feed = FeedTexts(options, predictor);
  if (!options.data.empty()) {
    GRAFT_ASSIGN_OR_RETURN(table,
                           OpenTable(predictor, options.data, options.table,
                                     ExampleOptions::Labels::kNone, nullptr));
    feed = FeedTable(*table);
  }
  std::unique_ptr<WritableFile> output;
  if (!options.output.empty()) {
    GRAFT_ASSIGN_OR_RETURN(output,
                           FileSystem::Posix().CreateAtomic(options.output));
  }
  const std::vector<std::string>& labels = predictor.artifact->spec().labels;
  GRAFT_RETURN_IF_ERROR(PredictAll(
      *predictor.instance, std::move(feed),
      [&](const Examples& examples, int64_t i, absl::Span<const float> logits,
          absl::Span<const float> probabilities) -> absl::Status {
        const nlohmann::json record =
            PredictionRecord(std::string(examples.text(i)), labels, logits,
                             probabilities, static_cast<size_t>(options.top));
        const std::string line = options.json || output
                                     ? absl::StrCat(record.dump(), "\n")
                                     : PredictionText(record);
        if (output) return output->Append(line);
        std::fputs(line.c_str(), stdout);
        return absl::OkStatus();
      }));
  return output ? output->Commit() : absl::OkStatus();
}

struct EvaluateOptions {
  std::string artifact, data, picture;
  TableOptions table;
  DeviceChoice device;
  bool json = false;
};

absl::Status EvaluateClasses(const EvaluateOptions& options,
                             Predictor& predictor) {
  const std::vector<std::string>& labels = predictor.artifact->spec().labels;
  GRAFT_ASSIGN_OR_RETURN(LabelMap map, LabelMap::FromLabels(labels));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<ExampleTable> table,
                         OpenTable(predictor, options.data, options.table,
                                   ExampleOptions::Labels::kClasses, &map));
  ConfusionMatrix matrix(static_cast<int64_t>(labels.size()));
  GRAFT_RETURN_IF_ERROR(PredictAll(
      *predictor.instance, FeedTable(*table),
      [&](const Examples& examples, int64_t i, absl::Span<const float> logits,
          absl::Span<const float>) {
        matrix.Add(
            examples.label(i),
            std::max_element(logits.begin(), logits.end()) - logits.begin());
        return absl::OkStatus();
      }));
  if (!options.picture.empty())
    GRAFT_RETURN_IF_ERROR(WriteFile(FileSystem::Posix(), options.picture,
                                    ConfusionSvg(matrix, labels)));
  if (options.json) {
    nlohmann::json record = {{"examples", matrix.total()},
                             {"accuracy", matrix.Accuracy()},
                             {"macro_f1", matrix.MacroF1()}};
    std::printf("%s\n", record.dump().c_str());
    return absl::OkStatus();
  }
  std::printf("%lld examples: accuracy %.2f %%, macro-F1 %.2f %%\n",
              static_cast<long long>(matrix.total()), 100 * matrix.Accuracy(),
              100 * matrix.MacroF1());
  if (!options.picture.empty())
    std::printf("wrote %s\n", options.picture.c_str());
  return absl::OkStatus();
}

absl::Status EvaluateScores(const EvaluateOptions& options,
                            Predictor& predictor) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<ExampleTable> table,
                         OpenTable(predictor, options.data, options.table,
                                   ExampleOptions::Labels::kScores, nullptr));
  RegressionMeter meter;
  GRAFT_RETURN_IF_ERROR(
      PredictAll(*predictor.instance, FeedTable(*table),
                 [&](const Examples& examples, int64_t i,
                     absl::Span<const float> logits, absl::Span<const float>) {
                   meter.Add(examples.score(i), logits[0]);
                   return absl::OkStatus();
                 }));
  const RegressionQuality quality = meter.Quality();
  if (options.json) {
    nlohmann::json record = {{"examples", meter.count()},
                             {"pearson", quality.pearson},
                             {"mse", quality.mse}};
    std::printf("%s\n", record.dump().c_str());
    return absl::OkStatus();
  }
  std::printf(
      "%lld examples: Pearson correlation %.4f, mean squared error "
      "%.4f\n",
      static_cast<long long>(meter.count()), quality.pearson, quality.mse);
  return absl::OkStatus();
}

absl::Status Evaluate(const EvaluateOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(Predictor predictor,
                         OpenPredictor(options.artifact, options.device));
  return predictor.artifact->spec().labels.empty()
             ? EvaluateScores(options, predictor)
             : EvaluateClasses(options, predictor);
}

struct InspectCommandOptions {
  std::string artifact;
  InspectOptions inspect;
  bool json = false;
};

absl::Status Inspect(const InspectCommandOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(FileSystem::Posix(), options.artifact));
  const std::string text = options.json
                               ? InspectJson(*artifact, options.inspect)
                               : InspectText(*artifact, options.inspect);
  std::fputs(text.c_str(), stdout);
  if (options.json) std::fputs("\n", stdout);
  return absl::OkStatus();
}

}  // namespace

void AddPredictCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("predict", "Predict with a trained artifact");
  auto options = std::make_shared<PredictOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  CLI::Option* text = command->add_option("--text", options->texts,
                                          "text to predict; may be repeated");
  CLI::Option* data =
      command->add_option("--data", options->data, "table of texts");
  text->excludes(data);
  AddTableOptions(*command, options->table);
  command->add_option("--output", options->output,
                      "file for predictions, one JSON object per line");
  command->add_option("--top", options->top, "number of labels to show")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddDeviceOptions(*command, options->device);
  command->add_flag("--json", options->json, "one JSON object per line");
  command->footer(
      "Example:\n"
      "  graft predict out/model.graft --text \"a large African mammal\"");
  command->callback([options, &context] {
    if (options->texts.empty() && options->data.empty())
      throw CLI::RequiredError("--text or --data");
    context.run = [options] { return Predict(*options); };
  });
}

void AddEvaluateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "evaluate", "Evaluate a trained artifact on labelled texts");
  auto options = std::make_shared<EvaluateOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  command->add_option("--data", options->data, "table (.tsv, .jsonl)")
      ->required();
  AddTableOptions(*command, options->table);
  command->add_option("--picture", options->picture,
                      "SVG file for the confusion matrix");
  AddDeviceOptions(*command, options->device);
  command->add_flag("--json", options->json);
  command->footer(
      "Example:\n"
      "  graft evaluate out/model.graft --data test.tsv --picture "
      "confusion.svg");
  command->callback([options, &context] {
    context.run = [options] { return Evaluate(*options); };
  });
}

void AddInspectCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show the contents of an artifact");
  auto options = std::make_shared<InspectCommandOptions>();
  command->add_option("artifact", options->artifact, "file.graft")->required();
  command->add_flag("--slots", options->inspect.slots, "list every tensor");
  command->add_flag("--commands", options->inspect.commands,
                    "list the commands of each program");
  command->add_option("--level", options->inspect.level,
                      "ISA level whose programs are shown");
  command->add_flag("--json", options->json);
  command->footer("Example:\n  graft inspect out/model.graft --commands");
  command->callback([options, &context] {
    context.run = [options] { return Inspect(*options); };
  });
}

}  // namespace graft
