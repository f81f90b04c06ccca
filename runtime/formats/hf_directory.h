// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Writes Hugging Face checkpoint directories of BERT models, which Transformers
// opens with AutoModelForSequenceClassification (or AutoModel) and
// AutoTokenizer.

#ifndef GRAFT_RUNTIME_FORMATS_HF_DIRECTORY_H_
#define GRAFT_RUNTIME_FORMATS_HF_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/formats/config.h"
#include "runtime/formats/dtype.h"
#include "runtime/formats/safetensors.h"

namespace graft {

// A small file by its name within a directory.
struct NamedText {
  std::string name;
  std::string text;
};

// The files of `directory` that make up its tokenizer: those of tokenizer.json,
// vocab.txt, tokenizer_config.json, special_tokens_map.json and
// added_tokens.json that are there. NOT_FOUND when there is neither of the
// first two.
absl::StatusOr<std::vector<NamedText>> ReadTokenizerFiles(
    FileSystem& files, const std::string& directory);

// Names, in Transformers' BertModel, and F32 shapes of all tensors of the
// model: embeddings and layers, the pooler, and a classifier of `labels` rows
// unless that is 0.
std::vector<TensorSpec> BertTensors(const BertConfig& config, bool pooler,
                                    int64_t labels);

// One tensor of a model in memory, row-major; borrowed.
struct ModelTensor {
  std::string name;
  std::vector<int64_t> shape;
  absl::Span<const float> values;
};

// Creates `directory` with config.json, model.safetensors of element type
// `dtype` (F32, F16 or BF16) and the tokenizer's files, plus a
// tokenizer_config.json where there is none. `tensors` has exactly those of
// BertTensors, in any order: with a classifier of config.labels.size() rows a
// BertForSequenceClassification, whose encoder's names begin with `bert.`;
// without classifier a BertModel. The directory appears whole or not at all.
// ALREADY_EXISTS when it is there and not empty; INVALID_ARGUMENT names a
// tensor that is missing, unknown or of another shape, because Transformers
// would replace it by random numbers without an error.
absl::Status WriteHuggingFaceDirectory(FileSystem& files,
                                       const std::string& directory,
                                       const BertConfig& config,
                                       absl::Span<const ModelTensor> tensors,
                                       absl::Span<const NamedText> tokenizer,
                                       DType dtype = DType::kF32);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_HF_DIRECTORY_H_
