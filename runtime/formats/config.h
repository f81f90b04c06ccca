// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The config.json of a BERT checkpoint directory as Hugging Face Transformers
// writes it. Defaults are those of transformers' BertConfig.

#ifndef GRAFT_RUNTIME_FORMATS_CONFIG_H_
#define GRAFT_RUNTIME_FORMATS_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

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

struct BertConfig {
  std::string model_type = "bert";
  std::vector<std::string> architectures;  // e.g. BertForSequenceClassification

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

  // Label of each class id (id2label); empty when the file names none.
  std::vector<std::string> labels;
  // regression, single_label_classification, multi_label_classification or
  // empty.
  std::string problem_type;

  int64_t head_size() const { return hidden_size / num_attention_heads; }
  double classifier_dropout_rate() const {
    return classifier_dropout.value_or(hidden_dropout_prob);
  }
  bool operator==(const BertConfig&) const = default;
};

// Parses the text of a config.json; `path` is for messages. INVALID_ARGUMENT
// names path, field, expected and found value. UNIMPLEMENTED names a model type
// or option that Graft does not know, so that no checkpoint is misread in
// silence. Fields that do not change the model are ignored.
absl::StatusOr<BertConfig> ParseBertConfig(absl::string_view text,
                                           absl::string_view path);

// Reads and parses `path`.
absl::StatusOr<BertConfig> ReadBertConfig(FileSystem& files,
                                          const std::string& path);

// The text of a config.json that Transformers and ParseBertConfig read back to
// the same values. Keys are sorted, so equal configs give equal bytes.
std::string BertConfigToJson(const BertConfig& config);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_CONFIG_H_
