// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/formats/peft_directory.h"

namespace graft {
namespace {

constexpr absl::string_view kPrefix = "base_model.model.";
constexpr int64_t kMaxRank = 65536;

// Variants of LoRA that compute something else where their key is set.
constexpr const char* kVariants[] = {"rank_pattern",
                                     "alpha_pattern",
                                     "fan_in_fan_out",
                                     "lora_bias",
                                     "use_qalora",
                                     "layer_replication",
                                     "target_parameters",
                                     "trainable_token_indices",
                                     "alora_invocation_tokens",
                                     "use_bdlora",
                                     "kasa_config",
                                     "monteclora_config",
                                     "arrow_config",
                                     "velora_config"};

// Initialisations that leave the weights of the base as they are.
constexpr absl::string_view kInitialisations[] = {"gaussian", "eva",
                                                  "orthogonal", "mica"};

bool IsUnset(const nlohmann::json& value) {
  return value.is_null() || value == false || value.empty();
}

// Reads adapter_config.json.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& json, PeftAdapters& adapters)
      : json_(json), adapters_(adapters) {}

  absl::Status Run() {
    if (!json_.is_object())
      return absl::InvalidArgumentError(absl::StrCat(
          adapters_.config, ": expects an object, got ", DescribeJson(json_)));
    GRAFT_RETURN_IF_ERROR(CheckKind());
    double rank = 8, alpha = 8;  // the defaults of PEFT
    bool stabilised = false;
    GRAFT_RETURN_IF_ERROR(Number("r", rank));
    GRAFT_RETURN_IF_ERROR(Number("lora_alpha", alpha));
    GRAFT_RETURN_IF_ERROR(Flag("use_dora", adapters_.dora));
    GRAFT_RETURN_IF_ERROR(Flag("use_rslora", stabilised));
    if (rank < 1 || rank > kMaxRank || rank != std::floor(rank))
      return Error("r", absl::StrCat("a whole number in [1, ", kMaxRank, "]"));
    if (!(alpha > 0) || !std::isfinite(alpha))
      return Error("lora_alpha", "a positive number");
    adapters_.rank = static_cast<int64_t>(rank);
    adapters_.alpha = alpha;
    adapters_.scale = alpha / (stabilised ? std::sqrt(rank) : rank);
    return Targets();
  }

 private:
  absl::Status Error(const char* key, absl::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat(adapters_.config, ": ", key,
                                                   " expects ", expected,
                                                   ", got ", Found(key)));
  }
  absl::Status Unsupported(const char* key, absl::string_view expected) const {
    return absl::UnimplementedError(Error(key, expected).message());
  }
  std::string Found(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() ? "none" : DescribeJson(*found);
  }

  // Refuses all but LoRA and DoRA beside weights as they are.
  absl::Status CheckKind() const {
    if (json_.value("peft_type", nlohmann::json()) != "LORA")
      return Unsupported("peft_type", "LORA");
    if (json_.value("bias", nlohmann::json("none")) != "none")
      return Unsupported("bias", "\"none\"");
    for (const char* key : kVariants)
      if (const auto found = json_.find(key);
          found != json_.end() && !IsUnset(*found))
        return Unsupported(key, "nothing, as in plain LoRA");
    const nlohmann::json initial =
        json_.value("init_lora_weights", nlohmann::json(true));
    if (initial.is_string() &&
        std::find(std::begin(kInitialisations), std::end(kInitialisations),
                  initial.get<std::string>()) == std::end(kInitialisations))
      return Unsupported("init_lora_weights",
                         "one that leaves the base's weights as they are");
    return absl::OkStatus();
  }

  absl::Status Number(const char* key, double& value) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return absl::OkStatus();
    if (!found->is_number()) return Error(key, "a number");
    value = found->get<double>();
    return absl::OkStatus();
  }

  absl::Status Flag(const char* key, bool& value) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return absl::OkStatus();
    if (!found->is_boolean()) return Error(key, "true or false");
    value = found->get<bool>();
    return absl::OkStatus();
  }

  absl::Status Targets() {
    const auto found = json_.find("target_modules");
    if (found == json_.end() || !found->is_array()) return absl::OkStatus();
    for (const nlohmann::json& name : *found) {
      if (!name.is_string()) return Error("target_modules", "names");
      adapters_.targets.push_back(name.get<std::string>());
    }
    std::sort(adapters_.targets.begin(), adapters_.targets.end());
    return absl::OkStatus();
  }

  const nlohmann::json& json_;
  PeftAdapters& adapters_;
};

// Sorts the tensors of the file into modules and those that are saved.
class TensorReader {
 public:
  explicit TensorReader(PeftAdapters& adapters) : adapters_(adapters) {}

  absl::Status Run() {
    for (const TensorView& tensor : adapters_.file->tensors())
      GRAFT_RETURN_IF_ERROR(Sort(tensor));
    if (modules_.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(path(), ": expects tensors *.lora_A.weight, got none"));
    for (auto& [name, module] : modules_) {
      GRAFT_RETURN_IF_ERROR(Check(module));
      adapters_.modules.push_back(std::move(module));
    }
    return absl::OkStatus();
  }

 private:
  const std::string& path() const { return adapters_.file->path(); }

  absl::Status Error(const TensorView& tensor, absl::string_view expected,
                     absl::string_view got) const {
    return absl::InvalidArgumentError(absl::StrCat(path(), ": tensor '",
                                                   tensor.name, "' expects ",
                                                   expected, ", got ", got));
  }

  absl::Status Sort(const TensorView& tensor) {
    absl::string_view name = tensor.name;
    if (!absl::ConsumePrefix(&name, kPrefix))
      return Error(tensor, absl::StrCat("a name that begins with ", kPrefix),
                   "another");
    if (!ConvertsToFloat(tensor.dtype))
      return Error(tensor, "F32, F16, BF16 or F64",
                   DescribeTensorType(tensor.dtype, tensor.shape));
    const auto take = [&](absl::string_view suffix,
                          const TensorView* PeftModule::* member) {
      if (!absl::ConsumeSuffix(&name, suffix)) return false;
      PeftModule& module = modules_[std::string(name)];
      module.module = std::string(name);
      module.*member = &tensor;
      return true;
    };
    if (take(".lora_A.weight", &PeftModule::a) ||
        take(".lora_B.weight", &PeftModule::b) ||
        take(".lora_magnitude_vector", &PeftModule::magnitude))
      return absl::OkStatus();
    if (absl::StrContains(name, ".lora_"))
      return absl::UnimplementedError(
          Error(tensor, "lora_A.weight, lora_B.weight or lora_magnitude_vector",
                "another part of an adapter")
              .message());
    adapters_.saved.emplace_back(name, &tensor);
    return absl::OkStatus();
  }

  absl::Status Check(const PeftModule& module) const {
    const auto missing = [&](absl::string_view suffix) {
      return absl::NotFoundError(absl::StrCat(path(), ": expects a tensor '",
                                              kPrefix, module.module, suffix,
                                              "', got none"));
    };
    if (!module.a) return missing(".lora_A.weight");
    if (!module.b) return missing(".lora_B.weight");
    if (adapters_.dora && !module.magnitude)
      return missing(".lora_magnitude_vector");
    if (!adapters_.dora && module.magnitude)
      return Error(*module.magnitude,
                   absl::StrCat("use_dora in ", adapters_.config), "none");
    const int64_t rank = adapters_.rank;
    const auto type = [](const TensorView& tensor) {
      return DescribeTensorType(tensor.dtype, tensor.shape);
    };
    if (module.a->shape.size() != 2 || module.a->shape[0] != rank)
      return Error(
          *module.a,
          absl::StrCat("[r, in] with the r of ", adapters_.config, ", ", rank),
          type(*module.a));
    if (module.b->shape.size() != 2 || module.b->shape[1] != rank)
      return Error(
          *module.b,
          absl::StrCat("[out, r] with the r of ", adapters_.config, ", ", rank),
          type(*module.b));
    if (module.magnitude &&
        module.magnitude->shape != std::vector<int64_t>{module.b->shape[0]})
      return Error(*module.magnitude,
                   absl::StrCat("[", module.b->shape[0], "]"),
                   type(*module.magnitude));
    return absl::OkStatus();
  }

  PeftAdapters& adapters_;
  std::map<std::string, PeftModule> modules_;
};

// The path of a file of the directory. NOT_FOUND if it is not there.
absl::StatusOr<std::string> FindFile(FileSystem& files,
                                     const std::string& directory,
                                     absl::string_view name) {
  const std::string path = JoinPath(directory, std::string(name));
  if (files.Exists(path)) return path;
  const bool pickled = name == kPeftWeights &&
                       files.Exists(JoinPath(directory, "adapter_model.bin"));
  return absl::NotFoundError(
      absl::StrCat(directory, ": expects the ", name, " of PEFT adapters, got ",
                   pickled ? "adapter_model.bin; PEFT converts it with "
                             "from_pretrained(...).save_pretrained(...)"
                           : "none"));
}

}  // namespace

absl::StatusOr<PeftAdapters> ReadPeftDirectory(FileSystem& files,
                                               const std::string& directory) {
  PeftAdapters adapters;
  adapters.directory = directory;
  GRAFT_ASSIGN_OR_RETURN(adapters.config,
                         FindFile(files, directory, kPeftConfig));
  GRAFT_ASSIGN_OR_RETURN(const std::string weights,
                         FindFile(files, directory, kPeftWeights));
  GRAFT_ASSIGN_OR_RETURN(const std::string text,
                         ReadFile(files, adapters.config));
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json json,
                         ParseJson(text, adapters.config));
  GRAFT_RETURN_IF_ERROR(ConfigReader(json, adapters).Run());
  GRAFT_ASSIGN_OR_RETURN(adapters.file, SafetensorsFile::Open(files, weights));
  GRAFT_RETURN_IF_ERROR(TensorReader(adapters).Run());
  return adapters;
}

}  // namespace graft
