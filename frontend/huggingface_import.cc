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
#include "models/bert/bert_model.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

using namespace mlir;

namespace graft {
namespace {

constexpr absl::string_view kWordEmbeddings =
    "embeddings.word_embeddings.weight";
constexpr absl::string_view kClassifier = "classifier.weight";
constexpr absl::string_view kPooler = "pooler.dense.weight";

absl::string_view view(StringRef text) { return {text.data(), text.size()}; }

// How the file spells the names of a BertModel: with or without `bert.`, and
// with or without the names that TensorFlow gave to layer normalisation.
class TensorNames {
 public:
  static absl::StatusOr<TensorNames> detect(const SafetensorsFile& file) {
    TensorNames names;
    bool bare = file.Find(kWordEmbeddings) != nullptr;
    bool prefixed =
        file.Find(absl::StrCat("bert.", kWordEmbeddings)) != nullptr;
    if (bare && prefixed) {
      return absl::InvalidArgumentError(absl::StrCat(
          file.path(), ": expects tensor names with or without \"bert.\", got ",
          kWordEmbeddings, " both ways"));
    }
    names.prefix_ = prefixed ? "bert." : "";
    names.legacy_ =
        file.Find(absl::StrCat(names.prefix_, "embeddings.LayerNorm.gamma")) !=
        nullptr;
    return names;
  }

  // Name in the file of the parameter `name`; a `*` is kept.
  std::string inFile(absl::string_view name) const {
    if (absl::StartsWith(name, "classifier.")) return std::string(name);
    std::string result = absl::StrCat(prefix_, name);
    if (legacy_) {
      result =
          absl::StrReplaceAll(result, {{"LayerNorm.weight", "LayerNorm.gamma"},
                                       {"LayerNorm.bias", "LayerNorm.beta"}});
    }
    return result;
  }

 private:
  std::string prefix_;
  bool legacy_ = false;
};

// Whether the architecture's `classifier` is a head on whole sequences: those
// of token or multiple-choice models bear the same name.
bool hasSequenceHead(const BertConfig& config) {
  if (config.architectures.empty()) return true;
  return absl::c_linear_search(config.architectures,
                               "BertForSequenceClassification");
}

class Importer {
 public:
  Importer(MLIRContext* context, FileSystem& files, std::string directory,
           const ImportOptions& options)
      : context_(context),
        files_(files),
        directory_(std::move(directory)),
        options_(options) {}

  absl::StatusOr<ImportedModel> run() {
    GRAFT_RETURN_IF_ERROR(readFiles());
    GRAFT_ASSIGN_OR_RETURN(names_, TensorNames::detect(*file_));
    GRAFT_RETURN_IF_ERROR(chooseHead());
    GRAFT_RETURN_IF_ERROR(chooseLayers());
    BertModelOptions build;
    build.name = options_.name;
    build.weights = result_.weights;
    build.labels = labels_;
    build.pooler = options_.pooler != PoolerSource::kNone;
    build.token_bound = options_.token_bound;
    build.sequence_bound = options_.sequence_bound;
    GRAFT_ASSIGN_OR_RETURN(const BertConfig config, graphConfig());
    auto module = buildBertModel(context_, config, build);
    if (!module.ok()) {
      return absl::Status(
          module.status().code(),
          absl::StrCat(configPath(), ": ", module.status().message()));
    }
    result_.module = *std::move(module);
    if (!options_.layers.empty()) {
      result_.module->walk(
          [&](LayersOp layers) { layers.setOrigins(options_.layers); });
    }
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

  // The configuration with the rates that the graph gets.
  absl::StatusOr<BertConfig> graphConfig() const {
    BertConfig config = result_.config;
    if (!options_.dropout.has_value()) return config;
    if (!(*options_.dropout >= 0 && *options_.dropout < 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dropout expects a rate in [0, 1), got ", *options_.dropout));
    }
    config.hidden_dropout_prob = *options_.dropout;
    config.attention_probs_dropout_prob = *options_.dropout;
    config.classifier_dropout = *options_.dropout;
    return config;
  }

  absl::Status readFiles() {
    if (!files_.IsDirectory(directory_)) {
      return absl::NotFoundError(
          absl::StrCat(directory_, ": expects a checkpoint directory, got ",
                       files_.Exists(directory_) ? "a file" : "nothing"));
    }
    GRAFT_ASSIGN_OR_RETURN(result_.config,
                           ReadBertConfig(files_, configPath()));
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

  // Settles labels_ and newHead_ from the options and the file.
  absl::Status chooseHead() {
    if (options_.labels < 0 || options_.labels > (1 << 20)) {
      return absl::InvalidArgumentError(
          absl::StrCat("labels expects a number in [0, ", 1 << 20, "], got ",
                       options_.labels));
    }
    const TensorView* head =
        hasSequenceHead(result_.config) ? file_->Find(kClassifier) : nullptr;
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
            file_->path(), ": ", kClassifier, " expects ", labels_,
            " labels, got ", DescribeTensorType(head->dtype, head->shape),
            "; ask for a new head to replace it"));
      }
    }
    GRAFT_RETURN_IF_ERROR(chooseLabelNames());
    const bool missing = file_->Find(names_.inFile(kPooler)) == nullptr;
    if (labels_ > 0 && missing &&
        options_.pooler == PoolerSource::kCheckpoint) {
      return absl::NotFoundError(absl::StrCat(
          file_->path(), ": expects a tensor ", names_.inFile(kPooler),
          " below the classifier, got none; ask for a new pooler or none"));
    }
    return absl::OkStatus();
  }

  // Leaves one name a label, as Transformers needs it to count them.
  absl::Status chooseLabelNames() {
    BertConfig& config = result_.config;
    std::vector<std::string>& names = config.labels;
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
      return absl::InvalidArgumentError(absl::StrCat(
          configPath(), ": id2label expects ", labels_, " names as ",
          kClassifier, " has rows, got ", names.size()));
    }
    for (size_t i = names.size(); i < labels; ++i)
      names.push_back(absl::StrCat("LABEL_", i));
    const std::string fitting =
        labels_ == 1 ? "regression" : "single_label_classification";
    if (newHead_) config.problem_type = fitting;
    // Otherwise its loss and probabilities would not be those it was made for.
    if (labels_ > 0 && !config.problem_type.empty() &&
        config.problem_type != fitting) {
      return absl::UnimplementedError(absl::StrCat(
          configPath(), ": problem_type expects ", fitting, " with ", labels_,
          labels_ == 1 ? " label" : " labels", ", got ", config.problem_type));
    }
    return absl::OkStatus();
  }

  // Checks the chosen layers; the configuration then counts them. Tensors of
  // the others are left out because the user says so, and not `skipped`.
  absl::Status chooseLayers() {
    const int64_t count = result_.config.num_hidden_layers;
    std::set<int64_t> chosen;
    for (int64_t layer : options_.layers) {
      if (layer < 0 || layer >= count) {
        return absl::InvalidArgumentError(
            absl::StrCat(directory_, ": layers expect numbers in [0, ", count,
                         "), got ", layer));
      }
      if (!chosen.insert(layer).second) {
        return absl::InvalidArgumentError(
            absl::StrCat(directory_, ": layers expect each number once, got ",
                         layer, " twice"));
      }
    }
    if (chosen.empty()) return absl::OkStatus();
    for (const TensorView& tensor : file_->tensors()) {
      for (int64_t i = 0; i < count; ++i) {
        if (!chosen.contains(i) &&
            absl::StartsWith(tensor.name, names_.inFile(absl::StrCat(
                                              "encoder.layer.", i, "."))))
          used_.insert(tensor.name);
      }
    }
    result_.config.num_hidden_layers = static_cast<int64_t>(chosen.size());
    return absl::OkStatus();
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
    const bool head = absl::StartsWith(name, "classifier.");
    const bool pooler = absl::StartsWith(name, "pooler.");
    const bool fresh =
        (head && newHead_) || (pooler && options_.pooler == PoolerSource::kNew);
    if (fresh) return initialise(parameter);
    auto layers = dyn_cast<LayersOp>(parameter->getParentOp());
    const std::string full =
        layers ? absl::StrCat(view(layers.getSymName()), ".*.", name) : name;
    const std::string source = names_.inFile(full);
    if (source != full)
      parameter.setSourceAttr(StringAttr::get(context_, source));
    const uint64_t count = layers ? layers.getCount() : 1;
    for (uint64_t i = 0; i < count; ++i) {
      GRAFT_RETURN_IF_ERROR(check(
          absl::StrReplaceAll(
              source, {{"*", absl::StrCat(layers ? layers.getOrigin(i) : i)}}),
          parameter.getType().getShape()));
    }
    return absl::OkStatus();
  }

  absl::Status initialise(ParameterOp parameter) {
    const bool weight = parameter.getSymName().ends_with("weight");
    parameter.setInitial(StringRef(weight ? "normal" : "zeros"));
    if (weight) {
      parameter.setDeviationAttr(Builder(context_).getF32FloatAttr(
          static_cast<float>(result_.config.initializer_range)));
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
  FileSystem& files_;
  const std::string directory_;
  const ImportOptions& options_;
  std::unique_ptr<SafetensorsFile> file_;
  TensorNames names_;
  int64_t labels_ = 0;
  bool newHead_ = false;
  std::set<std::string> used_;
  ImportedModel result_;
};

}  // namespace

absl::StatusOr<ImportedModel> importHuggingFace(MLIRContext* context,
                                                FileSystem& files,
                                                const std::string& directory,
                                                const ImportOptions& options) {
  return Importer(context, files, directory, options).run();
}

}  // namespace graft
