// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Writes Hugging Face checkpoint directories of any family of models: for
// Graft's own import, and for Transformers where it has the model.

#ifndef GRAFT_RUNTIME_FORMATS_HF_DIRECTORY_H_
#define GRAFT_RUNTIME_FORMATS_HF_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/formats/config.h"
#include "runtime/formats/dtype.h"

namespace graft {

// A small file by its name within a directory.
struct NamedText {
  std::string name;
  std::string text;
};

// One tensor of a model in memory, row-major; borrowed.
struct ModelTensor {
  std::string name;
  std::vector<int64_t> shape;
  absl::Span<const float> values;
};

// Tensors by their names in a file; borrowed.
using NamedTensors = absl::flat_hash_map<std::string, const ModelTensor*>;

// Writes `tensors` as a safetensors file of element type `dtype`; at most one
// is converted at a time. INVALID_ARGUMENT: a value is too large for the type.
absl::Status WriteModelTensors(FileSystem& files, const std::string& path,
                               const NamedTensors& tensors, DType dtype);

// Whether a parameter is one of a `classifier`, which is how Transformers names
// heads of classification.
bool IsInClassifier(absl::string_view name);

// The name of the parameter `name` in the files of a model of Transformers:
// with a classifier, all other names begin with `<model type>.`.
std::string NameInFile(const ModelConfig& config, bool classifier,
                       absl::string_view name);

// NOT_FOUND unless `directory` is one, or the error of opening it. `name` is
// how the message calls it: the directory, or the option with it. Says that
// nothing is downloaded, as the name may be one of the Hugging Face hub.
absl::Status CheckCheckpointDirectory(FileSystem& files,
                                      const std::string& directory,
                                      absl::string_view name);

// Creates `directory` with config.json, model.safetensors of element type
// `dtype` (F32, F16 or BF16) and the files of the tokenizer, which are among
// tokenizer.json, vocab.txt, tokenizer_config.json, special_tokens_map.json and
// added_tokens.json.
//
// `tensors` have the names of the model's parameters. Those of a model with a
// `classifier` are written as a ...ForSequenceClassification, which takes its
// name from the model type, under the names of NameInFile. Other models are
// written under their own names and architectures.
//
// The directory appears whole or not at all (see WriteNewDirectory).
// ALREADY_EXISTS when it is there and not empty; INVALID_ARGUMENT names a
// tensor that is given twice or whose values do not have its shape, a
// classifier without labels, or a file that is no tokenizer's.
absl::Status WriteHuggingFaceDirectory(FileSystem& files,
                                       const std::string& directory,
                                       const ModelConfig& config,
                                       absl::Span<const ModelTensor> tensors,
                                       absl::Span<const NamedText> tokenizer,
                                       DType dtype = DType::kF32);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_HF_DIRECTORY_H_
