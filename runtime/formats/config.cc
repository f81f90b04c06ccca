// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;

// Far above any published model and low enough that products of two stay far
// from overflow. Heads and positions must fit into 16 bits, because dropout
// masks address them so (philox.h).
constexpr int64_t kMaxVocabulary = 10'000'000;
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxPositions = 65536;
constexpr int64_t kMaxLabels = 1 << 20;

constexpr std::array<std::pair<absl::string_view, Activation>, 5> kActivations =
    {{{"gelu", Activation::kGelu},
      {"gelu_new", Activation::kGeluNew},
      {"gelu_pytorch_tanh", Activation::kGeluPytorchTanh},
      {"relu", Activation::kRelu},
      {"tanh", Activation::kTanh}}};

constexpr std::array<absl::string_view, 3> kProblemTypes = {
    "regression", "single_label_classification", "multi_label_classification"};

// Reads fields of one object; null counts as absent, as in Transformers.
class Fields {
 public:
  Fields(const json& object, absl::string_view path)
      : object_(object), path_(path) {}

  // Null pointer when absent.
  const json* Find(absl::string_view key) const {
    const auto it = object_.find(std::string(key));
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }

  absl::Status Error(absl::string_view key, absl::string_view expected) const {
    const json* value = Find(key);
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": ", key, " expects ", expected, ", got ",
                     value == nullptr ? "none" : DescribeJson(*value)));
  }

  absl::Status Unknown(absl::string_view key, absl::string_view known) const {
    return absl::UnimplementedError(
        absl::StrCat(path_, ": ", key, " expects ", known, ", got ",
                     Find(key) == nullptr ? "none" : DescribeJson(*Find(key))));
  }

  absl::Status Integer(absl::string_view key, int64_t low, int64_t high,
                       int64_t& value) const {
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

  // low <= value < high.
  absl::Status Real(absl::string_view key, double low, double high,
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

  absl::Status String(absl::string_view key, std::string& value) const {
    const json* field = Find(key);
    if (field == nullptr) return absl::OkStatus();
    if (!field->is_string()) return Error(key, "a string");
    value = field->get<std::string>();
    return absl::OkStatus();
  }

  absl::Status Strings(absl::string_view key,
                       std::vector<std::string>& values) const {
    const json* field = Find(key);
    if (field == nullptr) return absl::OkStatus();
    if (!field->is_array()) return Error(key, "a list of strings");
    for (const json& item : *field) {
      if (!item.is_string()) return Error(key, "a list of strings");
      values.push_back(item.get<std::string>());
    }
    return absl::OkStatus();
  }

 private:
  const json& object_;
  const absl::string_view path_;
};

// Which family the file describes; only BERT is known. Files from before
// transformers 2 have no model_type, there the architecture tells.
absl::Status ParseModelType(const Fields& fields, BertConfig& config) {
  GRAFT_RETURN_IF_ERROR(fields.Strings("architectures", config.architectures));
  std::string type;
  GRAFT_RETURN_IF_ERROR(fields.String("model_type", type));
  if (type == "bert") return absl::OkStatus();
  if (!type.empty()) return fields.Unknown("model_type", "\"bert\"");
  for (const std::string& architecture : config.architectures) {
    if (!absl::StartsWith(architecture, "Bert")) {
      return fields.Unknown("architectures", "names that begin with Bert");
    }
  }
  if (config.architectures.empty())
    return fields.Error("model_type", "\"bert\"");
  return absl::OkStatus();
}

absl::Status ParseSizes(const Fields& fields, BertConfig& config) {
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

absl::Status ParseFunctions(const Fields& fields, BertConfig& config) {
  std::string name(ActivationName(config.hidden_act));
  GRAFT_RETURN_IF_ERROR(fields.String("hidden_act", name));
  bool known = false;
  for (const auto& [candidate, activation] : kActivations) {
    if (candidate != name) continue;
    config.hidden_act = activation;
    known = true;
  }
  if (!known) {
    return fields.Unknown("hidden_act",
                          "gelu, gelu_new, gelu_pytorch_tanh, relu or tanh");
  }
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

  // Options that change the graph and that the importer has no graph for.
  std::string positions = "absolute";
  GRAFT_RETURN_IF_ERROR(fields.String("position_embedding_type", positions));
  if (positions != "absolute") {
    return fields.Unknown("position_embedding_type", "\"absolute\"");
  }
  for (absl::string_view key : {"is_decoder", "add_cross_attention"}) {
    const json* flag = fields.Find(key);
    if (flag == nullptr) continue;
    if (!flag->is_boolean()) return fields.Error(key, "true or false");
    if (flag->get<bool>()) return fields.Unknown(key, "false");
  }
  return absl::OkStatus();
}

absl::Status ParseLabels(const Fields& fields, BertConfig& config) {
  GRAFT_RETURN_IF_ERROR(fields.String("problem_type", config.problem_type));
  if (!config.problem_type.empty() &&
      std::find(kProblemTypes.begin(), kProblemTypes.end(),
                config.problem_type) == kProblemTypes.end()) {
    return fields.Unknown("problem_type",
                          "regression, single_label_classification or "
                          "multi_label_classification");
  }
  const json* names = fields.Find("id2label");
  if (names != nullptr) {
    constexpr absl::string_view kExpected =
        "an object with a string for each id 0, 1, ...";
    if (!names->is_object() ||
        names->size() > static_cast<size_t>(kMaxLabels)) {
      return fields.Error("id2label", kExpected);
    }
    config.labels.resize(names->size());
    std::vector<bool> seen(names->size());
    for (const auto& [key, label] : names->items()) {
      int64_t id;
      if (!absl::SimpleAtoi(key, &id) || id < 0 ||
          id >= static_cast<int64_t>(names->size()) ||
          seen[static_cast<size_t>(id)] || !label.is_string()) {
        return fields.Error("id2label", kExpected);
      }
      seen[static_cast<size_t>(id)] = true;
      config.labels[static_cast<size_t>(id)] = label.get<std::string>();
    }
  }
  const json* ids = fields.Find("label2id");
  if (ids != nullptr) {
    if (!ids->is_object()) return fields.Error("label2id", "an object");
    for (const auto& [label, id] : ids->items()) {
      // Two ids may share a name in id2label, so compare in this direction.
      if (names != nullptr && (!id.is_number_unsigned() ||
                               id.get<uint64_t>() >= config.labels.size() ||
                               config.labels[id.get<uint64_t>()] != label)) {
        return fields.Error("label2id", "the inverse of id2label");
      }
    }
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

absl::StatusOr<BertConfig> ParseBertConfig(absl::string_view text,
                                           absl::string_view path) {
  GRAFT_ASSIGN_OR_RETURN(const json object, ParseJson(text, path));
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects an object, got ", DescribeJson(object)));
  }
  const Fields fields(object, path);
  BertConfig config;
  GRAFT_RETURN_IF_ERROR(ParseModelType(fields, config));
  GRAFT_RETURN_IF_ERROR(ParseSizes(fields, config));
  GRAFT_RETURN_IF_ERROR(ParseFunctions(fields, config));
  GRAFT_RETURN_IF_ERROR(ParseLabels(fields, config));
  return config;
}

absl::StatusOr<BertConfig> ReadBertConfig(FileSystem& files,
                                          const std::string& path) {
  constexpr uint64_t kMaxBytes = 256 << 20;
  GRAFT_ASSIGN_OR_RETURN(const std::string text,
                         ReadFile(files, path, kMaxBytes));
  return ParseBertConfig(text, path);
}

std::string BertConfigToJson(const BertConfig& config) {
  json object = {
      {"model_type", config.model_type},
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.hidden_size},
      {"num_hidden_layers", config.num_hidden_layers},
      {"num_attention_heads", config.num_attention_heads},
      {"intermediate_size", config.intermediate_size},
      {"max_position_embeddings", config.max_position_embeddings},
      {"type_vocab_size", config.type_vocab_size},
      {"pad_token_id", config.pad_token_id},
      {"hidden_act", std::string(ActivationName(config.hidden_act))},
      {"layer_norm_eps", config.layer_norm_eps},
      {"initializer_range", config.initializer_range},
      {"hidden_dropout_prob", config.hidden_dropout_prob},
      {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
      {"classifier_dropout", nullptr},
      {"position_embedding_type", "absolute"},
  };
  if (config.classifier_dropout.has_value()) {
    object["classifier_dropout"] = *config.classifier_dropout;
  }
  if (!config.architectures.empty()) {
    object["architectures"] = config.architectures;
  }
  if (!config.labels.empty()) {
    json& names = object["id2label"] = json::object();
    json& ids = object["label2id"] = json::object();
    for (size_t id = 0; id < config.labels.size(); ++id) {
      names[std::to_string(id)] = config.labels[id];
      ids[config.labels[id]] = id;
    }
  }
  if (!config.problem_type.empty()) {
    object["problem_type"] = config.problem_type;
  }
  return object.dump(2, ' ', /*ensure_ascii=*/false,
                     json::error_handler_t::replace) +
         "\n";
}

}  // namespace graft
