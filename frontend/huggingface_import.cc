// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/huggingface_import.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dialects/graft/graft_ops.h"
#include "frontend/adapter_set.h"
#include "frontend/checkpoint.h"
#include "mlir/IR/Verifier.h"
#include "runtime/base/status_macros.h"

using namespace mlir;

namespace graft {
namespace {

absl::string_view view(StringRef text) { return {text.data(), text.size()}; }

// Whether a name begins with `scope` and a dot; none lies in an empty scope.
bool isIn(absl::string_view name, const std::string& scope) {
  return !scope.empty() && absl::StartsWith(name, absl::StrCat(scope, "."));
}

class Importer {
 public:
  Importer(MLIRContext* context, const FamilyRegistry& families,
           FileSystem& files, std::string directory,
           const ImportOptions& options)
      : context_(context),
        families_(families),
        files_(files),
        directory_(std::move(directory)),
        options_(options) {}

  absl::StatusOr<ImportedModel> run() {
    GRAFT_RETURN_IF_ERROR(readFiles());
    GRAFT_RETURN_IF_ERROR(chooseHead());
    GRAFT_RETURN_IF_ERROR(chooseLayers());
    GRAFT_RETURN_IF_ERROR(checkDropout());
    GRAFT_RETURN_IF_ERROR(build());
    GRAFT_RETURN_IF_ERROR(bindParameters());
    for (const TensorView* tensor : checkpoint_.weights->tensors()) {
      if (!used_.contains(tensor->name) &&
          !checkpoint_.beside.contains(tensor->name))
        result_.skipped.push_back(tensor->name);
    }
    std::sort(result_.skipped.begin(), result_.skipped.end());
    if (failed(verify(*result_.module))) {
      return absl::InternalError(
          absl::StrCat(directory_, ": the imported model does not verify"));
    }
    result_.description = std::move(checkpoint_.description);
    result_.adapters = std::move(checkpoint_.adapters);
    result_.adapter_set = std::move(checkpoint_.adapter_set);
    return std::move(result_);
  }

 private:
  std::string configPath() const { return JoinPath(directory_, "config.json"); }

  ModelDescription& description() { return *checkpoint_.description; }
  const ModelScopes& scopes() const {
    return checkpoint_.description->facts().scopes;
  }

  absl::Status checkDropout() const {
    if (!options_.dropout.has_value() ||
        (*options_.dropout >= 0 && *options_.dropout < 1))
      return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "dropout expects a rate in [0, 1), got ", *options_.dropout));
  }

  absl::Status readFiles() {
    GRAFT_ASSIGN_OR_RETURN(
        checkpoint_,
        openCheckpoint(families_, files_, directory_, options_.adapters));
    result_.weights = checkpoint_.weights->path();
    for (const char* name : {"tokenizer.json", "vocab.txt"}) {
      std::string path = JoinPath(directory_, name);
      if (!files_.Exists(path)) continue;
      result_.tokenizer = path;
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat(
        directory_, ": expects tokenizer.json or vocab.txt, got neither"));
  }

  // Settles labels_ and newHead_ from the options and the file.
  absl::Status chooseHead() {
    if (options_.labels < 0 || options_.labels > kMaxLabels) {
      return absl::InvalidArgumentError(
          absl::StrCat("labels expects a number in [0, ", kMaxLabels, "], got ",
                       options_.labels));
    }
    if (options_.pooler != PoolerSource::kCheckpoint &&
        scopes().pooler.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(configPath(),
                       ": a new pooler or none expects a model with a pooler, "
                       "got model_type \"",
                       description().config().model_type(), "\""));
    }
    labels_ = options_.labels;
    newHead_ = labels_ > 0 && options_.new_head;
    if (options_.new_head && labels_ == 0) {
      return absl::InvalidArgumentError(
          "a new head expects a number of labels, got 0");
    }
    if (!newHead_ && options_.head) GRAFT_RETURN_IF_ERROR(chooseOldHead());
    return chooseLabelNames();
  }

  // Takes the checkpoint's head if it has one.
  absl::Status chooseOldHead() {
    const std::string weight = absl::StrCat(scopes().head, ".weight");
    if (!description().facts().has_sequence_head) {
      newHead_ = labels_ > 0;
      return absl::OkStatus();
    }
    GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> name,
                           checkpoint_.names->find(weight));
    newHead_ = labels_ > 0 && !name;
    if (!name) return absl::OkStatus();
    const TensorView& head = *checkpoint_.weights->Find(*name);
    const int64_t found = head.shape.size() == 2 ? head.shape[0] : 0;
    if (labels_ == 0) labels_ = found;
    if (labels_ == found && found != 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        checkpoint_.weights->PathOf(*name), ": ", *name, " expects ", labels_,
        " labels, got ", DescribeTensorType(head.dtype, head.shape),
        "; --new-head replaces it"));
  }

  // Leaves one name per label, as Transformers needs it to count them.
  absl::Status chooseLabelNames() {
    const size_t labels = static_cast<size_t>(labels_);
    const char* fitting =
        ModelDescription::problemTypeOf(labels, options_.sets);
    std::vector<std::string> names = options_.label_names;
    if (!names.empty() && names.size() != labels) {
      return absl::InvalidArgumentError(absl::StrCat(
          "label names expect ", labels_, " names, got ", names.size()));
    }
    if (!newHead_) {
      GRAFT_RETURN_IF_ERROR(checkHeadLabels(checkpoint_, labels_));
      GRAFT_RETURN_IF_ERROR(checkProblemType(checkpoint_, labels_, fitting));
      if (labels > 1 && !names.empty())
        GRAFT_RETURN_IF_ERROR(checkKeptLabels(checkpoint_, names));
      // Labels without a head are kept as they are read.
      if (names.empty() && labels > 0)
        names = headLabels(description(), labels_);
      else if (names.empty())
        names = description().labels();
    }
    // The file's names belong to the head that is not used.
    for (size_t i = names.size(); i < labels; ++i)
      names.push_back(absl::StrCat("LABEL_", i));
    description().setHead(std::move(names),
                          newHead_ ? fitting : description().problemType());
    return absl::OkStatus();
  }

  // Checks the chosen layers; the description then counts them.
  absl::Status chooseLayers() {
    fileLayers_ = description().facts().layers;
    std::set<int64_t> chosen;
    for (int64_t layer : options_.layers) {
      if (layer < 0 || layer >= fileLayers_) {
        return absl::InvalidArgumentError(
            absl::StrCat(directory_, ": layers expect numbers in [0, ",
                         fileLayers_, "), got ", layer));
      }
      if (!chosen.insert(layer).second) {
        return absl::InvalidArgumentError(
            absl::StrCat(directory_, ": layers expect each number once, got ",
                         layer, " twice"));
      }
    }
    if (!chosen.empty())
      description().facts().layers = static_cast<int64_t>(chosen.size());
    return absl::OkStatus();
  }

  absl::Status build() {
    BuildOptions build;
    build.name = options_.name;
    build.weights = result_.weights;
    build.labels = labels_;
    build.pooler = options_.pooler != PoolerSource::kNone;
    build.pooled = options_.pooled;
    build.taps = options_.taps;
    build.dropout = options_.dropout;
    build.token_capacity = options_.token_capacity;
    build.sequence_capacity = options_.sequence_capacity;
    auto module = description().build(context_, build);
    if (!module.ok()) {
      return absl::Status(
          module.status().code(),
          absl::StrCat(configPath(), ": ", module.status().message()));
    }
    result_.module = *std::move(module);
    if (checkpoint_.adapter_set)
      GRAFT_RETURN_IF_ERROR(
          chooseAdapters(*result_.module->getOps<ModelOp>().begin(),
                         *checkpoint_.adapter_set, scopes().head));
    if (options_.layers.empty()) return absl::OkStatus();
    result_.module->walk([&](LayersOp layers) {
      layers.setOrigins(options_.layers);
      useOtherLayers(layers);
    });
    return absl::OkStatus();
  }

  // Tensors of the other layers are left out because the user says so, and not
  // `skipped`.
  void useOtherLayers(LayersOp layers) {
    for (int64_t i = 0; i < fileLayers_; ++i) {
      if (absl::c_linear_search(options_.layers, i)) continue;
      for (const std::string& name : checkpoint_.names->inScope(
               absl::StrCat(view(layers.getSymName()), ".", i)))
        used_.insert(name);
    }
  }

  absl::Status bindParameters() {
    absl::Status status;
    result_.module->walk([&](ParameterOp parameter) {
      status = bind(parameter);
      return status.ok() ? WalkResult::advance() : WalkResult::interrupt();
    });
    return status;
  }

  // Gives a parameter its name in the file or its initial values; for one of
  // graft.layers, checks the tensor of each layer.
  absl::Status bind(ParameterOp parameter) {
    const std::string name = parameter.getSymName().str();
    const bool head = isIn(name, scopes().head);
    const bool pooler = isIn(name, scopes().pooler);
    const bool fresh =
        (head && newHead_) || (pooler && options_.pooler == PoolerSource::kNew);
    if (fresh) return initialise(parameter);
    // A pooler that is made up in silence costs accuracy.
    if (pooler && !hasPooler(checkpoint_)) {
      return absl::NotFoundError(absl::StrCat(
          checkpoint_.weights->path(), ": expects a tensor ",
          checkpoint_.names->expected(name),
          labels_ > 0 ? " below the classifier" : " of the pooler, for @pooled",
          ", got none; --pooler new makes one, --pooler none leaves it out"));
    }
    auto layers = dyn_cast<LayersOp>(parameter->getParentOp());
    if (layers) return bindLayers(parameter, layers);
    GRAFT_ASSIGN_OR_RETURN(const std::string source,
                           take(name, parameter.getType().getShape()));
    if (source != name)
      parameter.setSourceAttr(StringAttr::get(context_, source));
    return absl::OkStatus();
  }

  // Notes one name for all layers, a `*` for their numbers. Where they differ
  // by more, none is noted, and reading finds each again.
  absl::Status bindLayers(ParameterOp parameter, LayersOp layers) {
    const std::string name = parameter.getSymName().str();
    const std::string scope = layers.getSymName().str();
    std::string pattern;
    bool alike = true;
    for (uint64_t i = 0; i < layers.getCount(); ++i) {
      const std::string layer = absl::StrCat(scope, ".", layers.getOrigin(i));
      GRAFT_ASSIGN_OR_RETURN(
          const std::string source,
          take(absl::StrCat(layer, ".", name), parameter.getType().getShape()));
      const std::string own = absl::StrReplaceAll(
          source, {{absl::StrCat(layer, "."), absl::StrCat(scope, ".*.")}});
      if (i == 0) pattern = own;
      alike &= own == pattern && absl::StrContains(own, '*');
    }
    if (alike && pattern != absl::StrCat(scope, ".*.", name))
      parameter.setSourceAttr(StringAttr::get(context_, pattern));
    return absl::OkStatus();
  }

  absl::Status initialise(ParameterOp parameter) {
    const bool matrix = parameter.getType().getRank() > 1;
    parameter.setInitial(StringRef(matrix ? "normal" : "zeros"));
    if (matrix) {
      parameter.setDeviationAttr(Builder(context_).getF32FloatAttr(
          static_cast<float>(description().facts().initial_deviation)));
    }
    result_.initialised.push_back(parameter.getSymName().str());
    return absl::OkStatus();
  }

  // Finds and checks the tensor of a parameter, and returns its name.
  absl::StatusOr<std::string> take(const std::string& parameter,
                                   ArrayRef<int64_t> shape) {
    const CheckpointWeights& weights = *checkpoint_.weights;
    GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                           checkpoint_.names->find(parameter));
    const std::string name =
        found ? *found : checkpoint_.names->expected(parameter);
    GRAFT_ASSIGN_OR_RETURN(
        const TensorView* tensor,
        weights.Get(name, absl::MakeConstSpan(shape.data(), shape.size())));
    if (!ConvertsToFloat(tensor->dtype))
      return absl::InvalidArgumentError(
          absl::StrCat(weights.PathOf(name), ": ", name,
                       " expects F32, F16, BF16 or F64, got ",
                       DescribeTensorType(tensor->dtype, tensor->shape)));
    used_.insert(name);
    if (options_.check_values) GRAFT_RETURN_IF_ERROR(weights.CheckFinite(name));
    return name;
  }

  MLIRContext* context_;
  const FamilyRegistry& families_;
  FileSystem& files_;
  const std::string directory_;
  const ImportOptions& options_;
  Checkpoint checkpoint_;
  int64_t labels_ = 0;
  bool newHead_ = false;
  int64_t fileLayers_ = 0;  // of the checkpoint
  std::set<std::string> used_;
  ImportedModel result_;
};

}  // namespace

absl::StatusOr<ImportedModel> importHuggingFace(MLIRContext* context,
                                                const FamilyRegistry& families,
                                                FileSystem& files,
                                                const std::string& directory,
                                                const ImportOptions& options) {
  return Importer(context, families, files, directory, options).run();
}

}  // namespace graft
