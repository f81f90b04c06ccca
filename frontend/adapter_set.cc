// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/adapter_set.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontend/adapters.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/merge_adapters.h"
#include "runtime/formats/peft_directory.h"

namespace graft {
namespace {

bool isNumber(absl::string_view text) {
  return !text.empty() && absl::c_all_of(text, absl::ascii_isdigit);
}

class AdapterSetReader {
 public:
  AdapterSetReader(FileSystem& files, const std::vector<NamedAdapters>& sources,
                   Checkpoint& checkpoint)
      : files_(files), sources_(sources), checkpoint_(checkpoint) {}

  absl::Status run() {
    AdapterSet& set = checkpoint_.adapter_set.emplace();
    for (const NamedAdapters& source : sources_)
      GRAFT_RETURN_IF_ERROR(open(source));
    for (size_t i = 0; i < adapters_.size(); ++i)
      GRAFT_RETURN_IF_ERROR(addHead(i));
    for (const std::string& name : set.matrices)
      GRAFT_RETURN_IF_ERROR(addMatrix(name));
    addShares();
    std::vector<std::string> directories;
    for (const NamedAdapters& source : sources_)
      directories.push_back(source.directory);
    return putTensors(std::move(tensors_), absl::StrJoin(directories, ", "),
                      checkpoint_);
  }

 private:
  // An adapter and what it has for each parameter.
  struct Opened {
    PeftAdapters files;
    std::map<std::string, const PeftModule*> modules;
    int64_t first = 0;  // of its columns among all
  };

  absl::Status open(const NamedAdapters& source) {
    AdapterSet& set = *checkpoint_.adapter_set;
    auto opened = std::make_unique<Opened>();
    GRAFT_ASSIGN_OR_RETURN(opened->files,
                           ReadPeftDirectory(files_, source.directory));
    opened->first = set.rank;
    set.rank += opened->files.rank;
    set.scales_rows |= opened->files.dora;
    for (const PeftModule& module : opened->files.modules) {
      GRAFT_RETURN_IF_ERROR(
          findAdapted(opened->files, module, checkpoint_).status());
      const std::string name =
          checkpoint_.names->strip(absl::StrCat(module.module, ".weight"));
      opened->modules[name] = &module;
      GRAFT_RETURN_IF_ERROR(addMatrices(name));
    }
    adapters_.push_back(std::move(opened));
    return absl::OkStatus();
  }

  // The matrix of the name, and its like in all other layers: a stack of layers
  // is one text.
  absl::Status addMatrices(const std::string& name) {
    std::set<std::string>& matrices = checkpoint_.adapter_set->matrices;
    matrices.insert(name);
    std::vector<std::string> parts = absl::StrSplit(name, '.');
    const auto number = absl::c_find_if(parts, isNumber);
    if (number == parts.end()) return absl::OkStatus();
    for (int64_t i = 0; i < checkpoint_.description->facts().layers; ++i) {
      *number = absl::StrCat(i);
      const std::string other = absl::StrJoin(parts, ".");
      GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                             checkpoint_.names->find(other));
      if (found) matrices.insert(other);
    }
    return absl::OkStatus();
  }

  // The head of adapter `i`, which must be all that it saves besides.
  absl::Status addHead(size_t i) {
    const PeftAdapters& adapters = adapters_[i]->files;
    const std::string& scope = checkpoint_.description->facts().scopes.head;
    const TensorView* weight = nullptr;
    const TensorView* bias = nullptr;
    for (const auto& [name, tensor] : adapters.saved) {
      const std::string parameter = checkpoint_.names->strip(name);
      if (parameter == absl::StrCat(scope, ".weight"))
        weight = tensor;
      else if (parameter == absl::StrCat(scope, ".bias"))
        bias = tensor;
      else
        return absl::UnimplementedError(
            absl::StrCat(adapters.file->path(),
                         ": expects adapters that save nothing but the head ",
                         scope, ", to be one of several, got ", name));
    }
    if (weight == nullptr || bias == nullptr)
      return absl::NotFoundError(absl::StrCat(
          adapters.file->path(), ": expects a saved head, ", scope,
          ".weight and ", scope, ".bias, to be one of several, got ",
          weight == nullptr ? (bias == nullptr ? "neither" : "no weight")
                            : "no bias"));
    if (weight->shape.size() != 2 || bias->shape.size() != 1 ||
        bias->shape[0] != weight->shape[0])
      return absl::InvalidArgumentError(absl::StrCat(
          adapters.file->path(), ": expects a head of a matrix and a bias of ",
          "its rows, got ", DescribeTensorType(weight->dtype, weight->shape),
          " and ", DescribeTensorType(bias->dtype, bias->shape)));
    const auto rows = static_cast<size_t>(weight->shape[0]);
    GRAFT_ASSIGN_OR_RETURN(
        std::vector<std::string> labels,
        readHeadLabels(files_, sources_[i].directory, rows, {}));
    const std::string own = absl::StrCat(scope, ".", sources_[i].name);
    GRAFT_ASSIGN_OR_RETURN(std::vector<float> values,
                           readAdapter(adapters, *weight));
    put(own + ".weight", weight->shape, std::move(values));
    GRAFT_ASSIGN_OR_RETURN(values, readAdapter(adapters, *bias));
    put(own + ".bias", bias->shape, std::move(values));
    checkpoint_.adapter_set->heads.push_back(
        {sources_[i].name, std::move(labels)});
    return absl::OkStatus();
  }

  absl::Status addMatrix(const std::string& name) {
    const AdapterSet& set = *checkpoint_.adapter_set;
    GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                           checkpoint_.names->find(name));
    const TensorView& base = *checkpoint_.weights->Find(*found);
    const int64_t out = base.shape[0], in = base.shape[1];
    std::vector<float> right(set.rank * in), left(out * set.rank);
    std::vector<float> factors;
    for (const auto& adapter : adapters_) {
      const auto module = adapter->modules.find(name);
      const int64_t rank = adapter->files.rank;
      std::vector<float> factor(set.scales_rows ? out : 0, 1.0f);
      if (module != adapter->modules.end()) {
        GRAFT_ASSIGN_OR_RETURN(const std::vector<float> a,
                               readAdapter(adapter->files, *module->second->a));
        GRAFT_ASSIGN_OR_RETURN(const std::vector<float> b,
                               readAdapter(adapter->files, *module->second->b));
        absl::c_copy(a, right.begin() + adapter->first * in);
        for (int64_t row = 0; row < out; ++row)
          std::copy_n(b.begin() + row * rank, rank,
                      left.begin() + row * set.rank + adapter->first);
        if (module->second->magnitude != nullptr) {
          GRAFT_ASSIGN_OR_RETURN(
              factor, readFactors(*adapter, *module->second, base, a, b));
        }
      }
      factors.insert(factors.end(), factor.begin(), factor.end());
    }
    const std::string stem(absl::StripSuffix(name, ".weight"));
    put(stem + ".lora_a", {set.rank, in}, std::move(right));
    put(stem + ".lora_b", {out, set.rank}, std::move(left));
    if (set.scales_rows)
      put(stem + ".lora_factor", {adapterCount(), out}, std::move(factors));
    return absl::OkStatus();
  }

  // m / |row| for each row of W + scale B A.
  absl::StatusOr<std::vector<float>> readFactors(
      const Opened& adapter, const PeftModule& module, const TensorView& base,
      absl::Span<const float> a, absl::Span<const float> b) const {
    std::vector<float> matrix(base.shape[0] * base.shape[1]);
    GRAFT_RETURN_IF_ERROR(checkpoint_.weights->ReadFloats(
        base.name, base.shape, absl::MakeSpan(matrix)));
    MergeAdapters({b, a, adapter.files.rank, adapter.files.scale, {}},
                  absl::MakeSpan(matrix));
    GRAFT_ASSIGN_OR_RETURN(std::vector<float> factors,
                           readAdapter(adapter.files, *module.magnitude));
    for (int64_t row = 0; row < base.shape[0]; ++row) {
      double square = 0;
      for (int64_t i = 0; i < base.shape[1]; ++i) {
        const double value = matrix[row * base.shape[1] + i];
        square += value * value;
      }
      // A row of zeros stays one, as in an export.
      if (square > 0)
        factors[row] = static_cast<float>(factors[row] / std::sqrt(square));
    }
    return factors;
  }

  int64_t adapterCount() const {
    return static_cast<int64_t>(adapters_.size());
  }

  void addShares() {
    const int64_t all = checkpoint_.adapter_set->rank;
    std::vector<float> shares(adapterCount() * all);
    for (size_t i = 0; i < adapters_.size(); ++i)
      std::fill_n(
          shares.begin() + static_cast<int64_t>(i) * all + adapters_[i]->first,
          adapters_[i]->files.rank,
          static_cast<float>(adapters_[i]->files.scale));
    put("adapters.share", {adapterCount(), all}, std::move(shares));
  }

  void put(std::string name, std::vector<int64_t> shape,
           std::vector<float> values) {
    checkpoint_.beside.insert(name);
    tensors_.push_back({std::move(name), std::move(shape), std::move(values)});
  }

  FileSystem& files_;
  const std::vector<NamedAdapters>& sources_;
  Checkpoint& checkpoint_;
  std::vector<std::unique_ptr<Opened>> adapters_;
  std::vector<TensorValues> tensors_;
};

}  // namespace

absl::Status addAdapterSet(FileSystem& files,
                           const std::vector<NamedAdapters>& sources,
                           Checkpoint& checkpoint) {
  return AdapterSetReader(files, sources, checkpoint).run();
}

}  // namespace graft
