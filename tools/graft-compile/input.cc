// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/input.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/transfer/transfer_dialect.h"
#include "frontend/graph_builder.h"
#include "llvm/Support/SourceMgr.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "runtime/base/status_macros.h"
#include "runtime/tokenize/registry.h"

namespace graft {
namespace {

constexpr char kTeacher[] = "teacher";  // symbol of its model

// The only strategy of the module; null without one.
transfer::StrategyOp FindStrategy(mlir::ModuleOp module) {
  auto strategies = module.getOps<transfer::StrategyOp>();
  return strategies.empty() ? transfer::StrategyOp() : *strategies.begin();
}

// Columns of the model's logits: 0 without any, 1 for a regression.
int64_t CountLabels(mlir::ModuleOp module) {
  int64_t labels = 0;
  module.walk([&](mlir::func::FuncOp function) {
    if (function.getSymName() != "logits" || function.getNumResults() != 1)
      return;
    auto type =
        mlir::dyn_cast<mlir::RankedTensorType>(function.getResultTypes()[0]);
    if (type && type.getRank() == 2 && !type.isDynamicDim(1))
      labels = type.getDimSize(1);
  });
  return labels;
}

// Sets where the models of a parsed module have their weights.
absl::Status SetWeights(mlir::ModuleOp module, const std::string& weights,
                        const CompileOptions& options) {
  bool taught = false;
  for (ModelOp model : module.getOps<ModelOp>()) {
    const bool teacher = model.getSymName() == kTeacher;
    taught |= teacher;
    model.setWeights(teacher ? JoinPath(options.teacher, "model.safetensors")
                             : weights);
  }
  if (taught != options.teacher.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      taught ? absl::StrCat(options.input,
                            ": expects --teacher, for the weights of @",
                            kTeacher, ", got none")
             : absl::StrCat(options.input, ": expects a model @", kTeacher,
                            " where --teacher is given, got none"));
}

// INVALID_ARGUMENT unless both models get the same ids for every text.
absl::Status CompareTokenizers(const std::string& student,
                               const std::string& teacher) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> ours,
                         LoadTokenizer(files, student));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> theirs,
                         LoadTokenizer(files, teacher));
  const absl::Status same =
      CheckSameTokenizer(*ours, absl::StrCat("the student ", student), *theirs);
  if (same.ok()) return same;
  return absl::InvalidArgumentError(
      absl::StrCat(teacher, ": ", std::string(same.message())));
}

// Imports the teacher for a student with the labels of `import`, which gets
// those of the teacher where it has none.
absl::StatusOr<ImportedModel> ImportTeacher(mlir::MLIRContext& context,
                                            const FamilyRegistry& families,
                                            const CompileOptions& options,
                                            ImportOptions& import) {
  if (import.name == kTeacher)
    return absl::InvalidArgumentError(absl::StrCat(
        "--name: expects another name than that of the teacher, got ",
        kTeacher));
  ImportOptions own;
  own.name = kTeacher;
  own.token_capacity = import.token_capacity;
  own.sequence_capacity = import.sequence_capacity;
  GRAFT_ASSIGN_OR_RETURN(
      ImportedModel teacher,
      importHuggingFace(&context, families, FileSystem::Posix(),
                        options.teacher, own));
  const int64_t labels = CountLabels(*teacher.module);
  if (labels == 0)
    return absl::InvalidArgumentError(
        absl::StrCat(options.teacher,
                     ": expects a classifier to learn from, got none; "
                     "fine-tune one and export it"));
  if (import.labels == 0) {
    import.labels = labels;
    import.label_names = teacher.description->labels();
  }
  if (import.labels == labels) return teacher;
  return absl::InvalidArgumentError(
      absl::StrCat(options.teacher, ": expects ", import.labels,
                   " labels, as the student has, got ", labels));
}

absl::StatusOr<CompilerInput> ParseModule(mlir::MLIRContext& context,
                                          const FamilyRegistry& families,
                                          const CompileOptions& options) {
  FileSystem& files = FileSystem::Posix();
  if (options.checkpoint.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options.input,
                     ": expects --checkpoint beside a module, for its weights "
                     "and tokenizer, got none"));
  CompilerInput input;
  input.directory = options.checkpoint;
  ImportedModel& model = input.model;
  model.weights = JoinPath(options.checkpoint, "model.safetensors");
  GRAFT_ASSIGN_OR_RETURN(
      const ModelConfig config,
      ModelConfig::Read(files, JoinPath(options.checkpoint, "config.json")));
  GRAFT_ASSIGN_OR_RETURN(model.description, families.read(config));
  context.getOrLoadDialect<mlir::func::FuncDialect>();
  // Shows the line that a message is about.
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler handler(sources, &context);
  model.module =
      mlir::parseSourceFile<mlir::ModuleOp>(options.input, sources, &context);
  if (!model.module)
    return absl::InvalidArgumentError(absl::StrCat(
        options.input, ": expects a module; see the messages above"));
  GRAFT_RETURN_IF_ERROR(SetWeights(*model.module, model.weights, options));
  if (!options.teacher.empty())
    GRAFT_RETURN_IF_ERROR(
        CompareTokenizers(options.checkpoint, options.teacher));
  model.module->walk([&](ParameterOp parameter) {
    if (parameter.getInitial())
      model.initialised.push_back(parameter.getSymName().str());
  });

  const int64_t labels = CountLabels(*model.module);
  std::vector<std::string> names = model.description->labels();
  if (options.import.labels > 0 && options.import.labels != labels)
    return absl::InvalidArgumentError(
        absl::StrCat(options.input, ": expects ", options.import.labels,
                     " columns of @logits, one a label, got ", labels));
  if (!options.import.label_names.empty()) names = options.import.label_names;
  if (names.size() != static_cast<size_t>(labels)) {
    names.clear();
    for (int64_t i = 0; i < labels; ++i)
      names.push_back(absl::StrCat("LABEL_", i));
  }
  model.description->setHead(
      std::move(names),
      labels == 1 ? "regression" : "single_label_classification");
  return input;
}

// A pattern of names that begin with `scope`.
std::string BeginningWith(absl::string_view scope) {
  return absl::StrCat("^", absl::StrReplaceAll(scope, {{".", "[.]"}}));
}

// Patterns of the recipe for the model's parameters.
void SetPatterns(const ImportedModel& model, FineTuneRecipe& recipe) {
  const ModelScopes& scopes = model.description->facts().scopes;
  recipe.head = BeginningWith(scopes.head);
  // A new pooler is trained with the head.
  const std::string pooler = absl::StrCat(scopes.pooler, ".");
  if (!scopes.pooler.empty() &&
      absl::c_any_of(model.initialised, [&](const std::string& name) {
        return absl::StartsWith(name, pooler);
      }))
    recipe.head =
        BeginningWith(absl::StrCat("(", scopes.head, "|", scopes.pooler, ")"));
  recipe.embeddings = BeginningWith(scopes.embeddings);
  recipe.decayed = scopes.decayed;
  recipe.not_decayed = scopes.not_decayed;
}

}  // namespace

bool IsModule(const std::string& input) {
  return absl::EndsWith(input, ".mlir");
}

absl::StatusOr<CompilerInput> ReadInput(mlir::MLIRContext& context,
                                        const FamilyRegistry& families,
                                        const CompileOptions& options) {
  if (IsModule(options.input)) return ParseModule(context, families, options);
  if (!options.checkpoint.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options.input,
                     ": expects a module *.mlir where --checkpoint is given"));
  CompilerInput input;
  input.directory = options.input;
  ImportOptions import = options.import;
  ImportedModel teacher;
  if (!options.teacher.empty()) {
    GRAFT_ASSIGN_OR_RETURN(teacher,
                           ImportTeacher(context, families, options, import));
    GRAFT_RETURN_IF_ERROR(CompareTokenizers(options.input, options.teacher));
  }
  GRAFT_ASSIGN_OR_RETURN(
      input.model, importHuggingFace(&context, families, FileSystem::Posix(),
                                     options.input, import));
  if (!teacher.module) return input;
  // Sizes are the same in both.
  ModelOp model = *teacher.module->getOps<ModelOp>().begin();
  model->remove();
  input.model.module->push_back(model);
  return input;
}

namespace {

// Sets the parameters that the user gave values of.
absl::Status SetParameters(mlir::ModuleOp module,
                           const CompileOptions& options) {
  for (const std::string& setting : options.settings) {
    const auto [name, value] = llvm::StringRef(setting).split('=');
    if (name.empty() || name.size() == setting.size())
      return UsageError(
          absl::StrCat("--set: expects NAME=VALUE, got ", setting));
    if (mlir::failed(FindStrategy(module).setParameter(name, value)))
      return UsageError(
          absl::StrCat("--set ", setting, ": see the message above"));
  }
  if (options.settings.empty() || mlir::succeeded(mlir::verify(module)))
    return absl::OkStatus();
  return UsageError(
      "--set: expects values with which the strategy is valid; "
      "see the messages above");
}

}  // namespace

absl::Status AddStrategy(CompilerInput& input, const CompileOptions& options) {
  mlir::ModuleOp module = *input.model.module;
  if (FindStrategy(module)) {
    if (options.recipe_options.empty()) return SetParameters(module, options);
    return UsageError(absl::StrCat(options.recipe_options.front(),
                                   ": expects a model without a strategy, got ",
                                   options.input, ", which has one"));
  }
  if (CountLabels(module) == 0)
    return absl::InvalidArgumentError(absl::StrCat(
        options.input,
        ": expects a classifier to train, got none; ask for one with --labels, "
        "--classes or --regression"));
  const int64_t layers = input.model.description->facts().layers;
  if (options.recipe.freeze_layers > layers)
    return absl::InvalidArgumentError(absl::StrCat(
        "--freeze-layers: expects at most ", layers,
        ", the model's layers, got ", options.recipe.freeze_layers));
  FineTuneRecipe recipe = options.recipe;
  recipe.model = options.import.name;
  if (!options.teacher.empty()) recipe.teacher = kTeacher;
  SetPatterns(input.model, recipe);
  if (mlir::failed(addFineTuning(module, recipe)))
    return absl::InvalidArgumentError(absl::StrCat(
        options.input,
        ": cannot be trained as asked for; see the messages above"));
  return SetParameters(module, options);
}

absl::Status WriteText(const std::string& text, const CompileOptions& options) {
  if (options.output != "-")
    return WriteFile(FileSystem::Posix(), options.output, text);
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0)
    return absl::OkStatus();
  return FileError(errno, "standard output", "write");
}

absl::Status WriteModule(mlir::ModuleOp module, const CompileOptions& options) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  printModel(module, stream);
  return WriteText(text, options);
}

}  // namespace graft
