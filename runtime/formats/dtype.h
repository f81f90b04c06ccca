// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Element types of stored tensors and their conversion to and from float.

#ifndef GRAFT_RUNTIME_FORMATS_DTYPE_H_
#define GRAFT_RUNTIME_FORMATS_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// The whole-byte types of safetensors, in its order of alignment, which is also
// the order of tensors in a written file.
enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

// Bytes of one element.
size_t DTypeSize(DType dtype);
// Name in a safetensors header: "F32", "BOOL", ...
absl::string_view DTypeName(DType dtype);
std::optional<DType> DTypeFromName(absl::string_view name);

// Whether ConvertToFloat takes it: F32, F16, BF16 or F64.
bool ConvertsToFloat(DType dtype);

// IEEE binary16 and bfloat16 as bits. Towards float the conversion is exact;
// from float it rounds to nearest, ties to even, overflows to infinity and
// keeps NaN a NaN.
float HalfToFloat(uint16_t bits);
uint16_t FloatToHalf(float value);
float BFloat16ToFloat(uint16_t bits);
uint16_t FloatToBFloat16(float value);

// Converts n stored elements (little endian, any alignment) to `values`, shape
// [n]. F64 is rounded to nearest. INVALID_ARGUMENT when ConvertsToFloat is
// false, or when `bytes` has not exactly n elements.
absl::Status ConvertToFloat(DType dtype, absl::Span<const uint8_t> bytes,
                            absl::Span<float> values);

// The reverse, into `bytes` of exactly n elements; dtype F32, F16 or BF16.
absl::Status ConvertFromFloat(absl::Span<const float> values, DType dtype,
                              absl::Span<uint8_t> bytes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_DTYPE_H_
