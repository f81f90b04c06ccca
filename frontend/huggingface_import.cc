// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/huggingface_import.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dialects/graft/graft_ops.h"
#include "mlir/IR/Verifier.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

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
    GRAFT_RETURN_IF_ERROR(readNames());
    GRAFT_RETURN_IF_ERROR(chooseHead());
    GRAFT_RETURN_IF_ERROR(chooseLayers());
    GRAFT_RETURN_IF_ERROR(checkDropout());
    GRAFT_RETURN_IF_ERROR(build());
    GRAFT_RETURN_IF_ERROR(bindParameters());
    for (const TensorView& tensor : file_->tensors()) {
      if (!used_.contains(tensor.name)) result_.skipped.push_back(tensor.name);
    }
    std::sort(result_.skipped.begin(), result_.skipped.end());
    if (failed(verify(*result_.module))) {
      return absl::InternalError(
          absl::StrCat(directory_, ": the imported model does not verify"));
    }
    return std::move(result_);
  }

 private:
  std::string configPath() const { return JoinPath(directory_, "config.json"); }

  ModelDescription& description() { return *result_.description; }
  const ModelScopes& scopes() const {
    return result_.description->facts().scopes;
  }

  absl::Status checkDropout() const {
    if (!options_.dropout.has_value() ||
        (*options_.dropout >= 0 && *options_.dropout < 1))
      return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "dropout expects a rate in [0, 1), got ", *options_.dropout));
  }

  absl::Status readFiles() {
    if (!files_.IsDirectory(directory_)) {
      return absl::NotFoundError(
          absl::StrCat(directory_, ": expects a checkpoint directory, got ",
                       files_.Exists(directory_) ? "a file" : "nothing"));
    }
    GRAFT_ASSIGN_OR_RETURN(const ModelConfig config,
                           ModelConfig::Read(files_, configPath()));
    GRAFT_ASSIGN_OR_RETURN(result_.description, families_.read(config));
    result_.weights = JoinPath(directory_, "model.safetensors");
    if (!files_.Exists(result_.weights)) return missingWeights();
    GRAFT_ASSIGN_OR_RETURN(file_,
                           SafetensorsFile::Open(files_, result_.weights));
    for (const char* name : {"tokenizer.json", "vocab.txt"}) {
      std::string path = JoinPath(directory_, name);
      if (!files_.Exists(path)) continue;
      result_.tokenizer = path;
      return absl::OkStatus();
    }
    return absl::NotFoundError(absl::StrCat(
        directory_, ": expects tokenizer.json or vocab.txt, got neither"));
  }

  absl::Status missingWeights() const {
    std::string found = "none";
    for (const char* name :
         {"model.safetensors.index.json", "pytorch_model.bin", "tf_model.h5",
          "flax_model.msgpack"}) {
      if (files_.Exists(JoinPath(directory_, name))) found = name;
    }
    return absl::NotFoundError(absl::StrCat(
        result_.weights, ": expects the weights in this one file, got ", found,
        found == "none" ? ""
                        : "; Transformers converts with "
                          "from_pretrained(...).save_pretrained(..., "
                          "max_shard_size=\"1TB\")"));
  }

  absl::Status readNames() {
    auto names = description().tensorNames(
        [&](StringRef name) { return file_->Find(view(name)) != nullptr; });
    if (!names.ok()) {
      return absl::Status(
          names.status().code(),
          absl::StrCat(file_->path(), ": ", names.status().message()));
    }
    names_ = *std::move(names);
    return absl::OkStatus();
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
    const std::string weight = names_(absl::StrCat(scopes().head, ".weight"));
    const TensorView* head =
        description().facts().has_sequence_head ? file_->Find(weight) : nullptr;
    labels_ = options_.labels;
    newHead_ = labels_ > 0 && (head == nullptr || options_.new_head);
    if (options_.new_head && labels_ == 0) {
      return absl::InvalidArgumentError(
          "a new head expects a number of labels, got 0");
    }
    if (head != nullptr && !newHead_) {
      int64_t found = head->shape.size() == 2 ? head->shape[0] : 0;
      if (labels_ == 0) labels_ = found;
      if (labels_ != found || found == 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            file_->path(), ": ", weight, " expects ", labels_, " labels, got ",
            DescribeTensorType(head->dtype, head->shape),
            "; ask for a new head to replace it"));
      }
    }
    return chooseLabelNames(weight);
  }

  // Leaves one name per label, as Transformers needs it to count them.
  absl::Status chooseLabelNames(const std::string& weight) {
    std::vector<std::string> names = description().labels();
    std::string problemType = description().problemType();
    const size_t labels = static_cast<size_t>(labels_);
    if (!options_.label_names.empty()) {
      if (options_.label_names.size() != labels) {
        return absl::InvalidArgumentError(
            absl::StrCat("label names expect ", labels_, " names, got ",
                         options_.label_names.size()));
      }
      names = options_.label_names;
    } else if (newHead_) {
      // The file's names belong to the head that is not used.
      names.clear();
    } else if (labels_ > 0 && !names.empty() && names.size() != labels) {
      return absl::InvalidArgumentError(
          absl::StrCat(configPath(), ": id2label expects ", labels_,
                       " names as ", weight, " has rows, got ", names.size()));
    }
    for (size_t i = names.size(); i < labels; ++i)
      names.push_back(absl::StrCat("LABEL_", i));
    const std::string fitting =
        labels_ == 1 ? "regression" : "single_label_classification";
    if (newHead_) problemType = fitting;
    // Otherwise its loss and probabilities would not be those it was made for.
    if (labels_ > 0 && !problemType.empty() && problemType != fitting) {
      return absl::UnimplementedError(absl::StrCat(
          configPath(), ": problem_type expects ", fitting, " with ", labels_,
          labels_ == 1 ? " label" : " labels", ", got ", problemType));
    }
    description().setHead(std::move(names), problemType);
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
      const std::string scope =
          names_(absl::StrCat(view(layers.getSymName()), ".", i, "."));
      for (const TensorView& tensor : file_->tensors())
        if (absl::StartsWith(tensor.name, scope)) used_.insert(tensor.name);
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
    auto layers = dyn_cast<LayersOp>(parameter->getParentOp());
    const std::string full =
        layers ? absl::StrCat(view(layers.getSymName()), ".*.", name) : name;
    const std::string source = names_(full);
    if (source != full)
      parameter.setSourceAttr(StringAttr::get(context_, source));
    // A pooler that is made up in silence costs accuracy.
    if (pooler && labels_ > 0 && !hasPooler()) {
      return absl::NotFoundError(absl::StrCat(
          file_->path(), ": expects a tensor ", source,
          " below the classifier, got none; ask for a new pooler or none"));
    }
    const uint64_t count = layers ? layers.getCount() : 1;
    for (uint64_t i = 0; i < count; ++i) {
      GRAFT_RETURN_IF_ERROR(check(
          absl::StrReplaceAll(
              source, {{"*", absl::StrCat(layers ? layers.getOrigin(i) : i)}}),
          parameter.getType().getShape()));
    }
    return absl::OkStatus();
  }

  // Whether the file has anything of the pooler.
  bool hasPooler() const {
    const std::string scope = names_(absl::StrCat(scopes().pooler, "."));
    return absl::c_any_of(file_->tensors(), [&](const TensorView& tensor) {
      return absl::StartsWith(tensor.name, scope);
    });
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

  absl::Status check(const std::string& name, ArrayRef<int64_t> shape) {
    GRAFT_ASSIGN_OR_RETURN(
        const TensorView* tensor,
        file_->Get(name, absl::MakeConstSpan(shape.data(), shape.size())));
    switch (tensor->dtype) {
      case DType::kF32:
      case DType::kF16:
      case DType::kBF16:
      case DType::kF64:
        used_.insert(name);
        return absl::OkStatus();
      default:
        return absl::InvalidArgumentError(absl::StrCat(
            file_->path(), ": ", name, " expects F32, F16, BF16 or F64, got ",
            DescribeTensorType(tensor->dtype, tensor->shape)));
    }
  }

  MLIRContext* context_;
  const FamilyRegistry& families_;
  FileSystem& files_;
  const std::string directory_;
  const ImportOptions& options_;
  std::unique_ptr<SafetensorsFile> file_;
  TensorNames names_;
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
