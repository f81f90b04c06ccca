// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/tensor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "runtime/formats/dtype.h"

using namespace mlir;

namespace graft::interpret {
namespace {

int64_t countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

// Prints the elements of the dimensions from `dim` on; `index` and `left` run
// over all elements.
void printElements(raw_ostream& os, const Tensor& tensor, size_t dim,
                   size_t& index, int64_t& left) {
  if (dim == tensor.shape.size()) {
    --left;
    double value = tensor.values[index++];
    if (value == 0) value = 0;  // The sign of a zero is noise here.
    os << llvm::format("%.6g", value);
    return;
  }
  os << '[';
  for (int64_t i = 0; i < tensor.shape[dim]; ++i) {
    if (i > 0) os << ", ";
    if (left <= 0) {
      os << "...";
      break;
    }
    printElements(os, tensor, dim + 1, index, left);
  }
  os << ']';
}

}  // namespace

FailureOr<ElementKind> getElementKind(Type type) {
  if (type.isF32()) return ElementKind::f32;
  if (type.isF16()) return ElementKind::f16;
  if (type.isBF16()) return ElementKind::bf16;
  if (type.isSignlessInteger(32)) return ElementKind::i32;
  return failure();
}

StringRef getElementName(ElementKind kind) {
  switch (kind) {
    case ElementKind::f32:
      return "f32";
    case ElementKind::f16:
      return "f16";
    case ElementKind::bf16:
      return "bf16";
    case ElementKind::i32:
      return "i32";
  }
  return "";
}

double roundTo(double value, ElementKind kind) {
  switch (kind) {
    case ElementKind::f32:
      return static_cast<float>(value);
    case ElementKind::f16:
      return HalfToFloat(FloatToHalf(static_cast<float>(value)));
    case ElementKind::bf16:
      return BFloat16ToFloat(FloatToBFloat16(static_cast<float>(value)));
    case ElementKind::i32:
      return value;
  }
  return value;
}

Tensor::Tensor(ArrayRef<int64_t> shape, ElementKind kind)
    : shape(shape),
      kind(kind),
      values(static_cast<size_t>(countElements(shape))) {}

Tensor Tensor::fromFloats(ArrayRef<int64_t> shape, ArrayRef<float> values) {
  Tensor tensor(shape, ElementKind::f32);
  assert(values.size() == tensor.values.size());
  llvm::copy(values, tensor.values.begin());
  return tensor;
}

Tensor Tensor::fromInts(ArrayRef<int64_t> shape, ArrayRef<int32_t> values) {
  Tensor tensor(shape, ElementKind::i32);
  assert(values.size() == tensor.values.size());
  llvm::copy(values, tensor.values.begin());
  return tensor;
}

Tensor Tensor::scalar(double value, ElementKind kind) {
  Tensor tensor({}, kind);
  tensor.values[0] = value;
  return tensor;
}

std::vector<float> Tensor::toFloats() const {
  return std::vector<float>(values.begin(), values.end());
}

int64_t Tensor::rows() const {
  return countElements(ArrayRef(shape).drop_back(shape.empty() ? 0 : 1));
}

int64_t Tensor::columns() const { return shape.empty() ? 1 : shape.back(); }

void Tensor::round() {
  if (kind == ElementKind::i32) return;
  for (double& value : values) value = roundTo(value, kind);
}

Segments Segments::fromLengths(ArrayRef<int32_t> lengths) {
  Segments segments;
  segments.offsets.push_back(0);
  for (int32_t length : lengths) {
    segments.ordinals.push_back(static_cast<int32_t>(segments.ordinals.size()));
    segments.offsets.push_back(segments.offsets.back() + length);
  }
  return segments;
}

void print(raw_ostream& os, const Value& value, int64_t limit) {
  if (!value.isTensor()) {
    os << "offsets [";
    llvm::interleaveComma(value.segments().offsets, os);
    os << "] ordinals [";
    llvm::interleaveComma(value.segments().ordinals, os);
    os << ']';
    return;
  }
  const Tensor& tensor = value.tensor();
  os << "tensor<";
  for (int64_t size : tensor.shape) os << size << 'x';
  os << getElementName(tensor.kind) << "> ";
  size_t index = 0;
  printElements(os, tensor, 0, index, limit);
}

}  // namespace graft::interpret
