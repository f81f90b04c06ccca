// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/config.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;

constexpr absl::string_view kProblemTypes[] = {
    "regression", "single_label_classification", "multi_label_classification"};

}  // namespace

ModelConfig::ModelConfig(absl::string_view path)
    : path_(path), object_(std::make_unique<json>(json::object())) {}

ModelConfig::ModelConfig(const ModelConfig& other)
    : path_(other.path_),
      object_(std::make_unique<json>(*other.object_)),
      model_type_(other.model_type_),
      architectures_(other.architectures_),
      max_positions_(other.max_positions_),
      labels_(other.labels_),
      labels_status_(other.labels_status_),
      problem_type_(other.problem_type_) {}

ModelConfig::ModelConfig(ModelConfig&& other) noexcept = default;
ModelConfig& ModelConfig::operator=(ModelConfig&& other) noexcept = default;
ModelConfig::~ModelConfig() = default;

ModelConfig& ModelConfig::operator=(const ModelConfig& other) {
  return *this = ModelConfig(other);
}

absl::StatusOr<ModelConfig> ModelConfig::Parse(absl::string_view text,
                                               absl::string_view path) {
  GRAFT_ASSIGN_OR_RETURN(json object, ParseJson(text, path));
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects an object, got ", DescribeJson(object)));
  }
  ModelConfig config(path);
  *config.object_ = std::move(object);
  GRAFT_RETURN_IF_ERROR(config.ReadCommonFields());
  return config;
}

absl::StatusOr<ModelConfig> ModelConfig::Read(FileSystem& files,
                                              const std::string& path) {
  constexpr uint64_t kMaxBytes = 256 << 20;
  // Mapped, because that does not wait for the writer of a pipe.
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> file,
                         files.Map(path));
  const absl::Span<const uint8_t> bytes = file->bytes();
  if (bytes.size() > kMaxBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        path, ": expects at most ", kMaxBytes, " bytes, got ", bytes.size()));
  }
  return Parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
               path);
}

const json* ModelConfig::Find(absl::string_view key) const {
  const auto it = object_->find(std::string(key));
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

absl::Status ModelConfig::Error(absl::string_view key,
                                absl::string_view expected) const {
  const json* value = Find(key);
  return absl::InvalidArgumentError(
      absl::StrCat(path_, ": ", key, " expects ", expected, ", got ",
                   value == nullptr ? "none" : DescribeJson(*value)));
}

absl::Status ModelConfig::Unsupported(absl::string_view key,
                                      absl::string_view expected) const {
  return absl::UnimplementedError(Error(key, expected).message());
}

absl::Status ModelConfig::Integer(absl::string_view key, int64_t low,
                                  int64_t high, int64_t& value) const {
  const json* field = Find(key);
  if (field == nullptr) return absl::OkStatus();
  // is_number_unsigned alone would let 2^63 and more wrap around.
  if (!field->is_number_integer() ||
      (field->is_number_unsigned() &&
       field->get<uint64_t>() > static_cast<uint64_t>(high)) ||
      field->get<int64_t>() < low || field->get<int64_t>() > high) {
    return Error(key, absl::StrCat("an integer in [", low, ", ", high, "]"));
  }
  value = field->get<int64_t>();
  return absl::OkStatus();
}

absl::Status ModelConfig::Real(absl::string_view key, double low, double high,
                               double& value) const {
  const json* field = Find(key);
  if (field == nullptr) return absl::OkStatus();
  if (!field->is_number() || !(field->get<double>() >= low) ||
      !(field->get<double>() < high)) {
    return Error(key, absl::StrCat("a number in [", low, ", ", high, ")"));
  }
  value = field->get<double>();
  return absl::OkStatus();
}

absl::Status ModelConfig::String(absl::string_view key,
                                 std::string& value) const {
  const json* field = Find(key);
  if (field == nullptr) return absl::OkStatus();
  if (!field->is_string()) return Error(key, "a string");
  value = field->get<std::string>();
  return absl::OkStatus();
}

absl::Status ModelConfig::Strings(absl::string_view key,
                                  std::vector<std::string>& values) const {
  const json* field = Find(key);
  if (field == nullptr) return absl::OkStatus();
  if (!field->is_array()) return Error(key, "a list of strings");
  std::vector<std::string> read;
  for (const json& item : *field) {
    if (!item.is_string()) return Error(key, "a list of strings");
    read.push_back(item.get<std::string>());
  }
  values = std::move(read);
  return absl::OkStatus();
}

absl::Status ModelConfig::Flag(absl::string_view key, bool& value) const {
  const json* field = Find(key);
  if (field == nullptr) return absl::OkStatus();
  if (!field->is_boolean()) return Error(key, "true or false");
  value = field->get<bool>();
  return absl::OkStatus();
}

absl::Status ModelConfig::ReadCommonFields() {
  GRAFT_RETURN_IF_ERROR(Strings("architectures", architectures_));
  GRAFT_RETURN_IF_ERROR(String("model_type", model_type_));
  GRAFT_RETURN_IF_ERROR(
      Integer("max_position_embeddings", 1, kMaxPositions, max_positions_));
  GRAFT_RETURN_IF_ERROR(String("problem_type", problem_type_));
  if (!problem_type_.empty() &&
      std::find(std::begin(kProblemTypes), std::end(kProblemTypes),
                problem_type_) == std::end(kProblemTypes)) {
    return Unsupported("problem_type",
                       "regression, single_label_classification or "
                       "multi_label_classification");
  }
  labels_status_ = ReadLabels();
  if (!labels_status_.ok()) labels_.clear();
  return absl::OkStatus();
}

absl::Status ModelConfig::CheckLabels() const { return labels_status_; }

absl::Status ModelConfig::ReadLabels() {
  const json* names = Find("id2label");
  if (names == nullptr) return CheckLabelIds();
  constexpr absl::string_view kExpected =
      "an object with a string for each id 0, 1, ...";
  if (!names->is_object() || names->size() > static_cast<size_t>(kMaxLabels)) {
    return Error("id2label", kExpected);
  }
  labels_.resize(names->size());
  std::vector<bool> seen(names->size());
  for (const auto& [key, label] : names->items()) {
    int64_t id;
    if (!absl::SimpleAtoi(key, &id) || id < 0 ||
        id >= static_cast<int64_t>(names->size()) ||
        seen[static_cast<size_t>(id)] ||
        !(label.is_string() || label.is_number_integer())) {
      return Error("id2label", kExpected);
    }
    seen[static_cast<size_t>(id)] = true;
    labels_[static_cast<size_t>(id)] =
        label.is_string() ? label.get<std::string>() : label.dump();
  }
  return CheckLabelIds();
}

absl::Status ModelConfig::CheckLabelIds() const {
  const json* ids = Find("label2id");
  if (ids == nullptr) return absl::OkStatus();
  if (!ids->is_object()) return Error("label2id", "an object");
  if (Find("id2label") == nullptr) return absl::OkStatus();
  for (const auto& [label, value] : ids->items()) {
    const std::string text =
        value.is_string() ? value.get<std::string>() : value.dump();
    // Two ids may share a name in id2label, so compare in this direction.
    uint64_t id;
    const bool known = absl::SimpleAtoi(text, &id) && id < labels_.size();
    if (known && labels_[id] == label) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": label2id expects the inverse of id2label, got ",
                     DescribeJson(value), " for ", DescribeJson(json(label)),
                     known ? absl::StrCat(", where id2label has ",
                                          DescribeJson(json(labels_[id])))
                           : ", an id that id2label lacks"));
  }
  return absl::OkStatus();
}

void ModelConfig::Set(absl::string_view key, int64_t value) {
  (*object_)[std::string(key)] = value;
}

void ModelConfig::Set(absl::string_view key, double value) {
  (*object_)[std::string(key)] = value;
}

void ModelConfig::Set(absl::string_view key, absl::string_view value) {
  (*object_)[std::string(key)] = std::string(value);
}

void ModelConfig::SetNull(absl::string_view key) {
  (*object_)[std::string(key)] = nullptr;
}

void ModelConfig::SetModelType(absl::string_view type) {
  model_type_ = std::string(type);
  Set("model_type", type);
}

void ModelConfig::SetArchitectures(std::vector<std::string> architectures) {
  architectures_ = std::move(architectures);
  if (architectures_.empty())
    object_->erase("architectures");
  else
    (*object_)["architectures"] = architectures_;
}

void ModelConfig::SetLabels(std::vector<std::string> labels) {
  labels_ = std::move(labels);
  labels_status_ = absl::OkStatus();
  object_->erase("id2label");
  object_->erase("label2id");
  if (labels_.empty()) return;
  json& names = (*object_)["id2label"] = json::object();
  json& ids = (*object_)["label2id"] = json::object();
  for (size_t id = 0; id < labels_.size(); ++id) {
    names[std::to_string(id)] = labels_[id];
    ids[labels_[id]] = id;
  }
}

void ModelConfig::SetProblemType(absl::string_view type) {
  problem_type_ = std::string(type);
  if (type.empty())
    object_->erase("problem_type");
  else
    Set("problem_type", type);
}

std::string ModelConfig::Text() const {
  return object_->dump(2, ' ', /*ensure_ascii=*/false,
                       json::error_handler_t::replace) +
         "\n";
}

}  // namespace graft
