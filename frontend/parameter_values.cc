// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/parameter_values.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/initial_values.h"

using namespace mlir;

namespace graft {
namespace {

absl::string_view view(StringRef text) { return {text.data(), text.size()}; }

// Writes the norms of the rows of `matrix` into `norms`.
absl::Status loadNorms(ParameterOp matrix, const CheckpointWeights* weights,
                       const TensorNames* names, absl::Span<float> norms) {
  std::vector<float> values(matrix.getType().getNumElements());
  GRAFT_RETURN_IF_ERROR(loadParameter(matrix, weights, names, /*seed=*/0,
                                      absl::MakeSpan(values)));
  const size_t columns = values.size() / norms.size();
  for (size_t i = 0; i < norms.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < columns; ++j) {
      const double value = values[i * columns + j];
      sum += value * value;
    }
    norms[i] = static_cast<float>(std::sqrt(sum));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<const TensorView*> findParameter(
    ParameterOp parameter, const CheckpointWeights* weights,
    const TensorNames* names) {
  const absl::string_view name = view(parameter.getSymName());
  if (isa<LayersOp>(parameter->getParentOp())) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, ": expects expanded layers, got a parameter of all layers"));
  }
  if (parameter.getInitial() || parameter.getNormsOf()) return nullptr;
  if (weights == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, ": expects a weights file or initial values, got neither"));
  }
  std::string source =
      parameter.getSource().value_or(parameter.getSymName()).str();
  if (names && !weights->Find(source)) {
    GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                           names->find(source));
    if (found) source = *found;
  }
  const ArrayRef<int64_t> shape = parameter.getType().getShape();
  return weights->Get(source, absl::MakeConstSpan(shape.data(), shape.size()));
}

absl::Status loadParameter(ParameterOp parameter,
                           const CheckpointWeights* weights,
                           const TensorNames* names, uint64_t seed,
                           absl::Span<float> values) {
  GRAFT_ASSIGN_OR_RETURN(const TensorView* stored,
                         findParameter(parameter, weights, names));
  const absl::string_view name = view(parameter.getSymName());
  const int64_t count = parameter.getType().getNumElements();
  if (static_cast<int64_t>(values.size()) != count) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": expects space for ", count, " values, got ", values.size()));
  }
  if (stored) return weights->ReadFloats(stored->name, stored->shape, values);
  if (FlatSymbolRefAttr matrix = parameter.getNormsOfAttr())
    return loadNorms(
        SymbolTable::lookupNearestSymbolFrom<ParameterOp>(parameter, matrix),
        weights, names, values);
  const float deviation = parameter.getDeviation()
                              ? parameter.getDeviation()->convertToFloat()
                              : 1.0f;
  auto model = parameter->getParentOfType<ModelOp>();
  ModelOp first =
      *parameter->getParentOfType<ModuleOp>().getOps<ModelOp>().begin();
  return FillInitialValues(view(*parameter.getInitial()), deviation, seed,
                           InitialValuesName(view(first.getSymName()),
                                             view(model.getSymName()), name),
                           values);
}

absl::Status checkParameters(ModelOp model, const Checkpoint& checkpoint,
                             bool values) {
  const auto check = [&](ParameterOp parameter,
                         std::string name) -> absl::Status {
    if (!checkpoint.weights->Find(name)) {
      GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> found,
                             checkpoint.names->find(name));
      name = found ? *found : checkpoint.names->expected(name);
    }
    const ArrayRef<int64_t> shape = parameter.getType().getShape();
    GRAFT_RETURN_IF_ERROR(
        checkpoint.weights
            ->Get(name, absl::MakeConstSpan(shape.data(), shape.size()))
            .status());
    return values ? checkpoint.weights->CheckFinite(name) : absl::OkStatus();
  };
  absl::Status status;
  model->walk([&](ParameterOp parameter) {
    if (!status.ok() || parameter.getInitial() || parameter.getNormsOf())
      return;
    const std::string name = parameter.getSymName().str();
    auto layers = dyn_cast<LayersOp>(parameter->getParentOp());
    if (!layers) {
      status = check(parameter, parameter.getSource().value_or(name).str());
      return;
    }
    const std::string source =
        parameter.getSource()
            ? parameter.getSource()->str()
            : absl::StrCat(layers.getSymName().str(), ".*.", name);
    for (uint64_t i = 0; i < layers.getCount() && status.ok(); ++i)
      status = check(parameter,
                     absl::StrReplaceAll(
                         source, {{"*", absl::StrCat(layers.getOrigin(i))}}));
  });
  return status;
}

}  // namespace graft
