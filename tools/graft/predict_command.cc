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
#include "runtime/base/status_macros.h"
#include "runtime/data/example_table.h"
#include "runtime/predict/predictor.h"
#include "tools/graft/commands.h"
#include "tools/graft/device_options.h"
#include "tools/graft/open_predictor.h"
#include "tools/graft/table_options.h"

namespace graft {
namespace {

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
                                const Prediction& prediction, size_t top) {
  nlohmann::json record = {{"text", text}};
  if (labels.empty()) {
    record["score"] = prediction.logits[0];
    return record;
  }
  nlohmann::json list = nlohmann::json::array();
  for (size_t label : TopClasses(prediction.probabilities, top))
    list.push_back({{"label", labels[label]},
                    {"probability", prediction.probabilities[label]}});
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
  auto next = [&options, &predictor, i = size_t{0}](
                  Examples& examples) mutable -> absl::StatusOr<bool> {
    if (i == options.texts.size()) return false;
    GRAFT_RETURN_IF_ERROR(predictor.AddText(
        options.texts[i], /*pair=*/std::nullopt, options.table.strict,
        static_cast<int64_t>(i), [&] { return absl::StrCat("--text:", i + 1); },
        examples));
    ++i;
    return true;
  };
  return {TextSchema(), std::move(next)};
}

absl::Status Predict(const PredictOptions& options) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(const OpenedPredictor opened,
                         OpenPredictor(options.artifact, options.device));
  Predictor* const predictor = opened.predictor.get();
  std::unique_ptr<ExampleTable> table;
  ExampleFeed feed = FeedTexts(options, *predictor);
  if (!options.data.empty()) {
    GRAFT_ASSIGN_OR_RETURN(
        table, predictor->OpenTable(files, options.data, options.table,
                                    /*labelled=*/false));
    feed = FeedRows(*table);
  }
  std::unique_ptr<WritableFile> output;
  if (!options.output.empty()) {
    GRAFT_ASSIGN_OR_RETURN(output, files.CreateAtomic(options.output));
  }
  GRAFT_RETURN_IF_ERROR(predictor->Predict(
      std::move(feed),
      [&](const Examples& examples, int64_t i,
          const Prediction& prediction) -> absl::Status {
        const nlohmann::json record =
            PredictionRecord(std::string(examples.text(i)), predictor->labels(),
                             prediction, static_cast<size_t>(options.top));
        const std::string line = options.json || output
                                     ? absl::StrCat(record.dump(), "\n")
                                     : PredictionText(record);
        if (output) return output->Append(line);
        std::fputs(line.c_str(), stdout);
        return absl::OkStatus();
      }));
  return output ? output->Commit() : absl::OkStatus();
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

}  // namespace graft
