// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/adapters.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/labels.h"
#include "runtime/formats/merge_adapters.h"
#include "runtime/formats/peft_directory.h"

namespace graft {
namespace {

class AdapterReader {
 public:
  AdapterReader(FileSystem& files, const AdapterSource& source,
                Checkpoint& checkpoint)
      : files_(files), source_(source), checkpoint_(checkpoint) {}

  absl::Status run() {
    GRAFT_ASSIGN_OR_RETURN(adapters_,
                           ReadPeftDirectory(files_, source_.directory));
    checkpoint_.adapters = {
        source_.directory,
        adapters_.rank,
        adapters_.scale * static_cast<double>(adapters_.rank),
        adapters_.dora,
        adapters_.targets,
        {}};
    for (const PeftModule& module : adapters_.modules)
      GRAFT_RETURN_IF_ERROR(addModule(module));
    for (const auto& [name, tensor] : adapters_.saved)
      GRAFT_RETURN_IF_ERROR(addSaved(name, *tensor));
    return putTensors(std::move(tensors_), adapters_.file->path(), checkpoint_);
  }

 private:
  const std::string& path() const { return adapters_.file->path(); }

  absl::StatusOr<std::vector<float>> read(const TensorView& tensor) const {
    return readAdapter(adapters_, tensor);
  }

  absl::Status addModule(const PeftModule& module) {
    const std::string parameter =
        checkpoint_.names->strip(absl::StrCat(module.module, ".weight"));
    GRAFT_ASSIGN_OR_RETURN(const TensorView* matrix,
                           findAdapted(adapters_, module, checkpoint_));
    checkpoint_.adapters->matrices.push_back(parameter);
    GRAFT_ASSIGN_OR_RETURN(std::vector<float> right, read(*module.a));
    GRAFT_ASSIGN_OR_RETURN(std::vector<float> left, read(*module.b));
    std::vector<float> norms;
    if (module.magnitude) {
      GRAFT_ASSIGN_OR_RETURN(norms, read(*module.magnitude));
    }
    if (source_.beside) {
      const std::string stem(absl::StripSuffix(parameter, ".weight"));
      put(stem + ".lora_a", module.a->shape, std::move(right));
      put(stem + ".lora_b", module.b->shape, std::move(left));
      if (module.magnitude)
        put(stem + ".lora_magnitude", module.magnitude->shape,
            std::move(norms));
      return absl::OkStatus();
    }
    std::vector<float> values(left.size() / adapters_.rank *
                              (right.size() / adapters_.rank));
    GRAFT_RETURN_IF_ERROR(checkpoint_.weights->ReadFloats(
        matrix->name, matrix->shape, absl::MakeSpan(values)));
    MergeAdapters({left, right, adapters_.rank, adapters_.scale, norms},
                  absl::MakeSpan(values));
    tensors_.push_back({matrix->name, matrix->shape, std::move(values)});
    return absl::OkStatus();
  }

  void put(std::string name, const std::vector<int64_t>& shape,
           std::vector<float> values) {
    checkpoint_.beside.insert(name);
    tensors_.push_back({std::move(name), shape, std::move(values)});
  }

  // Names the labels of a head of so many rows.
  absl::Status nameLabels(size_t rows) {
    ModelDescription& description = *checkpoint_.description;
    GRAFT_ASSIGN_OR_RETURN(
        std::vector<std::string> labels,
        readHeadLabels(files_, source_.directory, rows, description.labels()));
    description.facts().has_sequence_head = true;
    description.setHead(std::move(labels),
                        ModelDescription::problemTypeOf(rows));
    return absl::OkStatus();
  }

  absl::Status addSaved(const std::string& name, const TensorView& tensor) {
    const std::string parameter = checkpoint_.names->strip(name);
    const ModelScopes& scopes = checkpoint_.description->facts().scopes;
    const auto isIn = [&](const std::string& scope) {
      return !scope.empty() &&
             absl::StartsWith(parameter, absl::StrCat(scope, "."));
    };
    GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                           checkpoint_.names->find(parameter));
    const bool head = isIn(scopes.head);
    if (!found && !head && !isIn(scopes.pooler))
      return absl::NotFoundError(absl::StrCat(
          path(), ": expects parameters that ", checkpoint_.directory,
          " has, or a head, got '", tensor.name, "'"));
    if (found && !head)
      GRAFT_RETURN_IF_ERROR(
          checkpoint_.weights->Get(*found, tensor.shape).status());
    if (parameter == absl::StrCat(scopes.head, ".weight")) {
      if (tensor.shape.size() != 2)
        return absl::InvalidArgumentError(absl::StrCat(
            path(), ": tensor '", tensor.name, "' expects a matrix, got ",
            DescribeTensorType(tensor.dtype, tensor.shape)));
      GRAFT_RETURN_IF_ERROR(nameLabels(static_cast<size_t>(tensor.shape[0])));
    }
    GRAFT_ASSIGN_OR_RETURN(std::vector<float> values, read(tensor));
    tensors_.push_back(
        {found.value_or(parameter), tensor.shape, std::move(values)});
    return absl::OkStatus();
  }

  FileSystem& files_;
  const AdapterSource& source_;
  Checkpoint& checkpoint_;
  PeftAdapters adapters_;
  std::vector<TensorValues> tensors_;
};

}  // namespace

absl::StatusOr<std::vector<float>> readAdapter(const PeftAdapters& adapters,
                                               const TensorView& tensor) {
  std::vector<float> values(tensor.data.size() / DTypeSize(tensor.dtype));
  GRAFT_RETURN_IF_ERROR(adapters.file->ReadFloats(tensor.name, tensor.shape,
                                                  absl::MakeSpan(values)));
  return values;
}

absl::Status putTensors(std::vector<TensorValues> tensors,
                        const std::string& path, Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const TensorValues& tensor : tensors) names.push_back(tensor.name);
  checkpoint.names.reset();  // borrows the tensors
  checkpoint.weights->Put(
      SafetensorsFile::FromValues(std::move(tensors), path));
  checkpoint.names = std::make_unique<TensorNames>(*checkpoint.weights,
                                                   *checkpoint.description);
  for (const std::string& name : names)
    GRAFT_RETURN_IF_ERROR(checkpoint.weights->CheckFinite(name));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> readHeadLabels(
    FileSystem& files, const std::string& directory, size_t rows,
    std::vector<std::string> known) {
  if (const std::string path = JoinPath(directory, "labels.json");
      rows > 1 && files.Exists(path)) {
    GRAFT_ASSIGN_OR_RETURN(known, ReadLabels(files, path));
    if (known.size() != rows)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": expects ", rows,
          " labels, as the head of the adapters has rows, got ", known.size()));
  }
  if (known.size() == rows) return known;
  known.clear();
  for (size_t i = 0; i < rows; ++i) known.push_back(absl::StrCat("LABEL_", i));
  return known;
}

absl::StatusOr<const TensorView*> findAdapted(const PeftAdapters& adapters,
                                              const PeftModule& module,
                                              const Checkpoint& checkpoint) {
  const CheckpointWeights& weights = *checkpoint.weights;
  const TensorNames& names = *checkpoint.names;
  const std::string& path = adapters.file->path();
  GRAFT_ASSIGN_OR_RETURN(
      const std::optional<std::string> name,
      names.find(names.strip(absl::StrCat(module.module, ".weight"))));
  if (!name)
    return absl::NotFoundError(
        absl::StrCat(path, ": expects adapters of linear layers that ",
                     checkpoint.directory, " has, got ", module.module,
                     ", of which ", weights.path(), " has no weight"));
  const TensorView* matrix = weights.Find(*name);
  if (matrix->shape ==
      std::vector<int64_t>{module.b->shape[0], module.a->shape[1]})
    return matrix;
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": the adapters of ", module.module, " expect a matrix [",
      module.b->shape[0], ", ", module.a->shape[1], "], got ", *name, " of ",
      DescribeTensorType(matrix->dtype, matrix->shape), " in ",
      weights.PathOf(*name)));
}

absl::Status addAdapters(FileSystem& files, const AdapterSource& source,
                         Checkpoint& checkpoint) {
  return AdapterReader(files, source, checkpoint).run();
}

}  // namespace graft
