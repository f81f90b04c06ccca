// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/bert/family.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_replace.h"
#include "models/bert/builder.h"
#include "models/bert/config.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

class BertDescription : public ModelDescription {
 public:
  BertDescription(const ModelConfig& config, const BertConfig& bert)
      : ModelDescription(config), bert_(bert) {
    facts().vocabulary = bert.vocab_size;
    facts().max_positions = bert.max_position_embeddings;
    facts().layers = bert.num_hidden_layers;
    facts().initial_deviation = bert.initializer_range;
    // Classifiers of token and multiple-choice models bear the same name.
    const auto& architectures = config.architectures();
    facts().has_sequence_head =
        architectures.empty() ||
        absl::c_linear_search(architectures, "BertForSequenceClassification");
    facts().types = bert.type_vocab_size;
    facts().scopes = {.head = "classifier",
                      .base = "bert",
                      .pooler = "pooler",
                      .embeddings = "embeddings",
                      .decayed = "weight$",
                      .not_decayed = "LayerNorm"};
  }

  // The layer normalisations of TensorFlow have a gamma and a beta.
  std::vector<std::string> spellings(llvm::StringRef parameter) const override {
    std::vector<std::string> names = {parameter.str()};
    std::string other = absl::StrReplaceAll(
        names.front(), {{"LayerNorm.weight", "LayerNorm.gamma"},
                        {"LayerNorm.bias", "LayerNorm.beta"}});
    if (other != names.front()) names.push_back(std::move(other));
    return names;
  }

  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> build(
      mlir::MLIRContext* context, const BuildOptions& options) const override {
    BertConfig config = current();
    if (options.dropout.has_value()) {
      config.hidden_dropout_prob = *options.dropout;
      config.attention_probs_dropout_prob = *options.dropout;
      config.classifier_dropout = *options.dropout;
    }
    return buildBertModel(context, config, options);
  }

  ModelConfig config() const override {
    return WriteBertConfig(current(), ModelDescription::config());
  }

 private:
  BertConfig current() const {
    BertConfig config = bert_;
    config.num_hidden_layers = facts().layers;
    return config;
  }

  const BertConfig bert_;
};

class BertFamily : public ModelFamily {
 public:
  llvm::StringRef name() const override { return "bert"; }
  std::vector<std::string> modelTypes() const override { return {"bert"}; }
  std::string architecturePrefix() const override { return "Bert"; }

  absl::StatusOr<std::unique_ptr<ModelDescription>> read(
      const ModelConfig& config) const override {
    GRAFT_ASSIGN_OR_RETURN(const BertConfig bert, ReadBertConfig(config));
    return std::make_unique<BertDescription>(config, bert);
  }
};

}  // namespace

std::unique_ptr<ModelFamily> createBertFamily() {
  return std::make_unique<BertFamily>();
}

}  // namespace graft
