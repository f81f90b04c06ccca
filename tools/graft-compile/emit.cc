// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/emit.h"

#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "frontend/checkpoint.h"
#include "frontend/graph_builder.h"
#include "frontend/huggingface_import.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "models/strategies/registry.h"
#include "runtime/base/status_macros.h"
#include "tools/graft-compile/adapters.h"
#include "tools/graft-compile/strategy.h"
#include "tools/standard_output.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

// Writes `text` to options.output.
absl::Status WriteText(const std::string& text, const CompileOptions& options) {
  if (options.output != "-")
    return WriteFile(FileSystem::Posix(), options.output, text);
  return Print(text);
}

// Whether rows of the stream may go without a label: a loss ignores them.
bool MayLackLabels(transfer::StreamOp stream) {
  mlir::Value labels = stream.getField("labels");
  if (!labels) return false;
  return llvm::any_of(labels.getUsers(), [](mlir::Operation* user) {
    auto loss = mlir::dyn_cast<transfer::LossOp>(user);
    return loss && loss.getIgnore();
  });
}

// Whether a loss takes these soft targets as the probabilities of labels.
bool AreProbabilities(mlir::Value soft) {
  return soft && llvm::any_of(soft.getUses(), [](mlir::OpOperand& use) {
           auto loss = mlir::dyn_cast<transfer::LossOp>(use.getOwner());
           return loss && loss.getTarget() == use.get() &&
                  loss.getKind() == transfer::LossKind::binary_cross_entropy;
         });
}

// Whether the loss that evaluates a prediction reads soft targets.
bool EvaluatesSoft(transfer::StrategyOp strategy, transfer::PredictOp predict) {
  mlir::Value loss = predict.getEvaluate();
  if (!loss)
    if (auto phases = strategy.getOps<transfer::PhaseOp>(); !phases.empty())
      loss = (*phases.begin()).getLoss();
  if (!loss) return false;
  const auto reads = transfer::getComputation({loss});
  return llvm::any_of(
      strategy.getOps<transfer::StreamOp>(), [&](transfer::StreamOp stream) {
        const mlir::Value soft = stream.getField("soft");
        return soft && llvm::any_of(reads, [&](mlir::Operation* op) {
                 return llvm::is_contained(op->getOperands(), soft);
               });
      });
}

// Whether a step of the last stage takes a batch of this stream or of another
// one.
bool IsDrawn(transfer::StrategyOp strategy, transfer::StreamOp stream) {
  transfer::ScheduleOp last;
  for (auto schedule : strategy.getOps<transfer::ScheduleOp>()) last = schedule;
  if (!last || !last.takesOneStream()) return false;
  std::vector<mlir::Value> losses;
  for (auto name : last.getPhases().getAsRange<mlir::FlatSymbolRefAttr>())
    if (auto phase = mlir::dyn_cast_or_null<transfer::PhaseOp>(
            mlir::SymbolTable::lookupSymbolIn(strategy, name)))
      losses.push_back(phase.getLoss());
  return llvm::is_contained(transfer::getStreams(losses), stream);
}

// The first sentence of the comment below the licence, or what it has before a
// colon.
std::string Summary(llvm::StringRef text) {
  std::string comment;
  llvm::StringRef rest = text.split("\n\n").second;
  while (rest.consume_front("// ")) {
    auto [line, more] = rest.split('\n');
    absl::StrAppend(&comment, comment.empty() ? "" : " ", line.str());
    rest = more;
  }
  size_t end = comment.find(". ");
  // "et al. 2016" ends no sentence.
  while (end != std::string::npos && absl::ascii_isdigit(comment[end + 2]))
    end = comment.find(". ", end + 2);
  return comment.substr(0, std::min(comment.find(": "), end));
}

// "texts with labels and soft targets".
std::string DescribeFields(transfer::StreamOp stream) {
  std::vector<std::string> inputs, truths;
  if (transfer::readsText(stream)) inputs.emplace_back("texts");
  if (stream.getField("features"))
    inputs.push_back(absl::StrCat(*stream.getFeatureCount(), " features"));
  if (stream.getField("labels"))
    truths.emplace_back(stream.getLabelCount() == 1 ? "numbers" : "labels");
  if (stream.getField("multi_hot")) truths.emplace_back("any number of labels");
  if (stream.getField("soft")) truths.emplace_back("soft targets");
  return absl::StrCat(absl::StrJoin(inputs, " and "),
                      truths.empty() ? "" : " with ",
                      absl::StrJoin(truths, " and "));
}

// "source (texts with labels), target (texts)".
std::string DescribeStreams(transfer::StrategyOp strategy) {
  std::string streams;
  for (auto stream : strategy.getOps<transfer::StreamOp>())
    absl::StrAppend(&streams, streams.empty() ? "" : ", ",
                    stream.getSymName().str(), " (", DescribeFields(stream),
                    ")");
  return streams;
}

absl::Status DescribePages(mlir::MLIRContext& context,
                           const CompileOptions& options) {
  std::string text;
  for (const StrategyPage& page : getStrategyPages()) {
    GRAFT_ASSIGN_OR_RETURN(
        std::unique_ptr<StrategyText> read,
        ReadStrategy(context, absl::StrCat(kPagePrefix, page.name)));
    std::string models;
    for (const ModelRole& model : FindModels(*read))
      if (!model.complete && model.tracked.empty())
        absl::StrAppend(&models, models.empty() ? "" : ", ", model.symbol);
    absl::StrAppend(&text, page.name, ": ", Summary(page.text),
                    "\n  data: ", DescribeStreams(read->strategy),
                    "; models: ", models, "\n");
  }
  return WriteText(text, options);
}

// Gives the parameters of the page the values that adapters and options state.
absl::Status SettlePage(StrategyText& text, const CompileOptions& options) {
  std::vector<Setting> settings = options.settings;
  if (const std::string& adapters = options.import.adapters.directory;
      !adapters.empty()) {
    GRAFT_ASSIGN_OR_RETURN(const std::vector<Setting> taken,
                           StatedSettings(text.strategy, adapters));
    settings.insert(settings.begin(), taken.begin(), taken.end());
  }
  GRAFT_RETURN_IF_ERROR(ApplySettings(text.strategy, settings));
  return text.unread;
}

// The parameters of the strategy of the options, after the settings.
absl::StatusOr<std::string> ListSettings(mlir::MLIRContext& context,
                                         const CompileOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<StrategyText> text,
      IsStrategy(options.input)
          ? ReadStrategy(context, options.input)
          : ReadPage(context, options.import.labels == 1,
                     !options.teacher.empty(), options.import.name));
  GRAFT_RETURN_IF_ERROR(SettlePage(*text, options));
  return DescribeSettings(text->strategy);
}

// Checks a checkpoint, as WriteFacts does, and says what it is.
absl::StatusOr<llvm::json::Object> DescribeCheckpoint(
    mlir::MLIRContext& context, const FamilyRegistry& families,
    const std::string& directory, const AdapterSource& adapters) {
  FileSystem& files = FileSystem::Posix();
  ImportOptions import;
  import.head = false;
  import.check_values = true;
  import.adapters = adapters;
  GRAFT_RETURN_IF_ERROR(
      importHuggingFace(&context, families, files, directory, import).status());
  GRAFT_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         openCheckpoint(families, files, directory, adapters));
  GRAFT_ASSIGN_OR_RETURN(const CheckpointHead head, findHead(checkpoint));
  const ModelDescription& description = *checkpoint.description;
  const ModelFacts& facts = description.facts();
  llvm::json::Object written{
      {"model_type", description.config().model_type()},
      {"vocab_size", facts.vocabulary},
      {"pooler", hasPooler(checkpoint)},
      {"head",
       llvm::json::Object{
           {"scope", facts.scopes.head},
           {"labels", head.labels},
           {"found", head.found},
           {"names", llvm::json::Array(headLabels(description, head.labels))},
           {"named", head.named},
           {"problem_type", description.problemType()},
           {"error",
            std::string(checkHeadLabels(checkpoint, head.labels).message())},
       }}};
  if (facts.max_positions > 0)
    written["max_position_embeddings"] = facts.max_positions;
  if (facts.types > 0) written["type_vocab_size"] = facts.types;
  return written;
}

absl::Status WriteJson(llvm::json::Object facts,
                       const CompileOptions& options) {
  std::string json;
  llvm::raw_string_ostream(json)
      << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(facts)));
  return WriteText(json, options);
}

// What the checkpoints of --model are, by their directories. One that is wrong
// is left out: who asks for it alone is told.
llvm::json::Object DescribeCheckpoints(mlir::MLIRContext& context,
                                       const FamilyRegistry& families,
                                       const CompileOptions& options) {
  llvm::json::Object checkpoints;
  // Adapters are those of one model, and its directory may be that of two.
  if (!options.import.adapters.directory.empty()) return checkpoints;
  for (const std::string& text : options.models) {
    const std::string directory = llvm::StringRef(text).split('=').second.str();
    if (checkpoints.get(directory) || !llvm::json::isUTF8(directory)) continue;
    absl::StatusOr<llvm::json::Object> facts =
        DescribeCheckpoint(context, families, directory, {});
    if (facts.ok()) checkpoints[directory] = *std::move(facts);
  }
  return checkpoints;
}

}  // namespace

absl::Status WriteModule(mlir::ModuleOp module, const CompileOptions& options) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  printModel(module, stream);
  return WriteText(text, options);
}

absl::Status WriteSettings(mlir::MLIRContext& context,
                           const CompileOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(const std::string settings,
                         ListSettings(context, options));
  return WriteText(settings, options);
}

absl::Status WritePage(mlir::MLIRContext& context,
                       const CompileOptions& options) {
  if (options.input == kPagePrefix) return DescribePages(context, options);
  GRAFT_ASSIGN_OR_RETURN(const StrategyPage* page, FindPage(options.input));
  return WriteText(page->text, options);
}

absl::Status WriteStrategyFacts(mlir::MLIRContext& context,
                                const FamilyRegistry& families,
                                const CompileOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<StrategyText> text,
                         ReadStrategy(context, options.input));
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> predicted,
                         FindPredicted(*text, options.input));
  GRAFT_RETURN_IF_ERROR(SettlePage(*text, options));
  llvm::json::Array streams, models, predictions;
  for (auto stream : text->strategy.getOps<transfer::StreamOp>()) {
    llvm::json::Object facts{
        {"name", stream.getSymName()},
        {"labels", "none"},
        {"unlabelled", MayLackLabels(stream)},
        {"whole", RelatesExamples(text->strategy, stream)},
        {"adds_up", AddsUp(text->strategy, stream)},
        {"drawn", IsDrawn(text->strategy, stream)},
        {"weights", bool(stream.getField("weights"))},
        {"text", transfer::readsText(stream)},
        {"features", stream.getFeatureCount().value_or(0)},
        {"soft", bool(stream.getField("soft"))},
        {"probabilities", AreProbabilities(stream.getField("soft"))}};
    const llvm::StringRef field = stream.getClassField();
    if (!field.empty()) {
      const std::optional<int64_t> count = stream.getClassCount();
      if (field == "labels")
        facts["labels"] = count == 1 ? "number" : "classes";
      if (field == "multi_hot") facts["labels"] = "sets";
      if (count && *count > 1) facts["classes"] = *count;
      const mlir::StringAttr size = stream.getClassSize();
      if (size) facts["size"] = size.getValue();
      facts["open"] = size && !FindBinding(text->strategy, size).bound;
    }
    streams.push_back(std::move(facts));
  }
  for (const ModelRole& model : FindModels(*text)) {
    llvm::json::Array initialised;
    if (auto op = text->module->lookupSymbol<ModelOp>(model.symbol))
      op->walk([&](ParameterOp parameter) {
        if (parameter.getInitial())
          initialised.push_back(parameter.getSymName());
      });
    models.push_back(
        llvm::json::Object{{"name", model.symbol},
                           {"trained", model.trained},
                           {"declared", model.declared},
                           {"complete", model.complete},
                           {"tracked", model.tracked},
                           {"head", !model.headless},
                           {"initialised", std::move(initialised)}});
  }
  for (auto predict : text->strategy.getOps<transfer::PredictOp>()) {
    llvm::json::Array read;
    for (transfer::StreamOp stream :
         transfer::getStreams({predict.getPrediction()}))
      read.push_back(stream.getSymName());
    predictions.push_back(
        llvm::json::Object{{"head", predict.getHead().value_or("")},
                           {"soft", EvaluatesSoft(text->strategy, predict)},
                           {"unlabelled", bool(predict.getUnlabelled())},
                           {"streams", std::move(read)}});
  }
  llvm::json::Object facts{
      {"streams", std::move(streams)},
      {"models", std::move(models)},
      {"predictions", std::move(predictions)},
      {"predicted", predicted.front()},
      {"settings", llvm::json::fixUTF8(DescribeSettings(text->strategy))},
      {"checkpoints", DescribeCheckpoints(context, families, options)},
      {"sized", DeclaresSizes(*text)}};
  for (auto parameter : text->strategy.getOps<transfer::HyperparameterOp>())
    if (parameter.getSymName() == "batch_size")
      if (auto value = transfer::getLiteralNumber(parameter.getValue()))
        facts["batch_size"] = static_cast<int64_t>(*value);
  if (std::optional<int64_t> batch = text->strategy.getBatch())
    facts["batch"] = *batch;
  return WriteJson(std::move(facts), options);
}

absl::Status WriteFacts(mlir::MLIRContext& context,
                        const FamilyRegistry& families,
                        const CompileOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(const std::string settings,
                         ListSettings(context, options));
  GRAFT_ASSIGN_OR_RETURN(llvm::json::Object facts,
                         DescribeCheckpoint(context, families, options.input,
                                            options.import.adapters));
  facts["settings"] = llvm::json::fixUTF8(settings);
  return WriteJson(std::move(facts), options);
}

}  // namespace graft
