// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Values of the reference interpreter: tensors, packings of a batch, and the
// state of random draws.

#ifndef GRAFT_PASSES_INTERPRET_TENSOR_H_
#define GRAFT_PASSES_INTERPRET_TENSOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/BuiltinTypes.h"

namespace graft::interpret {

// What an element is rounded to.
enum class ElementKind { f32, f16, bf16, i32 };

// The kind of an MLIR element type; failure for types the dialect lacks.
mlir::FailureOr<ElementKind> getElementKind(mlir::Type type);
llvm::StringRef getElementName(ElementKind kind);

// `value` rounded to nearest even in `kind`. Half precision rounds through
// float, which is what a kernel holds.
double roundTo(double value, ElementKind kind);

// A dense row-major tensor that owns its elements. Elements are doubles
// whatever the kind: the interpreter computes in double and rounds each result
// to its kind once, so a tensor of kind f32 holds floats exactly.
struct Tensor {
  llvm::SmallVector<int64_t> shape;
  ElementKind kind = ElementKind::f32;
  std::vector<double> values;

  Tensor() = default;
  // Zeros.
  Tensor(llvm::ArrayRef<int64_t> shape, ElementKind kind);
  // `values` has one element a position of `shape`.
  static Tensor fromFloats(llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<float> values);
  static Tensor fromInts(llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<int32_t> values);
  static Tensor scalar(double value, ElementKind kind = ElementKind::f32);

  std::vector<float> toFloats() const;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t size() const { return static_cast<int64_t>(values.size()); }
  // Product of all dimensions but the last, and the last; a scalar is 1 by 1.
  int64_t rows() const;
  int64_t columns() const;
  double* row(int64_t index) { return values.data() + index * columns(); }
  const double* row(int64_t index) const {
    return values.data() + index * columns();
  }
  int64_t id(int64_t index) const {
    return static_cast<int64_t>(values[static_cast<size_t>(index)]);
  }

  // Rounds every element to the kind.
  void round();
};

// How S sequences are packed in T rows.
struct Segments {
  std::vector<int32_t> offsets;   // [S + 1], from 0 to T, ascending
  std::vector<int32_t> ordinals;  // [S], of each example in the global batch

  // Sequences of these lengths with ordinals 0, 1, ...
  static Segments fromLengths(llvm::ArrayRef<int32_t> lengths);

  int64_t sequences() const { return static_cast<int64_t>(ordinals.size()); }
  int64_t tokens() const { return offsets.empty() ? 0 : offsets.back(); }
  int64_t begin(int64_t sequence) const {
    return offsets[static_cast<size_t>(sequence)];
  }
  int64_t end(int64_t sequence) const {
    return offsets[static_cast<size_t>(sequence) + 1];
  }
  int64_t length(int64_t sequence) const {
    return end(sequence) - begin(sequence);
  }
};

// A value of a program: shared and immutable, so copies are cheap.
class Value {
 public:
  Value() = default;
  Value(Tensor tensor)  // NOLINT: a tensor is a value.
      : data(std::make_shared<const Tensor>(std::move(tensor))) {}
  Value(Segments segments)  // NOLINT: segments are a value.
      : data(std::make_shared<const Segments>(std::move(segments))) {}

  bool isTensor() const { return data.index() == 0; }
  // The wrong question is a bug of the caller.
  const Tensor& tensor() const { return *std::get<0>(data); }
  const Segments& segments() const { return *std::get<1>(data); }

 private:
  std::variant<std::shared_ptr<const Tensor>, std::shared_ptr<const Segments>>
      data;
};

// What keys the random bits of a phase: docs/formats/randomness.md.
struct RandomState {
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t phase = 0;
  // Where the coordinates of random bits start when the program is a part of a
  // whole: its first attention head, and its first feature of a row.
  uint32_t firstHead = 0;
  uint32_t firstFeature = 0;
};

// Prints `tensor<2x3xf32> [[1, 2, 3], [4, 5, 6]]`, or after `limit` elements
// an ellipsis; segments as `offsets [0, 3, 5] ordinals [0, 1]`.
void print(llvm::raw_ostream& os, const Value& value, int64_t limit);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_TENSOR_H_
