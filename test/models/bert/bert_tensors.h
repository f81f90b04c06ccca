// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The tensors that Transformers' BertModel has, listed apart from the builder.

#ifndef GRAFT_TEST_MODELS_BERT_BERT_TENSORS_H_
#define GRAFT_TEST_MODELS_BERT_BERT_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/bert/config.h"
#include "runtime/formats/safetensors.h"

namespace graft {

// Names and F32 shapes of all tensors of the model: embeddings and layers, the
// pooler, and a classifier of `labels` rows unless that is 0.
inline std::vector<TensorSpec> BertTensors(const BertConfig& config,
                                           bool pooler, int64_t labels) {
  std::vector<TensorSpec> specs;
  const int64_t hidden = config.hidden_size;
  const auto table = [&](absl::string_view name, int64_t rows) {
    specs.push_back(
        {absl::StrCat(name, ".weight"), DType::kF32, {rows, hidden}});
  };
  const auto linear = [&](absl::string_view name, int64_t out, int64_t in) {
    specs.push_back({absl::StrCat(name, ".weight"), DType::kF32, {out, in}});
    specs.push_back({absl::StrCat(name, ".bias"), DType::kF32, {out}});
  };
  const auto norm = [&](absl::string_view name) {
    specs.push_back({absl::StrCat(name, ".weight"), DType::kF32, {hidden}});
    specs.push_back({absl::StrCat(name, ".bias"), DType::kF32, {hidden}});
  };
  table("embeddings.word_embeddings", config.vocab_size);
  table("embeddings.token_type_embeddings", config.type_vocab_size);
  table("embeddings.position_embeddings", config.max_position_embeddings);
  norm("embeddings.LayerNorm");
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const std::string layer = absl::StrCat("encoder.layer.", i, ".");
    for (absl::string_view part : {"query", "key", "value"}) {
      linear(absl::StrCat(layer, "attention.self.", part), hidden, hidden);
    }
    linear(layer + "attention.output.dense", hidden, hidden);
    norm(layer + "attention.output.LayerNorm");
    linear(layer + "intermediate.dense", config.intermediate_size, hidden);
    linear(layer + "output.dense", hidden, config.intermediate_size);
    norm(layer + "output.LayerNorm");
  }
  if (pooler) linear("pooler.dense", hidden, hidden);
  if (labels > 0) linear("classifier", labels, hidden);
  return specs;
}

}  // namespace graft

#endif  // GRAFT_TEST_MODELS_BERT_BERT_TENSORS_H_
