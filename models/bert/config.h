// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The fields of a BERT checkpoint's config.json. Needs neither LLVM nor MLIR.

#ifndef GRAFT_MODELS_BERT_CONFIG_H_
#define GRAFT_MODELS_BERT_CONFIG_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/formats/config.h"

namespace graft {

enum class Activation {
  kGelu,             // x * Phi(x), by erf
  kGeluNew,          // the tanh approximation
  kGeluPytorchTanh,  // the same function under its later name
  kRelu,
  kTanh,
};

// Name in config.json: "gelu_new", ...
absl::string_view ActivationName(Activation activation);

// Defaults are those of transformers' BertConfig.
struct BertConfig {
  int64_t vocab_size = 30522;
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;  // divides hidden_size
  int64_t intermediate_size = 3072;
  int64_t max_position_embeddings = 512;
  int64_t type_vocab_size = 2;
  int64_t pad_token_id = 0;
  Activation hidden_act = Activation::kGelu;
  double layer_norm_eps = 1e-12;
  double initializer_range = 0.02;

  // All in [0, 1). The classifier falls back on the hidden rate.
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  std::optional<double> classifier_dropout = std::nullopt;

  int64_t head_size() const { return hidden_size / num_attention_heads; }
  double classifier_dropout_rate() const {
    return classifier_dropout.value_or(hidden_dropout_prob);
  }
  bool operator==(const BertConfig&) const = default;
};

// Reads BERT's fields of `config`. INVALID_ARGUMENT names path, field, expected
// and found value. UNIMPLEMENTED names an option that Graft has no graph for,
// so that no checkpoint is misread in silence. Fields that do not change the
// model are ignored.
absl::StatusOr<BertConfig> ReadBertConfig(const ModelConfig& config);

// A config.json with the fields of `bert` alone and the architectures, labels
// and problem type of `common`. Transformers and ReadBertConfig read it back to
// the same values.
ModelConfig WriteBertConfig(const BertConfig& bert, const ModelConfig& common);

}  // namespace graft

#endif  // GRAFT_MODELS_BERT_CONFIG_H_
