// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/hf_directory.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

// The files of a tokenizer; one of the first two is enough.
constexpr absl::string_view kTokenizerFiles[] = {
    "tokenizer.json", "vocab.txt", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json"};

bool HasFile(absl::Span<const NamedText> texts, absl::string_view name) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const NamedText& text) { return text.name == name; });
}

// What Transformers assumes of a vocabulary without settings, written out.
std::string DefaultTokenizerConfig(const BertConfig& config) {
  const nlohmann::json object = {
      {"tokenizer_class", "BertTokenizer"},
      {"do_lower_case", true},
      {"strip_accents", nullptr},
      {"tokenize_chinese_chars", true},
      {"model_max_length", config.max_position_embeddings},
      {"unk_token", "[UNK]"},
      {"sep_token", "[SEP]"},
      {"pad_token", "[PAD]"},
      {"cls_token", "[CLS]"},
      {"mask_token", "[MASK]"}};
  return object.dump(2) + "\n";
}

// The given tensors by name, exactly those of `expected`.
absl::StatusOr<absl::flat_hash_map<std::string, const ModelTensor*>> Match(
    absl::Span<const TensorSpec> expected,
    absl::Span<const ModelTensor> tensors) {
  absl::flat_hash_map<std::string, const ModelTensor*> given;
  for (const ModelTensor& tensor : tensors) {
    if (given.emplace(tensor.name, &tensor).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor.name, "' expects to be given once"));
  }
  for (const TensorSpec& spec : expected) {
    const auto found = given.find(spec.name);
    if (found == given.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("expects a tensor '", spec.name, "', got ",
                       tensors.size(), " others"));
    }
    const ModelTensor& tensor = *found->second;
    uint64_t count = 1;
    for (int64_t extent : spec.shape) count *= static_cast<uint64_t>(extent);
    if (tensor.shape == spec.shape && tensor.values.size() == count) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", spec.name, "' expects shape [",
                     absl::StrJoin(spec.shape, ", "), "], got [",
                     absl::StrJoin(tensor.shape, ", "), "] with ",
                     tensor.values.size(), " values"));
  }
  if (tensors.size() == expected.size()) return given;
  for (const ModelTensor& tensor : tensors) {
    const bool known = std::any_of(
        expected.begin(), expected.end(),
        [&](const TensorSpec& spec) { return spec.name == tensor.name; });
    if (known) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("expects the ", expected.size(),
                     " tensors of the model, got '", tensor.name, "' besides"));
  }
  return given;
}

// Writes the tensors one by one; at most one is converted at a time.
absl::Status WriteTensors(
    FileSystem& files, const std::string& path, const std::string& prefix,
    absl::Span<const TensorSpec> specs,
    const absl::flat_hash_map<std::string, const ModelTensor*>& tensors,
    DType dtype) {
  std::vector<TensorSpec> named(specs.begin(), specs.end());
  absl::flat_hash_map<std::string, const ModelTensor*> by_file_name;
  for (TensorSpec& spec : named) {
    const ModelTensor* tensor = tensors.at(spec.name);
    if (!absl::StartsWith(spec.name, "classifier.")) {
      spec.name = absl::StrCat(prefix, spec.name);
    }
    spec.dtype = dtype;
    by_file_name[spec.name] = tensor;
  }
  GRAFT_ASSIGN_OR_RETURN(
      const std::unique_ptr<SafetensorsWriter> writer,
      SafetensorsWriter::Create(files, path, std::move(named),
                                {{"format", "pt"}}));
  std::vector<uint8_t> bytes;
  for (const TensorSpec& spec : writer->order()) {
    const absl::Span<const float> values = by_file_name.at(spec.name)->values;
    bytes.resize(values.size() * DTypeSize(dtype));
    GRAFT_RETURN_IF_ERROR(
        ConvertFromFloat(values, dtype, absl::MakeSpan(bytes)));
    GRAFT_RETURN_IF_ERROR(writer->Append(spec.name, bytes));
  }
  return writer->Finish();
}

// Everything of the directory, into `directory`, which is there and empty.
absl::Status WriteAll(
    FileSystem& files, const std::string& directory, const BertConfig& config,
    bool classifier, absl::Span<const TensorSpec> specs,
    const absl::flat_hash_map<std::string, const ModelTensor*>& tensors,
    absl::Span<const NamedText> tokenizer, DType dtype) {
  BertConfig written = config;
  written.architectures = {classifier ? "BertForSequenceClassification"
                                      : "BertModel"};
  GRAFT_RETURN_IF_ERROR(WriteFile(files, JoinPath(directory, "config.json"),
                                  BertConfigToJson(written)));
  for (const NamedText& text : tokenizer) {
    GRAFT_RETURN_IF_ERROR(
        WriteFile(files, JoinPath(directory, text.name), text.text));
  }
  if (!HasFile(tokenizer, "tokenizer_config.json")) {
    GRAFT_RETURN_IF_ERROR(
        WriteFile(files, JoinPath(directory, "tokenizer_config.json"),
                  DefaultTokenizerConfig(config)));
  }
  return WriteTensors(files, JoinPath(directory, "model.safetensors"),
                      classifier ? "bert." : "", specs, tensors, dtype);
}

absl::Status CheckTokenizer(absl::Span<const NamedText> tokenizer) {
  for (const NamedText& text : tokenizer) {
    if (std::find(std::begin(kTokenizerFiles), std::end(kTokenizerFiles),
                  text.name) != std::end(kTokenizerFiles)) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "a tokenizer expects the files ", absl::StrJoin(kTokenizerFiles, ", "),
        ", got ", text.name));
  }
  if (HasFile(tokenizer, "tokenizer.json") || HasFile(tokenizer, "vocab.txt")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "a tokenizer expects tokenizer.json or vocab.txt, got neither");
}

absl::Status CheckTarget(FileSystem& files, const std::string& directory) {
  if (!files.Exists(directory)) return absl::OkStatus();
  if (files.IsDirectory(directory)) {
    GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           files.List(directory));
    if (names.empty()) return absl::OkStatus();
  }
  return absl::AlreadyExistsError(
      absl::StrCat(directory, ": expects a new or empty directory, got ",
                   files.IsDirectory(directory) ? "one with files" : "a file"));
}

}  // namespace

absl::StatusOr<std::vector<NamedText>> ReadTokenizerFiles(
    FileSystem& files, const std::string& directory) {
  constexpr uint64_t kMaxBytes = 256 << 20;
  std::vector<NamedText> result;
  for (absl::string_view name : kTokenizerFiles) {
    const std::string path = JoinPath(directory, name);
    if (!files.Exists(path)) continue;
    GRAFT_ASSIGN_OR_RETURN(std::string text, ReadFile(files, path, kMaxBytes));
    result.push_back({std::string(name), std::move(text)});
  }
  if (HasFile(result, "tokenizer.json") || HasFile(result, "vocab.txt")) {
    return result;
  }
  return absl::NotFoundError(absl::StrCat(
      directory, ": expects tokenizer.json or vocab.txt, got neither"));
}

std::vector<TensorSpec> BertTensors(const BertConfig& config, bool pooler,
                                    int64_t labels) {
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

absl::Status WriteHuggingFaceDirectory(FileSystem& files,
                                       const std::string& directory,
                                       const BertConfig& config,
                                       absl::Span<const ModelTensor> tensors,
                                       absl::Span<const NamedText> tokenizer,
                                       DType dtype) {
  const auto given = [&](absl::string_view name) {
    return std::any_of(
        tensors.begin(), tensors.end(),
        [&](const ModelTensor& tensor) { return tensor.name == name; });
  };
  const bool classifier = given("classifier.weight");
  if (classifier && config.labels.empty()) {
    return absl::InvalidArgumentError(
        "a classifier expects the names of its labels, got none");
  }
  const std::vector<TensorSpec> specs =
      BertTensors(config, classifier || given("pooler.dense.weight"),
                  classifier ? static_cast<int64_t>(config.labels.size()) : 0);
  GRAFT_ASSIGN_OR_RETURN(const auto by_name, Match(specs, tensors));
  GRAFT_RETURN_IF_ERROR(CheckTokenizer(tokenizer));
  GRAFT_RETURN_IF_ERROR(CheckTarget(files, directory));

  // A rename of a directory is the only step that shows anything.
  std::string target = directory;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  const std::string aside = absl::StrCat(target, ".tmp");
  GRAFT_RETURN_IF_ERROR(RemoveTree(files, aside));
  GRAFT_RETURN_IF_ERROR(files.CreateDirectories(aside));
  absl::Status status = WriteAll(files, aside, config, classifier, specs,
                                 by_name, tokenizer, dtype);
  if (status.ok()) status = files.Rename(aside, target);
  if (!status.ok()) {
    // The first error is the one to tell; what is left over is aside.
    RemoveTree(files, aside).IgnoreError();
    return status;
  }
  return files.SyncDirectory(DirectoryName(target));
}

}  // namespace graft
