// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdlib>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/labels.h"
#include "runtime/formats/new_directory.h"
#include "runtime/formats/peft_directory.h"

namespace graft {
namespace {

// "a.b" of "a.b.c"; empty of "a".
std::string Module(absl::string_view name) {
  const size_t dot = name.rfind('.');
  return std::string(dot == absl::string_view::npos ? "" : name.substr(0, dot));
}

bool IsEnd(absl::string_view end, absl::string_view module) {
  return module == end || absl::EndsWith(module, absl::StrCat(".", end));
}

// The shortest end of `module` that only modules in `chosen` of `all` have, as
// PEFT compares target_modules; or the module.
std::string ShortestEnd(const std::string& module,
                        const std::set<std::string>& chosen,
                        const std::set<std::string>& all) {
  for (size_t dot = module.rfind('.'); dot != std::string::npos;
       dot = dot == 0 ? std::string::npos : module.rfind('.', dot - 1)) {
    const std::string end = module.substr(dot + 1);
    if (std::all_of(all.begin(), all.end(), [&](const std::string& other) {
          return chosen.contains(other) || !IsEnd(end, other);
        }))
      return end;
  }
  return module;
}

// scale * rank: the number of few digits that gives `scale` back, if there is
// one.
nlohmann::json Alpha(float scale, int64_t rank) {
  const double exact = static_cast<double>(scale) * static_cast<double>(rank);
  const double few =
      std::strtod(absl::StrFormat("%.6g", exact).c_str(), nullptr);
  const double alpha =
      static_cast<float>(few / static_cast<double>(rank)) == scale ? few
                                                                   : exact;
  const auto whole = static_cast<int64_t>(alpha);
  if (static_cast<double>(whole) == alpha) return whole;
  return alpha;
}

class Writer {
 public:
  explicit Writer(const PeftContent& content)
      : content_(content),
        classifier_(std::any_of(
            content.parameters.begin(), content.parameters.end(),
            [](const std::string& name) { return IsInClassifier(name); })) {}

  absl::Status NameTensors();
  std::string Config() const;
  const NamedTensors& tensors() const { return tensors_; }

 private:
  std::string InFile(absl::string_view name) const {
    return NameInFile(content_.config, classifier_, name);
  }
  std::set<std::string> AllModules() const;

  const PeftContent& content_;
  const bool classifier_;
  int64_t rank_ = 0;
  std::set<std::string> adapted_;  // modules
  NamedTensors tensors_;
};

absl::Status Writer::NameTensors() {
  for (const AdaptedTensor& matrix : content_.adapted) {
    const int64_t rank = matrix.a->shape[0];
    if (rank_ == 0) rank_ = rank;
    if (rank != rank_)
      return absl::InvalidArgumentError(
          absl::StrCat(matrix.name, " expects adapters of rank ", rank_,
                       ", as others have, got ", rank));
    const std::string module = Module(InFile(matrix.name));
    adapted_.insert(module);
    const std::string stem = absl::StrCat("base_model.model.", module, ".");
    tensors_[stem + "lora_A.weight"] = matrix.a;
    tensors_[stem + "lora_B.weight"] = matrix.b;
    if (matrix.magnitude)
      tensors_[stem + "lora_magnitude_vector"] = matrix.magnitude;
  }
  for (const ModelTensor* tensor : content_.saved)
    tensors_[absl::StrCat("base_model.model.", InFile(tensor->name))] = tensor;
  return absl::OkStatus();
}

// Paths of all modules of the model, containers included.
std::set<std::string> Writer::AllModules() const {
  std::set<std::string> modules;
  for (const std::string& name : content_.parameters)
    for (std::string module = Module(InFile(name)); !module.empty();
         module = Module(module))
      modules.insert(module);
  return modules;
}

std::string Writer::Config() const {
  const std::set<std::string> all = AllModules();
  std::set<std::string> targets, saved;
  for (const std::string& module : adapted_)
    targets.insert(ShortestEnd(module, adapted_, all));
  for (const ModelTensor* tensor : content_.saved)
    saved.insert(Module(InFile(tensor->name)));
  nlohmann::json json = {
      {"alpha_pattern", nlohmann::json::object()},
      {"auto_mapping", nullptr},
      {"base_model_name_or_path", nullptr},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"lora_alpha", Alpha(content_.scale, rank_)},
      {"lora_dropout", 0.0},
      {"modules_to_save", nullptr},
      {"peft_type", "LORA"},
      {"r", rank_},
      {"rank_pattern", nlohmann::json::object()},
      {"revision", nullptr},
      {"target_modules", targets},
      {"task_type", nullptr},
      {"use_dora", content_.adapted.front().magnitude != nullptr},
      {"use_rslora", false}};
  if (!content_.base.empty()) json["base_model_name_or_path"] = content_.base;
  if (classifier_) json["task_type"] = "SEQ_CLS";
  if (!saved.empty()) json["modules_to_save"] = saved;
  // Whatever bytes the base's name has.
  return json.dump(2, ' ', /*ensure_ascii=*/false,
                   nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace

absl::Status WritePeftDirectory(FileSystem& files, const std::string& directory,
                                const PeftContent& content, DType dtype) {
  Writer writer(content);
  GRAFT_RETURN_IF_ERROR(writer.NameTensors());
  return WriteNewDirectory(
      files, directory, kPeftConfig,
      [&](const std::string& aside) -> absl::Status {
        GRAFT_RETURN_IF_ERROR(WriteFile(
            files, JoinPath(aside, std::string(kPeftConfig)), writer.Config()));
        if (!content.labels.empty())
          GRAFT_RETURN_IF_ERROR(WriteLabels(
              files, JoinPath(aside, "labels.json"), content.labels));
        return WriteModelTensors(files,
                                 JoinPath(aside, std::string(kPeftWeights)),
                                 writer.tensors(), dtype);
      });
}

}  // namespace graft
