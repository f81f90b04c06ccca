// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/compile.h"

#include <map>

#include "absl/algorithm/container.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dialects/graft/graft_ops.h"
#include "frontend/checkpoint.h"
#include "frontend/model_family.h"
#include "frontend/parameter_values.h"
#include "llvm/ADT/STLExtras.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "models/registry.h"
#include "passes/export/export_artifact.h"
#include "passes/lower/target.h"
#include "passes/pipelines.h"
#include "passes/plugin.h"
#include "passes/registration.h"
#include "runtime/artifact/data_settings.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "tools/graft-compile/emit.h"
#include "tools/graft-compile/input.h"

namespace graft {
namespace {

// The targets that `names` name. `all` are those that "all" stands for.
absl::StatusOr<std::vector<const Target*>> ChooseTargets(
    const std::vector<std::string>& names, llvm::ArrayRef<const Target*> all) {
  if (names.size() == 1 && names[0] == "host")
    return std::vector<const Target*>{&getHostTarget()};
  if (names.size() == 1 && names[0] == "all") return all.vec();
  std::vector<const Target*> targets;
  for (const std::string& name : names) {
    if (name == "host" || name == "all")
      return UsageError(absl::StrCat("--targets: expects ", name,
                                     " alone, got ",
                                     absl::StrJoin(names, ",")));
    const Target* target = lookupTarget(name);
    if (!target) {
      std::vector<std::string> known;
      for (const Target* other : getTargets())
        known.push_back(other->getName());
      return UsageError(
          absl::StrCat("--targets: expects host, all, or a list of ",
                       absl::StrJoin(known, ", "), ", got ",
                       name.empty() ? "an empty name" : Shorten(name),
                       DidYouMean(name, known)));
    }
    if (llvm::is_contained(targets, target))
      return UsageError(absl::StrCat(
          "--targets: expects each target once, got ", name, " twice"));
    targets.push_back(target);
  }
  return targets;
}

absl::Status StageFailed(llvm::StringRef stage) {
  return absl::InternalError(
      absl::StrCat("stage ", stage.str(), " failed; see the messages above"));
}

// Loads the plug-ins and returns their names.
absl::StatusOr<std::vector<std::string>> LoadPlugins(
    const std::vector<std::string>& paths, mlir::DialectRegistry& registry,
    FamilyRegistry& families) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    llvm::Expected<const Plugin*> plugin = loadPlugin(path, registry);
    if (!plugin)
      return absl::InvalidArgumentError(
          absl::StrCat("--plugin: ", llvm::toString(plugin.takeError())));
    if ((*plugin)->registerFamilies) (*plugin)->registerFamilies(families);
    names.push_back((*plugin)->name);
  }
  return names;
}

// Parses --graph-passes, of passes of Graft, its plug-ins and MLIR's general
// ones.
absl::StatusOr<mlir::OpPassManager> ParseGraphPasses(
    const std::string& pipeline) {
  static const bool registered = [] {
    registerAllPasses();
    mlir::registerTransformsPasses();
    return true;
  }();
  (void)registered;
  std::string message;
  llvm::raw_string_ostream stream(message);
  mlir::FailureOr<mlir::OpPassManager> passes =
      mlir::parsePassPipeline(pipeline, stream);
  if (mlir::failed(passes)) {
    // The first line of "MLIR Textual PassPipeline Parser:1:1: error: ...".
    const llvm::StringRef error =
        llvm::StringRef(message).split('\n').first.split("error: ").second;
    return UsageError(
        absl::StrCat("--graph-passes: expects builtin.module(...), got ",
                     Shorten(pipeline), ": ", error.str()));
  }
  if (passes->getOpAnchorName() != mlir::ModuleOp::getOperationName())
    return UsageError(
        absl::StrCat("--graph-passes: expects builtin.module(...), got ",
                     Shorten(pipeline)));
  return *std::move(passes);
}

// Runs the first stages, which all targets share.
absl::Status BuildGraph(const CompileOptions& options, mlir::ModuleOp module,
                        StageRunner& runner) {
  if (mlir::failed(runner.dump(module, "import"))) return StageFailed("import");
  if (mlir::failed(runner.run(module, "transfer", buildTransferStage)))
    return StageFailed("transfer");
  if (!options.graph_passes.empty()) {
    GRAFT_ASSIGN_OR_RETURN(mlir::OpPassManager passes,
                           ParseGraphPasses(options.graph_passes));
    if (mlir::failed(runner.run(
            module, "graph",
            [&](mlir::OpPassManager& manager) { manager = passes; })))
      return StageFailed("graph");
  }
  if (options.precision == "fp16" &&
      mlir::failed(runner.run(module, "loss_scale", buildLossScaleStage)))
    return StageFailed("loss_scale");
  if (mlir::failed(runner.run(module, "autodiff", buildAutodiffStage)))
    return StageFailed("autodiff");
  if (options.precision != "fp32" &&
      mlir::failed(
          runner.run(module, "precision", [&](mlir::OpPassManager& manager) {
            buildPrecisionStage(manager,
                                options.precision == "fp16" ? "f16" : "bf16");
          })))
    return StageFailed("precision");
  if (mlir::failed(runner.run(module, "fuse", buildFuseStage)))
    return StageFailed("fuse");
  return absl::OkStatus();
}

// The program for one target, with its code.
struct Compiled {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const Target* target;
  KernelCode code;
};

absl::StatusOr<Compiled> CompileTarget(mlir::ModuleOp graph,
                                       const Target& target,
                                       const CompileOptions& options,
                                       StageRunner& runner) {
  Compiled result{graph.clone(), &target, {}};
  const std::string lower = "lower_" + target.getName();
  // The kernels of all layers, before equal ones are merged, take about as long
  // to verify as to make.
  if (mlir::failed(runner.run(
          *result.module, lower,
          [&](mlir::OpPassManager& manager) {
            buildLowerStage(manager, target);
          },
          Verification::kStage)))
    return StageFailed(lower);
  const std::string plan = "plan_" + target.getName();
  if (mlir::failed(
          runner.run(*result.module, plan, [&](mlir::OpPassManager& manager) {
            buildPlanStage(manager, static_cast<int64_t>(options.memory_budget),
                           options.memory_choices);
          })))
    return StageFailed(plan);
  auto kernels = *result.module->getOps<exec::KernelsOp>().begin();
  mlir::FailureOr<KernelCode> code = target.compile(kernels, options.cache);
  if (mlir::failed(code)) return StageFailed("native_" + target.getName());
  result.code = *std::move(code);
  return result;
}

// The opened checkpoints of the models that have one, by their symbols.
using Checkpoints = std::map<std::string, Checkpoint>;

absl::StatusOr<Checkpoints> OpenCheckpoints(const FamilyRegistry& families,
                                            const CompilerInput& input) {
  Checkpoints checkpoints;
  for (const InputModel& model : input.models) {
    if (model.role.complete) continue;
    GRAFT_ASSIGN_OR_RETURN(checkpoints[model.role.symbol],
                           openCheckpoint(families, FileSystem::Posix(),
                                          model.directory, model.adapters));
  }
  return checkpoints;
}

// Passes the first values of `parameter` to `sink`. Values that the files store
// as the artifact does, which most do, are passed on without a copy; others by
// `buffer`, which grows to the longest parameter. `checkpoint` is null for a
// model without one.
absl::Status PassValues(ParameterOp parameter, const Checkpoint* checkpoint,
                        std::vector<float>& buffer, WeightSink sink) {
  const CheckpointWeights* weights =
      checkpoint ? checkpoint->weights.get() : nullptr;
  const TensorNames* names = checkpoint ? checkpoint->names.get() : nullptr;
  GRAFT_ASSIGN_OR_RETURN(const TensorView* stored,
                         findParameter(parameter, weights, names));
  if (stored && stored->dtype == DType::kF32) return sink(stored->data);
  const auto count = static_cast<size_t>(parameter.getType().getNumElements());
  if (buffer.size() < count) buffer.resize(count);
  const absl::Span<float> values = absl::MakeSpan(buffer).first(count);
  // Parameters that the checkpoint lacks are drawn again, by the seed of the
  // run, when training begins.
  GRAFT_RETURN_IF_ERROR(
      loadParameter(parameter, weights, names, /*seed=*/0, values));
  return sink(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(values.data()), count * sizeof(float)));
}

// Values of every parameter, in the order of the spec's slots.
absl::Status WriteWithValues(const CompileOptions& options,
                             mlir::ModuleOp module,
                             const Checkpoints& checkpoints,
                             const ArtifactSpec& spec) {
  std::map<std::pair<std::string, std::string>, ParameterOp> parameters;
  for (ModelOp model : module.getOps<ModelOp>())
    for (ParameterOp parameter : model.getOps<ParameterOp>())
      parameters[{model.getSymName().str(), parameter.getSymName().str()}] =
          parameter;
  std::vector<float> buffer;
  const std::string path =
      options.output == "-" ? "/dev/stdout" : options.output;
  return WriteArtifact(
      FileSystem::Posix(), path, spec, [&](size_t slot, WeightSink sink) {
        const SlotSpec& parameter = spec.slots[slot];
        const auto checkpoint = checkpoints.find(parameter.model);
        return PassValues(
            parameters.at({parameter.model, parameter.name}),
            checkpoint == checkpoints.end() ? nullptr : &checkpoint->second,
            buffer, sink);
      });
}

// What the checkpoints of trained models, and of the one that reads the texts,
// lack, and what of them has no use.
CompileReport Report(const CompilerInput& input) {
  CompileReport report;
  const auto isShown = [&](const InputModel& model) {
    return model.role.trained || &model == &input.Predicted();
  };
  // What tracks a model begins with its values.
  const auto begins = [&](const InputModel& model) {
    return isShown(model) && model.role.tracked.empty() &&
           !model.initialised.empty();
  };
  // Two heads have the same names.
  const bool several =
      absl::c_count_if(input.models, [&](const InputModel& model) {
        return begins(model) && !model.role.complete;
      }) > 1;
  for (const InputModel& model : input.models) {
    if (!isShown(model)) continue;
    if (begins(model))
      for (const std::string& name : model.initialised)
        report.initialised.push_back(
            several && !model.role.complete
                ? absl::StrCat(model.role.symbol, ".", name)
                : name);
    llvm::append_range(report.skipped, model.skipped);
  }
  return report;
}

// Refuses options that the input has no use for.
absl::Status CheckOptions(const CompileOptions& options) {
  const bool strategy = IsStrategy(options.input);
  if (!strategy && !options.models.empty())
    return UsageError(absl::StrCat(
        "--model: expects a strategy *.mlir as input, got the directory ",
        options.input));
  if (strategy && options.emit == Emit::kModel)
    return UsageError(absl::StrCat(
        "--emit: expects a checkpoint directory as input, got the strategy ",
        options.input));
  const std::vector<NamedAdapters>& several = options.import.adapters.several;
  if (!several.empty() &&
      (options.emit == Emit::kFacts || options.emit == Emit::kSettings))
    return UsageError(absl::StrCat(
        "--adapter ", several.front().name,
        "=: expects an artifact, a model or a strategy to emit, got facts or "
        "settings, which are for training"));
  if (options.emit == Emit::kModel && !options.strategy_options.empty())
    return UsageError(
        absl::StrCat(options.strategy_options.front(),
                     ": expects a strategy to emit, got --emit=model"));
  return absl::OkStatus();
}

// What the logits of a prediction say. A regression has no names.
HeadSpec DescribeHead(const std::vector<std::string>& labels,
                      const InputPrediction& prediction) {
  const bool number = labels.size() < 2;
  return {prediction.output,
          number            ? "regression"
          : prediction.sets ? "multi_label"
                            : "classification",
          number ? std::vector<std::string>() : labels, prediction.entry};
}

// Columns of the logits of a prediction.
int64_t CountColumns(const ArtifactSpec& spec,
                     const InputPrediction& prediction) {
  for (const EntrySpec& candidate : spec.entries)
    for (const ValueSpec& value : candidate.outputs)
      if (candidate.name == prediction.entry && value.name == prediction.output)
        return value.dims.back().extent;
  return 0;
}

std::string WrongColumns(const CompileOptions& options, int64_t columns) {
  return absl::StrCat(options.input, ": expects a transfer.predict of ",
                      options.import.labels, " columns, one per label, got ",
                      columns);
}

// The labels of a prediction: those of its stream's option, of the head that
// the model was imported with, or, for logits that the strategy makes itself,
// those of the model that reads the texts, as many as there are columns.
// INVALID_ARGUMENT unless there are as many as the user asks for.
absl::StatusOr<std::vector<std::string>> FitLabels(
    const CompileOptions& options, const ArtifactSpec& spec,
    const CompilerInput& input, const InputPrediction& prediction) {
  const InputModel& model = input.models[prediction.model];
  if (model.adapter_set)
    for (const AdapterHead& head : model.adapter_set->heads)
      if (absl::StrCat("logits.", head.name) == prediction.output)
        return head.labels;
  const int64_t columns = CountColumns(spec, prediction);
  std::vector<std::string> names = model.description
                                       ? model.description->labels()
                                       : options.import.label_names;
  const int64_t asked = options.import.labels;
  if (!model.description && !prediction.labels) {
    if (asked > 0 && asked != columns)
      return absl::InvalidArgumentError(WrongColumns(options, columns));
    names.resize(columns);
    for (int64_t i = 0; i < columns; ++i)
      if (names[i].empty()) names[i] = absl::StrCat("LABEL_", i);
  } else if (const StreamLabels* given = prediction.labels) {
    names = given->names;
    for (int64_t i = static_cast<int64_t>(names.size()); i < columns; ++i)
      names.push_back(absl::StrCat("LABEL_", i));
  } else if (model.role.headless) {
    if (asked > 0 && asked != columns)
      return absl::InvalidArgumentError(WrongColumns(options, columns));
    names = headLabels(*model.description, columns);
  } else if (input.predictions.size() > 1) {
    names = headLabels(*model.description, columns);
  }
  return names;
}

// Adds the heads; config.json has the labels of the first.
absl::Status AddHeads(const CompileOptions& options, const CompilerInput& input,
                      ArtifactSpec& spec) {
  std::vector<std::vector<std::string>> labels;  // of each prediction
  for (const InputPrediction& prediction : input.predictions) {
    GRAFT_ASSIGN_OR_RETURN(labels.emplace_back(),
                           FitLabels(options, spec, input, prediction));
    spec.heads.push_back(DescribeHead(labels.back(), prediction));
  }
  const InputModel& model = input.Predicted();
  const bool sets = input.predictions.front().sets;
  if (!model.description || !(model.role.headless || sets))
    return absl::OkStatus();
  const char* type =
      ModelDescription::problemTypeOf(labels.front().size(), sets);
  model.description->setHead(std::move(labels.front()), type);
  return absl::OkStatus();
}

constexpr char kUsage[] = "graft/usage";

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsage, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsage).has_value();
}

absl::StatusOr<CompileReport> Compile(const CompileOptions& options) {
  GRAFT_RETURN_IF_ERROR(CheckOptions(options));
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  const llvm::SmallVector<const Target*> builtin = getTargets();
  FamilyRegistry families;
  registerAllFamilies(families);
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> plugins,
                         LoadPlugins(options.plugins, registry, families));
  GRAFT_ASSIGN_OR_RETURN(std::vector<const Target*> targets,
                         ChooseTargets(options.targets, builtin));
  if (!options.graph_passes.empty())
    GRAFT_RETURN_IF_ERROR(ParseGraphPasses(options.graph_passes).status());
  mlir::MLIRContext context(registry);
  // Messages of users point to a line; ops are for developers, in graft-opt.
  context.printOpOnDiagnostic(false);
  if (options.emit == Emit::kFacts && !IsStrategy(options.input)) {
    GRAFT_RETURN_IF_ERROR(WriteFacts(context, families, options));
    return CompileReport{};
  }
  if (options.emit == Emit::kPage) {
    GRAFT_RETURN_IF_ERROR(WritePage(context, options));
    return CompileReport{};
  }
  if (options.emit == Emit::kSettings || options.emit == Emit::kFacts) {
    GRAFT_RETURN_IF_ERROR(options.emit == Emit::kFacts
                              ? WriteStrategyFacts(context, families, options)
                              : WriteSettings(context, options));
    return CompileReport{};
  }
  GRAFT_ASSIGN_OR_RETURN(const CompilerInput input,
                         ReadInput(context, families, options));
  mlir::ModuleOp module = *input.module;
  // A model alone has no strategy.
  const absl::Status unread =
      input.text ? input.text->unread : absl::OkStatus();
  if (options.emit != Emit::kArtifact) {
    GRAFT_RETURN_IF_ERROR(unread);
    GRAFT_RETURN_IF_ERROR(WriteModule(module, options));
    return Report(input);
  }

  // Open from here on, whatever becomes of the directories.
  GRAFT_ASSIGN_OR_RETURN(const Checkpoints checkpoints,
                         OpenCheckpoints(families, input));
  StageRunner runner(options.dump_stages);
  GRAFT_RETURN_IF_ERROR(BuildGraph(options, module, runner));
  GRAFT_RETURN_IF_ERROR(unread);

  std::vector<Compiled> compiled;
  std::vector<ExportTarget> exported;
  for (const Target* target : targets) {
    GRAFT_ASSIGN_OR_RETURN(Compiled one,
                           CompileTarget(module, *target, options, runner));
    compiled.push_back(std::move(one));
  }
  for (Compiled& one : compiled)
    exported.push_back({*one.module,
                        one.target->getDeviceKind().str(),
                        one.target->getCodeKind().str(),
                        one.target->getLevel().str(),
                        one.target->getTriple().str(),
                        one.code.bytes,
                        {one.code.symbols.begin(), one.code.symbols.end()}});

  GRAFT_ASSIGN_OR_RETURN(ArtifactSpec spec, makeArtifactSpec(exported));
  const InputModel& model = input.Predicted();
  GRAFT_RETURN_IF_ERROR(AddHeads(options, input, spec));
  std::string tokenizer_data;
  if (input.tokenizer)
    spec.tokenizer = input.tokenizer->ToArtifact(tokenizer_data);
  if (model.description) {
    spec.config = model.description->config().Text();
    GRAFT_ASSIGN_OR_RETURN(
        spec.data,
        ReadDataSettings(model.description->ModelDescription::config()));
  }
  // No path: an artifact does not depend on where it was made.
  spec.provenance = {{"compiler", absl::StrCat("graft ", GRAFT_VERSION)}};
  if (!plugins.empty())
    spec.provenance.emplace_back("plugins", absl::StrJoin(plugins, ", "));
  std::vector<std::string> initialised;
  if (model.role.tracked.empty() && !model.role.complete)
    initialised = model.initialised;
  for (const InputModel& other : input.models) {
    if (other.role.complete) llvm::append_range(initialised, other.initialised);
    if (&other == &model || other.role.complete || !other.role.trained ||
        !other.role.tracked.empty())
      continue;
    for (const std::string& name : other.initialised)
      initialised.push_back(absl::StrCat(other.role.symbol, ".", name));
  }
  if (!initialised.empty())
    spec.provenance.emplace_back("initialised",
                                 absl::StrJoin(initialised, ", "));
  // Transformers would give such a head a pooler of random numbers.
  if (options.import.pooler == PoolerSource::kNone)
    spec.provenance.emplace_back("pooler", "none");
  if (options.precision != "fp32")
    spec.provenance.emplace_back("precision", options.precision);
  if (!options.graph_passes.empty())
    spec.provenance.emplace_back("passes", options.graph_passes);
  GRAFT_RETURN_IF_ERROR(WriteWithValues(options, module, checkpoints, spec));
  return Report(input);
}

}  // namespace graft
