// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/hf_directory.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/new_directory.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

constexpr absl::string_view kConfigFile = "config.json";
// The files of a tokenizer; one of the first two is enough.
constexpr absl::string_view kTokenizerFiles[] = {
    "tokenizer.json", "vocab.txt", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json"};

bool HasFile(absl::Span<const NamedText> texts, absl::string_view name) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const NamedText& text) { return text.name == name; });
}

// How Transformers begins the names of the classes of a model type: as an
// architecture of that type is spelt, whose letters are those of the type but
// for case and hyphens (XLMRobertaModel is an xlm-roberta).
std::string ClassPrefix(const ModelConfig& config) {
  std::string letters, camel;
  bool upper = true;
  for (const char c : config.model_type()) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      upper = true;
      continue;
    }
    letters += absl::ascii_tolower(static_cast<unsigned char>(c));
    camel += upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    upper = false;
  }
  for (const std::string& architecture : config.architectures()) {
    if (absl::StartsWithIgnoreCase(architecture, letters))
      return architecture.substr(0, letters.size());
  }
  return camel;
}

absl::Status CheckTensors(absl::Span<const ModelTensor> tensors) {
  absl::flat_hash_set<absl::string_view> names;
  for (const ModelTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor '", tensor.name, "' expects to be given once"));
    }
    uint64_t count = 1;
    for (int64_t extent : tensor.shape) count *= static_cast<uint64_t>(extent);
    if (tensor.values.size() == count) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor '", tensor.name, "' expects ", count, " values of shape [",
        absl::StrJoin(tensor.shape, ", "), "], got ", tensor.values.size()));
  }
  return absl::OkStatus();
}

// A model as its files have it.
struct FileModel {
  ModelConfig config;
  NamedTensors tensors;
};

absl::StatusOr<FileModel> NameTensors(const ModelConfig& config,
                                      absl::Span<const ModelTensor> tensors) {
  FileModel model{config, {}};
  const bool classifier = std::any_of(
      tensors.begin(), tensors.end(),
      [](const ModelTensor& tensor) { return IsInClassifier(tensor.name); });
  if (classifier) {
    if (config.labels().empty()) {
      return absl::InvalidArgumentError(
          "a classifier expects the names of its labels, got none");
    }
    model.config.SetArchitectures(
        {absl::StrCat(ClassPrefix(config), "ForSequenceClassification")});
  }
  for (const ModelTensor& tensor : tensors)
    model.tensors[NameInFile(config, classifier, tensor.name)] = &tensor;
  return model;
}

// Whether a value that was finite became infinite: F16 and BF16 hold a smaller
// range, or fewer digits, than F32.
bool Overflows(absl::Span<const uint8_t> bytes, DType dtype) {
  if (dtype != DType::kF16 && dtype != DType::kBF16) return false;
  const uint16_t exponent = dtype == DType::kF16 ? 0x7C00 : 0x7F80;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const auto bits = static_cast<uint16_t>(bytes[i] | bytes[i + 1] << 8);
    if ((bits & exponent) == exponent) return true;
  }
  return false;
}

}  // namespace

absl::Status WriteModelTensors(FileSystem& files, const std::string& path,
                               const NamedTensors& tensors, DType dtype) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, tensor] : tensors)
    specs.push_back({name, dtype, tensor->shape});
  GRAFT_ASSIGN_OR_RETURN(
      const std::unique_ptr<SafetensorsWriter> writer,
      SafetensorsWriter::Create(files, path, std::move(specs),
                                {{"format", "pt"}}));
  std::vector<uint8_t> bytes;
  for (const TensorSpec& spec : writer->order()) {
    const absl::Span<const float> values = tensors.at(spec.name)->values;
    bytes.resize(values.size() * DTypeSize(dtype));
    GRAFT_RETURN_IF_ERROR(
        ConvertFromFloat(values, dtype, absl::MakeSpan(bytes)));
    if (Overflows(bytes, dtype))
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": ", spec.name, " expects values that ", DTypeName(dtype),
          " holds, got larger ones; export it as F32"));
    GRAFT_RETURN_IF_ERROR(writer->Append(spec.name, bytes));
  }
  return writer->Finish();
}

namespace {

// Everything of the directory, into `directory`, which is there and empty.
absl::Status WriteAll(FileSystem& files, const std::string& directory,
                      const FileModel& model,
                      absl::Span<const NamedText> tokenizer, DType dtype) {
  GRAFT_RETURN_IF_ERROR(
      WriteFile(files, JoinPath(directory, kConfigFile), model.config.Text()));
  for (const NamedText& text : tokenizer) {
    GRAFT_RETURN_IF_ERROR(
        WriteFile(files, JoinPath(directory, text.name), text.text));
  }
  return WriteModelTensors(files, JoinPath(directory, "model.safetensors"),
                           model.tensors, dtype);
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

}  // namespace

bool IsInClassifier(absl::string_view name) {
  return absl::StartsWith(name, "classifier.");
}

std::string NameInFile(const ModelConfig& config, bool classifier,
                       absl::string_view name) {
  if (!classifier || IsInClassifier(name)) return std::string(name);
  return absl::StrCat(config.model_type(), ".", name);
}

absl::Status CheckCheckpointDirectory(FileSystem& files,
                                      const std::string& directory,
                                      absl::string_view name) {
  if (files.IsDirectory(directory)) return absl::OkStatus();
  const absl::Status file = files.Size(directory).status();
  const bool missing = absl::IsNotFound(file) && !files.Exists(directory);
  // Such as a link that leads nowhere, or a folder that may not be read.
  if (!file.ok() && !missing && !absl::IsFailedPrecondition(file)) return file;
  return absl::NotFoundError(absl::StrCat(
      name, ": expects a checkpoint directory, got ",
      missing     ? "nothing of that name; nothing is downloaded"
      : file.ok() ? "a file; `graft export` makes one of a trained artifact"
                  : "something else"));
}

absl::Status WriteHuggingFaceDirectory(FileSystem& files,
                                       const std::string& directory,
                                       const ModelConfig& config,
                                       absl::Span<const ModelTensor> tensors,
                                       absl::Span<const NamedText> tokenizer,
                                       DType dtype) {
  GRAFT_RETURN_IF_ERROR(CheckTensors(tensors));
  GRAFT_ASSIGN_OR_RETURN(const FileModel model, NameTensors(config, tensors));
  GRAFT_RETURN_IF_ERROR(CheckTokenizer(tokenizer));
  return WriteNewDirectory(
      files, directory, kConfigFile, [&](const std::string& aside) {
        return WriteAll(files, aside, model, tokenizer, dtype);
      });
}

}  // namespace graft
