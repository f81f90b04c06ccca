// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/input.h"

#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/transfer/bind_sizes.h"
#include "dialects/transfer/transfer_analysis.h"
#include "frontend/checkpoint.h"
#include "frontend/parameter_values.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "runtime/base/status_macros.h"
#include "tools/graft-compile/adapters.h"
#include "tools/graft-compile/scopes.h"
#include "tools/graft-compile/tokenizers.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

constexpr char kTeacher[] = "teacher";  // symbol of its model

// Columns of the model's logits: 0 without any, 1 for a regression.
int64_t CountLabels(ModelOp model) {
  auto function = model.lookupSymbol<mlir::func::FuncOp>("logits");
  if (!function || function.getNumResults() != 1) return 0;
  auto type =
      mlir::dyn_cast<mlir::RankedTensorType>(function.getResultTypes()[0]);
  return type && type.getRank() == 2 && !type.isDynamicDim(1)
             ? type.getDimSize(1)
             : 0;
}

// Gives the model a head with these labels; unless there is a name for each,
// they are numbered.
void SetHead(ModelDescription& description, std::vector<std::string> names,
             int64_t labels) {
  if (names.size() != static_cast<size_t>(labels)) {
    names.clear();
    for (int64_t i = 0; i < labels; ++i)
      names.push_back(absl::StrCat("LABEL_", i));
  }
  description.setHead(std::move(names),
                      ModelDescription::problemTypeOf(labels));
}

// Builds the input from its parts.
class Reader {
 public:
  Reader(mlir::MLIRContext& context, const FamilyRegistry& families,
         const CompileOptions& options)
      : context_(context),
        families_(families),
        options_(options),
        import_(options.import) {}

  absl::StatusOr<CompilerInput> Run();

 private:
  absl::Status ReadFile();
  absl::Status FindPrediction();
  absl::Status NameDirectories();
  absl::Status NameDirectoryModels();
  // Whether the program chooses one of several adapters for each text.
  bool HasAdapterSet() const { return !import_.adapters.several.empty(); }
  absl::Status CheckAdapterSet();
  // Gives stacks of the page their numbers, before parameters are named.
  absl::Status CountLayers(transfer::StrategyOp strategy);
  absl::Status ReadModels();
  absl::Status ReadModel(InputModel& model);
  absl::Status ImportModel(InputModel& model);
  absl::Status ChooseAdapters(const InputModel& model, ImportOptions& import);
  void NameLabels(ModelDescription& description);
  absl::Status DescribeModel(InputModel& model, ModelOp op);
  absl::Status LabelDeclared(InputModel& model, const Checkpoint& checkpoint,
                             int64_t labels, bool new_head);
  absl::Status ChoosePage();
  absl::Status Assemble();
  void AddSizes();
  absl::Status CheckNames();
  absl::Status AddModel(InputModel& model, mlir::ModuleOp imported,
                        mlir::Operation* before);
  absl::Status CheckCallees();
  absl::StatusOr<transfer::StreamOp> FindStream(const StreamLabels& labels);
  absl::Status BindLabels();
  void NamePredictions();
  absl::Status ApplyOptions();

  mlir::ModuleOp module() { return *input_.text->module; }
  bool IsPredicted(const InputModel& model) {
    return absl::c_any_of(input_.predictions,
                          [&](const InputPrediction& prediction) {
                            return &model == &input_.models[prediction.model];
                          });
  }
  InputModel* Find(llvm::StringRef symbol) {
    for (InputModel& model : input_.models)
      if (model.role.symbol == symbol) return &model;
    return nullptr;
  }

  mlir::MLIRContext& context_;
  const FamilyRegistry& families_;
  const CompileOptions& options_;
  ImportOptions import_;  // of models that are trained
  CompilerInput input_;
  // Of models that are imported, by symbol.
  std::map<std::string, mlir::OwningOpRef<mlir::ModuleOp>> imported_;
};

absl::StatusOr<CompilerInput> Reader::Run() {
  if (IsStrategy(options_.input)) {
    GRAFT_RETURN_IF_ERROR(ReadFile());
    GRAFT_RETURN_IF_ERROR(ReadModels());
  } else {
    GRAFT_RETURN_IF_ERROR(NameDirectoryModels());
    GRAFT_RETURN_IF_ERROR(ReadModels());
    if (options_.emit == Emit::kModel) {
      input_.module = std::move(imported_[options_.import.name]);
      if (auto teacher = imported_.find(kTeacher); teacher != imported_.end())
        (*teacher->second->getOps<ModelOp>().begin())
            ->moveBefore(input_.module->getBody(),
                         input_.module->getBody()->end());
      return std::move(input_);
    }
    GRAFT_RETURN_IF_ERROR(ChoosePage());
  }
  GRAFT_RETURN_IF_ERROR(Assemble());
  GRAFT_RETURN_IF_ERROR(CheckCallees());
  NamePredictions();
  GRAFT_RETURN_IF_ERROR(BindLabels());
  GRAFT_RETURN_IF_ERROR(ReadTokenizers(input_));
  GRAFT_RETURN_IF_ERROR(ApplyOptions());
  input_.module = std::move(input_.text->module);
  return std::move(input_);
}

// Reads the strategy of a *.mlir and finds its models.
absl::Status Reader::ReadFile() {
  GRAFT_ASSIGN_OR_RETURN(input_.text, ReadStrategy(context_, options_.input));
  GRAFT_RETURN_IF_ERROR(CountLayers(input_.text->strategy));
  for (ModelRole& role : FindModels(*input_.text))
    input_.models.emplace_back().role = std::move(role);
  // Before a head is missed in a model that nobody trains.
  GRAFT_RETURN_IF_ERROR(FindPrediction());
  GRAFT_RETURN_IF_ERROR(NameDirectories());
  // Options of an import that no import would see.
  const bool imports = absl::c_any_of(
      input_.models,
      [](const InputModel& model) { return !model.role.declared; });
  const bool head = absl::c_any_of(input_.models, [](const InputModel& model) {
    return model.role.trained && !model.role.headless && !model.role.complete;
  });
  if (options_.import.new_head && !head)
    return UsageError(absl::StrCat(
        "--new-head: expects a strategy that calls @logits or @classify of a "
        "model that is trained, got ",
        options_.input));
  if (HasAdapterSet())
    return UsageError(absl::StrCat(
        "--adapter ", options_.import.adapters.several.front().name,
        "=: expects a checkpoint directory as input, got the strategy ",
        options_.input));
  if (!options_.import.adapters.directory.empty() &&
      input_.Predicted().role.declared)
    return UsageError(absl::StrCat(
        "--adapter: expects a model to import for the texts, got @",
        input_.Predicted().role.symbol, ", which ", options_.input,
        " declares"));
  if (imports) return absl::OkStatus();
  const bool sized = DeclaresSizes(*input_.text);
  for (const std::string& option : options_.import_options)
    if (sized || (option != "--max-tokens" && option != "--max-sequences"))
      return UsageError(
          absl::StrCat(option, ": expects a model to import, got ",
                       options_.input, ", which declares its models"));
  return absl::OkStatus();
}

absl::Status Reader::CountLayers(transfer::StrategyOp strategy) {
  if (strategy.getOps<transfer::CountOp>().empty()) return absl::OkStatus();
  GRAFT_RETURN_IF_ERROR(ApplySettings(strategy, options_.settings));
  if (mlir::succeeded(transfer::setCounts(strategy))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(options_.input,
                   ": expects stacks of layers of its models, got others; "
                   "see the messages above"));
}

// Numbers for the labels of a stream that are neither shares nor chances would
// be scores of which `graft predict` can choose none.
absl::Status CheckChoice(transfer::PredictOp predict) {
  if (predict.getSoftmax() || predict.getSigmoid()) return absl::OkStatus();
  const mlir::RankedTensorType type = predict.getPrediction().getType();
  if (type.getRank() != 2) return absl::OkStatus();
  const Dim columns = getDim(type, 1);
  for (transfer::StreamOp stream :
       transfer::getStreams({predict.getPrediction()})) {
    const mlir::StringAttr size = stream.getClassSize();
    const bool chooses = size ? columns.name == size
                              : columns.isStatic() && columns.size >= 2 &&
                                    stream.getClassCount() == columns.size;
    if (!chooses) continue;
    auto at = mlir::cast<mlir::FileLineColLoc>(predict.getLoc());
    return absl::InvalidArgumentError(absl::StrCat(
        at.getFilename().str(), ":", at.getLine(), ":", at.getColumn(),
        ": transfer.predict expects softmax or sigmoid, to choose of the "
        "labels of @",
        stream.getSymName().str(), ", got none"));
  }
  return absl::OkStatus();
}

absl::Status Reader::FindPrediction() {
  input_.strategy = input_.text->strategy;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> predicted,
                         FindPredicted(*input_.text, options_.input));
  for (auto [predict, symbol] : llvm::zip_equal(
           input_.strategy.getOps<transfer::PredictOp>(), predicted)) {
    GRAFT_RETURN_IF_ERROR(CheckChoice(predict));
    InputPrediction& prediction = input_.predictions.emplace_back();
    prediction.entry = predict.getPredictEntry();
    prediction.sets = predict.getSigmoid();
    if (input_.strategy.predictsAlone() && predict.getHead())
      prediction.output = absl::StrCat("logits.", predict.getHead()->str());
    prediction.model = static_cast<size_t>(Find(symbol) - &input_.models[0]);
  }
  input_.predicted = input_.predictions.front().model;
  return absl::OkStatus();
}

// Gives the models their directories, from --model.
absl::Status Reader::NameDirectories() {
  for (const std::string& text : options_.models) {
    const auto [name, directory] = llvm::StringRef(text).split('=');
    if (name.empty() || directory.empty())
      return UsageError(
          absl::StrCat("--model: expects NAME=DIRECTORY, got ", text));
    InputModel* model = Find(name);
    if (!model) {
      std::vector<std::string> names;
      for (const InputModel& known : input_.models)
        names.push_back(known.role.symbol);
      return UsageError(absl::StrCat(
          "--model ", text, ": expects a model of ", options_.input,
          ", which names ", names.empty() ? "none" : absl::StrJoin(names, ", "),
          ", got ", name.str()));
    }
    if (model->role.complete)
      return UsageError(absl::StrCat(
          "--model ", text, ": expects a model without values, got @",
          name.str(), ", whose parameters all have initial values in ",
          options_.input));
    if (!model->role.tracked.empty())
      return UsageError(absl::StrCat(
          "--model ", text, ": expects a model that begins with values of its ",
          "own, got @", name.str(), ", which tracks @", model->role.tracked));
    if (!model->directory.empty())
      return UsageError(absl::StrCat("--model ", text,
                                     ": expects each model once, got ",
                                     name.str(), " twice"));
    model->directory = directory.str();
  }
  for (InputModel& model : input_.models)
    if (const InputModel* tracked = Find(model.role.tracked))
      model.directory = tracked->directory;
  for (const InputModel& model : input_.models)
    if (model.directory.empty() && !model.role.complete)
      return UsageError(
          absl::StrCat(options_.input, ": expects --model ", model.role.symbol,
                       "=DIRECTORY, for the ",
                       model.role.declared ? "weights" : "checkpoint", " of @",
                       model.role.symbol, ", got none"));
  return absl::OkStatus();
}

// The models of a directory: it and its teacher.
absl::Status Reader::NameDirectoryModels() {
  InputModel& model = input_.models.emplace_back();
  model.role = {options_.import.name, /*trained=*/true};
  model.directory = options_.input;
  if (HasAdapterSet()) {
    GRAFT_RETURN_IF_ERROR(CheckAdapterSet());
    model.role.trained = false;
    model.role.headless = model.role.pooled = true;
  }
  if (options_.teacher.empty()) return absl::OkStatus();
  if (options_.import.name == kTeacher)
    return absl::InvalidArgumentError(absl::StrCat(
        "--name: expects another name than that of the teacher, got ",
        kTeacher));
  InputModel& teacher = input_.models.emplace_back();
  teacher.role = {kTeacher};
  teacher.directory = options_.teacher;
  return absl::OkStatus();
}

// Options that a program which trains nothing has no use for.
absl::Status Reader::CheckAdapterSet() {
  const auto refuse = [](const std::string& option) {
    return UsageError(absl::StrCat(
        option, ": expects a program that trains, got --adapter NAME=DIRECTORY",
        ", by which one predicts alone"));
  };
  if (!options_.teacher.empty()) return refuse("--teacher");
  if (options_.import.labels > 0) return refuse("--labels, --classes");
  if (options_.import.new_head) return refuse("--new-head");
  if (!options_.import.layers.empty()) return refuse("--student-layers");
  if (!options_.strategy_options.empty())
    return refuse(options_.strategy_options.front());
  return absl::OkStatus();
}

// Reads those first that keep their heads: others may get their labels.
absl::Status Reader::ReadModels() {
  for (bool trained : {false, true})
    for (InputModel& model : input_.models)
      if (model.role.trained == trained)
        GRAFT_RETURN_IF_ERROR(ReadModel(model));
  return absl::OkStatus();
}

absl::Status Reader::ReadModel(InputModel& model) {
  ModelOp op;
  if (model.role.declared)
    op = module().lookupSymbol<ModelOp>(model.role.symbol);
  if (model.role.complete) {
    for (const transfer::Parameter& parameter : transfer::getParameters(op))
      model.initialised.push_back(
          absl::StrCat(model.role.symbol, ".", parameter.name().str()));
    return absl::OkStatus();
  }
  if (model.role.declared) {
    GRAFT_RETURN_IF_ERROR(DescribeModel(model, op));
  } else {
    GRAFT_RETURN_IF_ERROR(ImportModel(model));
    op = *imported_[model.role.symbol]->getOps<ModelOp>().begin();
  }
  const int64_t labels = CountLabels(op);
  if (model.role.trained || import_.labels != 0 || labels == 0)
    return absl::OkStatus();
  import_.labels = labels;
  import_.label_names = model.description->labels();
  return absl::OkStatus();
}

absl::Status Reader::ImportModel(InputModel& model) {
  ImportOptions import = import_;
  if (!model.role.trained && !HasAdapterSet() &&
      !(model.role.headless && IsPredicted(model))) {
    import = ImportOptions();
    import.token_capacity = import_.token_capacity;
    import.sequence_capacity = import_.sequence_capacity;
  }
  import.name = model.role.symbol;
  import.pooled = model.role.pooled;
  import.taps = model.role.tapped;
  if (model.role.headless) {
    import.head = import.new_head = false;
    import.labels = 0;
    import.label_names.clear();
  }
  if (import.head && import.new_head && import.labels == 0)
    return IsStrategy(options_.input)
               ? absl::InvalidArgumentError(absl::StrCat(
                     options_.input, ": expects a call of @", import.name,
                     " whose result has the size of a stream's labels, or "
                     "--labels or --classes, for its new head, got none"))
               : UsageError(
                     "--new-head: expects --labels, --classes or --regression, "
                     "got none");
  import.sets = absl::c_any_of(
      input_.predictions,
      [](const InputPrediction& prediction) { return prediction.sets; });
  import.check_values = options_.emit == Emit::kArtifact;
  GRAFT_RETURN_IF_ERROR(ChooseAdapters(model, import));
  GRAFT_ASSIGN_OR_RETURN(
      ImportedModel imported,
      importHuggingFace(&context_, families_, FileSystem::Posix(),
                        model.directory, import));
  model.description = std::move(imported.description);
  model.initialised = std::move(imported.initialised);
  model.skipped = std::move(imported.skipped);
  model.adapters = import.adapters;
  model.adapter_facts = std::move(imported.adapters);
  model.adapter_set = std::move(imported.adapter_set);
  imported_[model.role.symbol] = std::move(imported.module);
  if (model.role.headless) NameLabels(*model.description);
  return absl::OkStatus();
}

// Leaves the adapters of --adapter to the model that reads the texts, and to
// what tracks it.
absl::Status Reader::ChooseAdapters(const InputModel& model,
                                    ImportOptions& import) {
  // The page for a directory puts in none.
  if (!input_.text) return absl::OkStatus();
  if (model.directory != input_.Predicted().directory) import.adapters = {};
  if (import.adapters.directory.empty()) return absl::OkStatus();
  import.adapters.beside = FindInject(input_.strategy, model.role.symbol);
  // Other layers have their numbers then.
  if (import.adapters.beside && !import.layers.empty())
    return UsageError(absl::StrCat(
        "--student-layers: expects all layers, which have the adapters of "
        "--adapter ",
        import.adapters.directory, ", got ",
        absl::StrJoin(import.layers, ",")));
  return absl::OkStatus();
}

// The strategy makes the logits: their labels are those that are asked for.
void Reader::NameLabels(ModelDescription& description) {
  if (import_.labels == 0) return;
  SetHead(description, import_.label_names, import_.labels);
}

// Finds the weights and the labels of a model that the text declares.
absl::Status Reader::DescribeModel(InputModel& model, ModelOp op) {
  GRAFT_ASSIGN_OR_RETURN(
      Checkpoint checkpoint,
      openCheckpoint(families_, FileSystem::Posix(), model.directory));
  op.setWeights(checkpoint.weights->path());
  bool newHead = false;
  const std::string head =
      absl::StrCat(checkpoint.description->facts().scopes.head, ".");
  op->walk([&](ParameterOp parameter) {
    if (!parameter.getInitial()) return;
    model.initialised.push_back(parameter.getSymName().str());
    newHead |= absl::StartsWith(model.initialised.back(), head);
  });
  GRAFT_RETURN_IF_ERROR(
      checkParameters(op, checkpoint, options_.emit == Emit::kArtifact));
  // The text may keep some layers only.
  if (auto layers = op.getOps<LayersOp>(); llvm::hasSingleElement(layers))
    checkpoint.description->facts().layers = (*layers.begin()).getCount();
  if (model.role.headless)
    NameLabels(*checkpoint.description);
  else
    GRAFT_RETURN_IF_ERROR(
        LabelDeclared(model, checkpoint, CountLabels(op), newHead));
  model.description = std::move(checkpoint.description);
  return absl::OkStatus();
}

// Names the labels of a model with so many columns of logits.
absl::Status Reader::LabelDeclared(InputModel& model,
                                   const Checkpoint& checkpoint, int64_t labels,
                                   bool new_head) {
  ModelDescription& description = *checkpoint.description;
  if (!new_head && labels > 1) {
    GRAFT_RETURN_IF_ERROR(description.checkLabels());
    if (model.role.trained &&
        import_.label_names.size() == static_cast<size_t>(labels))
      GRAFT_RETURN_IF_ERROR(checkKeptLabels(checkpoint, import_.label_names));
  }
  std::vector<std::string> names = description.labels();
  if (model.role.trained) {
    if (options_.import.labels > 0 && options_.import.labels != labels)
      return absl::InvalidArgumentError(absl::StrCat(
          options_.input, ": expects ", options_.import.labels, " columns of @",
          model.role.symbol, "::@logits, one per label, got ", labels));
    if (import_.label_names.size() == static_cast<size_t>(labels))
      names = import_.label_names;
  }
  SetHead(description, std::move(names), labels);
  return absl::OkStatus();
}

// The strategy for a directory.
absl::Status Reader::ChoosePage() {
  const std::string& name = options_.import.name;
  if (HasAdapterSet()) {
    GRAFT_ASSIGN_OR_RETURN(
        input_.text,
        ReadAdapterPage(context_, name, input_.models[0].adapter_set->heads));
    return FindPrediction();
  }
  const int64_t labels =
      CountLabels(*imported_[name]->getOps<ModelOp>().begin());
  GRAFT_ASSIGN_OR_RETURN(
      input_.text,
      ReadPage(context_, labels == 1, !options_.teacher.empty(), name));
  return FindPrediction();
}

// Puts the imported models before what the text has. The first model of a
// program names its initial values without the model, so those of an import do
// not depend on the models of a page.
absl::Status Reader::Assemble() {
  mlir::Operation* first = &module().getBody()->front();
  for (InputModel& model : input_.models)
    if (auto found = imported_.find(model.role.symbol);
        found != imported_.end())
      GRAFT_RETURN_IF_ERROR(AddModel(model, *found->second, first));
  const bool own = absl::c_all_of(input_.models, [](const InputModel& model) {
    return model.role.complete;
  });
  if (own || !imported_.empty()) AddSizes();
  return CheckNames();
}

// Declares sizes that streams have of their own beside those of the imported
// models, which are as large, or that models of the page leave open.
void Reader::AddSizes() {
  for (auto stream : input_.strategy.getOps<transfer::StreamOp>())
    for (const auto& [size, bound] :
         {std::pair(stream.getTokensAttr(), import_.token_capacity),
          std::pair(stream.getSequencesAttr(), import_.sequence_capacity)}) {
      if (module().lookupSymbol(size.getAttr())) continue;
      mlir::OpBuilder builder(input_.strategy);
      SizeOp::create(builder, stream.getLoc(), size.getAttr(),
                     static_cast<uint64_t>(bound));
    }
}

// Initial values, files of --initial and checkpoints know a parameter as NAME
// or as MODEL.NAME.
absl::Status Reader::CheckNames() {
  for (const InputModel& model : input_.models) {
    if (!model.role.complete) continue;
    for (ModelOp other : module().getOps<ModelOp>()) {
      const std::string owner = other.getSymName().str();
      if (owner == model.role.symbol) continue;
      for (const transfer::Parameter& parameter :
           transfer::getParameters(other)) {
        const std::string name = parameter.name().str();
        for (const std::string& taken : {name, absl::StrCat(owner, ".", name)})
          if (absl::c_linear_search(model.initialised, taken))
            return absl::InvalidArgumentError(
                absl::StrCat(options_.input, ": expects another name of @",
                             model.role.symbol, ", whose parameter ", taken,
                             " is that of @", owner, ", too"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::AddModel(InputModel& model, mlir::ModuleOp imported,
                              mlir::Operation* before) {
  for (mlir::Operation& op : llvm::make_early_inc_range(*imported.getBody())) {
    auto size = mlir::dyn_cast<SizeOp>(op);
    auto other =
        size ? module().lookupSymbol<SizeOp>(size.getSymName()) : SizeOp();
    if (!other) {
      op.moveBefore(before);
      continue;
    }
    // The models of a program take one batch.
    if (other.getBound() != size.getBound())
      return absl::InvalidArgumentError(absl::StrCat(
          options_.input, ": expects graft.size @", size.getSymName().str(),
          " bound ", size.getBound(), ", as @", model.role.symbol,
          " is imported with, got ", other.getBound(),
          "; --max-tokens and --max-sequences change the import"));
  }
  return absl::OkStatus();
}

// Where a head is missing, the message of the linker would not say what to do.
absl::Status Reader::CheckCallees() {
  for (bool trained : {false, true}) {
    for (auto call : input_.strategy.getOps<transfer::CallOp>()) {
      mlir::SymbolRefAttr callee = call.getCallee();
      const InputModel& model = *Find(callee.getRootReference());
      if (model.role.declared || model.role.trained != trained ||
          (callee.getLeafReference() != "logits" &&
           callee.getLeafReference() != "classify") ||
          mlir::SymbolTable::lookupSymbolIn(module(), callee))
        continue;
      return absl::InvalidArgumentError(absl::StrCat(
          model.directory, ": expects a classifier ",
          trained ? "to train, got none; ask for one with --labels, --classes "
                    "or --regression"
                  : "to learn from, got none; fine-tune one and export it"));
    }
  }
  return absl::OkStatus();
}

// The stream of the option, which has labels.
absl::StatusOr<transfer::StreamOp> Reader::FindStream(
    const StreamLabels& labels) {
  std::vector<std::string> names;
  for (auto stream : input_.strategy.getOps<transfer::StreamOp>()) {
    if (stream.getClassField().empty()) continue;
    if (stream.getSymName() == labels.stream) return stream;
    names.push_back(stream.getSymName().str());
  }
  return UsageError(
      absl::StrCat(labels.option, ": expects a stream of ", options_.input,
                   " with labels, which are ",
                   names.empty() ? "none" : absl::StrJoin(names, ", "),
                   ", got ", labels.stream));
}

// The labels of a prediction are those of its own stream, or of one with the
// same `labels<K>`, if K is the number of its columns.
void Reader::NamePredictions() {
  for (auto [predict, prediction] : llvm::zip_equal(
           input_.strategy.getOps<transfer::PredictOp>(), input_.predictions)) {
    const Dim columns = getDim(predict.getPrediction().getType(), 1);
    const llvm::SmallVector<transfer::StreamOp> read =
        transfer::getStreams({predict.getPrediction()});
    for (const StreamLabels& labels : options_.stream_labels) {
      const absl::StatusOr<transfer::StreamOp> stream = FindStream(labels);
      if (!stream.ok()) continue;  // BindLabels says so
      transfer::StreamOp op = *stream;
      const bool own = llvm::is_contained(read, op);
      const bool same =
          columns.name
              ? op.getClassSize() == columns.name
              : own && op.getClassCount() == static_cast<int64_t>(columns.size);
      if (same && (own || !prediction.labels)) prediction.labels = &labels;
    }
  }
}

// Gives sizes of labels that no call binds the numbers of the options.
absl::Status Reader::BindLabels() {
  llvm::MapVector<mlir::StringAttr, int64_t> numbers;
  for (const StreamLabels& labels : options_.stream_labels) {
    GRAFT_ASSIGN_OR_RETURN(transfer::StreamOp stream, FindStream(labels));
    int64_t number = stream.getClassCount().value_or(labels.labels);
    std::string reason = absl::StrCat("as the page says of @", labels.stream);
    if (const mlir::StringAttr size = stream.getClassSize()) {
      const SizeBinding binding = FindBinding(input_.strategy, size);
      if (binding.bound) {
        number = binding.number;
        reason = absl::StrCat(
            "as many as @", binding.callee.getRootReference().str(), "::@",
            binding.callee.getLeafReference().str(), " has columns");
      } else {
        number = numbers.try_emplace(size, labels.labels).first->second;
        reason = absl::StrCat("as another option gives ", size.str());
      }
    }
    if (number != labels.labels)
      return absl::InvalidArgumentError(
          absl::StrCat(labels.option, ": expects ", number, " labels, ", reason,
                       ", got ", labels.labels));
  }
  for (auto stream : input_.strategy.getOps<transfer::StreamOp>()) {
    const mlir::StringAttr size = stream.getClassSize();
    if (!size || numbers.contains(size) ||
        FindBinding(input_.strategy, size).bound)
      continue;
    const std::string name = stream.getSymName().str();
    return absl::InvalidArgumentError(absl::StrCat(
        options_.input, ": expects --labels ", name, "=FILE or --classes ",
        name, "=N, for ", stream.getClassField().str(), "<", size.str(),
        "> of @", name, ", which no call has a number for, got none"));
  }
  transfer::bindSizes(input_.strategy, numbers);
  return absl::OkStatus();
}

// Sets the parameters of the strategy and verifies everything.
absl::Status Reader::ApplyOptions() {
  const InputModel& model = input_.Predicted();
  std::vector<Setting> settings;
  if (model.description) {
    GRAFT_ASSIGN_OR_RETURN(
        settings, ScopeSettings(options_.scopes, model.description->facts(),
                                model.initialised));
  } else if (const char* option = options_.scopes.First()) {
    return UsageError(absl::StrCat(
        option,
        ": expects a model with a checkpoint, whose family says what "
        "that is, got @",
        model.role.symbol, " of ", options_.input));
  }
  auto op = module().lookupSymbol<ModelOp>(model.role.symbol);
  transfer::InjectOp inject = FindInject(input_.strategy, model.role.symbol);
  const bool loads = model.adapter_facts && inject;
  if (loads) {
    GRAFT_ASSIGN_OR_RETURN(const std::vector<Setting> taken,
                           AdapterSettings(inject, op, *model.adapter_facts));
    settings.insert(settings.end(), taken.begin(), taken.end());
  }
  settings.insert(settings.end(), options_.settings.begin(),
                  options_.settings.end());
  GRAFT_RETURN_IF_ERROR(ApplySettings(input_.strategy, settings));
  if (options_.weights) AddWeights(input_.strategy);
  if (options_.max_batch > 0)
    GRAFT_RETURN_IF_ERROR(SetMaxBatch(input_.strategy, options_.max_batch));
  if (mlir::succeeded(mlir::verify(module())))
    return loads ? LoadAdapters(inject, op, *model.adapter_facts)
                 : absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(options_.input, ": cannot be trained as asked for",
                   settings.empty() ? "" : " with ",
                   absl::StrJoin(settings, ", ",
                                 [](std::string* out, const Setting& setting) {
                                   absl::StrAppend(out, setting.option);
                                 }),
                   "; see the messages above"));
}

}  // namespace

bool IsStrategy(const std::string& input) {
  return absl::EndsWith(input, ".mlir") || IsPage(input);
}

absl::StatusOr<CompilerInput> ReadInput(mlir::MLIRContext& context,
                                        const FamilyRegistry& families,
                                        const CompileOptions& options) {
  return Reader(context, families, options).Run();
}

}  // namespace graft
