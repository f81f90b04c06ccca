// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/parameter_values.h"

#include "absl/strings/str_cat.h"
#include "runtime/formats/initial_values.h"

using namespace mlir;

namespace graft {
namespace {

absl::string_view view(StringRef text) { return {text.data(), text.size()}; }

}  // namespace

absl::Status loadParameter(ParameterOp parameter, const SafetensorsFile* file,
                           uint64_t seed, absl::Span<float> values) {
  RankedTensorType type = parameter.getType();
  absl::string_view name = view(parameter.getSymName());
  if (isa<LayersOp>(parameter->getParentOp())) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, ": expects expanded layers, got a parameter of all layers"));
  }
  if (static_cast<int64_t>(values.size()) != type.getNumElements()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expects space for ", type.getNumElements(),
                     " values, got ", values.size()));
  }
  if (std::optional<StringRef> initial = parameter.getInitial()) {
    float deviation = parameter.getDeviation()
                          ? parameter.getDeviation()->convertToFloat()
                          : 1.0f;
    auto model = parameter->getParentOfType<ModelOp>();
    ModelOp first =
        *parameter->getParentOfType<ModuleOp>().getOps<ModelOp>().begin();
    return FillInitialValues(view(*initial), deviation, seed,
                             InitialValuesName(view(first.getSymName()),
                                               view(model.getSymName()), name),
                             values);
  }
  if (file == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, ": expects a weights file or initial values, got neither"));
  }
  ArrayRef<int64_t> shape = type.getShape();
  return file->ReadFloats(
      view(parameter.getSource().value_or(parameter.getSymName())),
      absl::MakeConstSpan(shape.data(), shape.size()), values);
}

}  // namespace graft
