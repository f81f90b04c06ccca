// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/bert/config.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

// Far above any published model and low enough that products of two stay far
// from overflow.
constexpr int64_t kMaxVocabulary = 10'000'000;
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxLayers = 4096;

constexpr std::array<std::pair<absl::string_view, Activation>, 5> kActivations =
    {{{"gelu", Activation::kGelu},
      {"gelu_new", Activation::kGeluNew},
      {"gelu_pytorch_tanh", Activation::kGeluPytorchTanh},
      {"relu", Activation::kRelu},
      {"tanh", Activation::kTanh}}};

absl::Status ReadSizes(const ModelConfig& fields, BertConfig& config) {
  const auto read = [&](absl::string_view key, int64_t high, int64_t& value) {
    return fields.Integer(key, 1, high, value);
  };
  GRAFT_RETURN_IF_ERROR(read("vocab_size", kMaxVocabulary, config.vocab_size));
  GRAFT_RETURN_IF_ERROR(read("hidden_size", kMaxWidth, config.hidden_size));
  GRAFT_RETURN_IF_ERROR(
      read("num_hidden_layers", kMaxLayers, config.num_hidden_layers));
  GRAFT_RETURN_IF_ERROR(
      read("num_attention_heads", kMaxPositions, config.num_attention_heads));
  GRAFT_RETURN_IF_ERROR(
      read("intermediate_size", kMaxWidth, config.intermediate_size));
  GRAFT_RETURN_IF_ERROR(read("max_position_embeddings", kMaxPositions,
                             config.max_position_embeddings));
  GRAFT_RETURN_IF_ERROR(
      read("type_vocab_size", kMaxPositions, config.type_vocab_size));
  GRAFT_RETURN_IF_ERROR(fields.Integer("pad_token_id", 0, config.vocab_size - 1,
                                       config.pad_token_id));
  if (config.hidden_size % config.num_attention_heads != 0) {
    return fields.Error(
        "num_attention_heads",
        absl::StrCat("a divisor of hidden_size ", config.hidden_size));
  }
  return absl::OkStatus();
}

absl::Status ReadActivation(const ModelConfig& fields, BertConfig& config) {
  std::string name(ActivationName(config.hidden_act));
  GRAFT_RETURN_IF_ERROR(fields.String("hidden_act", name));
  for (const auto& [candidate, activation] : kActivations) {
    if (candidate != name) continue;
    config.hidden_act = activation;
    return absl::OkStatus();
  }
  return fields.Unsupported("hidden_act",
                            "gelu, gelu_new, gelu_pytorch_tanh, relu or tanh");
}

absl::Status ReadNumbers(const ModelConfig& fields, BertConfig& config) {
  GRAFT_RETURN_IF_ERROR(
      fields.Real("layer_norm_eps", 0, 1, config.layer_norm_eps));
  GRAFT_RETURN_IF_ERROR(
      fields.Real("initializer_range", 0, 100, config.initializer_range));
  GRAFT_RETURN_IF_ERROR(
      fields.Real("hidden_dropout_prob", 0, 1, config.hidden_dropout_prob));
  GRAFT_RETURN_IF_ERROR(fields.Real("attention_probs_dropout_prob", 0, 1,
                                    config.attention_probs_dropout_prob));
  double classifier = -1;
  GRAFT_RETURN_IF_ERROR(fields.Real("classifier_dropout", 0, 1, classifier));
  if (classifier >= 0) config.classifier_dropout = classifier;
  return absl::OkStatus();
}

// Options that change the graph and that the builder has no graph for.
absl::Status RefuseOtherGraphs(const ModelConfig& fields) {
  std::string positions = "absolute";
  GRAFT_RETURN_IF_ERROR(fields.String("position_embedding_type", positions));
  if (positions != "absolute")
    return fields.Unsupported("position_embedding_type", "\"absolute\"");
  for (absl::string_view key : {"is_decoder", "add_cross_attention"}) {
    bool flag = false;
    GRAFT_RETURN_IF_ERROR(fields.Flag(key, flag));
    if (flag) return fields.Unsupported(key, "false");
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view ActivationName(Activation activation) {
  for (const auto& [name, candidate] : kActivations) {
    if (candidate == activation) return name;
  }
  return "";
}

absl::StatusOr<BertConfig> ReadBertConfig(const ModelConfig& config) {
  BertConfig bert;
  GRAFT_RETURN_IF_ERROR(ReadSizes(config, bert));
  GRAFT_RETURN_IF_ERROR(ReadActivation(config, bert));
  GRAFT_RETURN_IF_ERROR(ReadNumbers(config, bert));
  GRAFT_RETURN_IF_ERROR(RefuseOtherGraphs(config));
  return bert;
}

ModelConfig WriteBertConfig(const BertConfig& bert, const ModelConfig& common) {
  ModelConfig config(common.path());
  config.SetModelType("bert");
  config.Set("vocab_size", bert.vocab_size);
  config.Set("hidden_size", bert.hidden_size);
  config.Set("num_hidden_layers", bert.num_hidden_layers);
  config.Set("num_attention_heads", bert.num_attention_heads);
  config.Set("intermediate_size", bert.intermediate_size);
  config.Set("max_position_embeddings", bert.max_position_embeddings);
  config.Set("type_vocab_size", bert.type_vocab_size);
  config.Set("pad_token_id", bert.pad_token_id);
  config.Set("hidden_act", ActivationName(bert.hidden_act));
  config.Set("layer_norm_eps", bert.layer_norm_eps);
  config.Set("initializer_range", bert.initializer_range);
  config.Set("hidden_dropout_prob", bert.hidden_dropout_prob);
  config.Set("attention_probs_dropout_prob", bert.attention_probs_dropout_prob);
  if (bert.classifier_dropout.has_value())
    config.Set("classifier_dropout", *bert.classifier_dropout);
  else
    config.SetNull("classifier_dropout");
  config.Set("position_embedding_type", absl::string_view("absolute"));
  config.SetArchitectures(common.architectures());
  config.SetLabels(common.labels());
  config.SetProblemType(common.problem_type());
  return config;
}

}  // namespace graft
