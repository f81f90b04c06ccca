// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/tensor_files.h"

#include <cstring>
#include <limits>

#include "mlir/IR/Diagnostics.h"
#include "runtime/base/file.h"
#include "runtime/formats/safetensors.h"

using namespace mlir;

namespace graft::interpret {
namespace {

InFlightDiagnostic report(Location location, const absl::Status& status) {
  return emitError(location) << std::string(status.message());
}

template <typename Stored>
LogicalResult readIntegers(Location location, const TensorView& view,
                           Tensor& tensor) {
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, view.data.data() + i * sizeof(Stored), sizeof(Stored));
    if (static_cast<int64_t>(static_cast<int32_t>(stored)) !=
        static_cast<int64_t>(stored))
      return emitError(location, "expects integers of 32 bits in tensor '")
             << view.name << "', got " << static_cast<int64_t>(stored);
    tensor.values[i] = static_cast<double>(stored);
  }
  return success();
}

FailureOr<Tensor> readTensor(Location location, const TensorView& view) {
  SmallVector<int64_t> shape(view.shape.begin(), view.shape.end());
  if (view.dtype == DType::kI32 || view.dtype == DType::kI64) {
    Tensor tensor(shape, ElementKind::i32);
    LogicalResult read = view.dtype == DType::kI32
                             ? readIntegers<int32_t>(location, view, tensor)
                             : readIntegers<int64_t>(location, view, tensor);
    if (failed(read)) return failure();
    return tensor;
  }
  ElementKind kind = view.dtype == DType::kF16    ? ElementKind::f16
                     : view.dtype == DType::kBF16 ? ElementKind::bf16
                                                  : ElementKind::f32;
  Tensor tensor(shape, kind);
  std::vector<float> floats(tensor.values.size());
  absl::Status status =
      ConvertToFloat(view.dtype, view.data, absl::MakeSpan(floats));
  if (!status.ok())
    return report(location, status) << " in tensor '" << view.name << "'",
           failure();
  llvm::copy(floats, tensor.values.begin());
  return tensor;
}

DType storedType(ElementKind kind) {
  switch (kind) {
    case ElementKind::f16:
      return DType::kF16;
    case ElementKind::bf16:
      return DType::kBF16;
    case ElementKind::i32:
      return DType::kI32;
    case ElementKind::f32:
      break;
  }
  return DType::kF32;
}

}  // namespace

FailureOr<std::map<std::string, Tensor>> readTensors(Location location,
                                                     const std::string& path) {
  auto file = SafetensorsFile::Open(FileSystem::Posix(), path);
  if (!file.ok()) return report(location, file.status()), failure();
  std::map<std::string, Tensor> tensors;
  for (const TensorView& view : (*file)->tensors()) {
    FailureOr<Tensor> tensor = readTensor(location, view);
    if (failed(tensor)) return failure();
    tensors.emplace(view.name, std::move(*tensor));
  }
  return tensors;
}

LogicalResult writeTensors(Location location, const std::string& path,
                           const std::map<std::string, Tensor>& tensors) {
  std::vector<std::vector<uint8_t>> buffers;
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) {
    TensorView view;
    view.name = name;
    view.dtype = storedType(tensor.kind);
    view.shape.assign(tensor.shape.begin(), tensor.shape.end());
    std::vector<uint8_t>& bytes =
        buffers.emplace_back(tensor.values.size() * DTypeSize(view.dtype));
    if (tensor.kind == ElementKind::i32) {
      std::vector<int32_t> ints(tensor.values.begin(), tensor.values.end());
      std::memcpy(bytes.data(), ints.data(), bytes.size());
    } else {
      absl::Status status = ConvertFromFloat(tensor.toFloats(), view.dtype,
                                             absl::MakeSpan(bytes));
      if (!status.ok()) return report(location, status);
    }
    view.data = bytes;
    views.push_back(std::move(view));
  }
  absl::Status status = WriteSafetensors(FileSystem::Posix(), path, views);
  if (!status.ok()) return report(location, status);
  return success();
}

}  // namespace graft::interpret
