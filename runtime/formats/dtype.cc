// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace graft {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored little endian and read without swapping");

struct Traits {
  absl::string_view name;
  size_t size;
};

// In the order of DType.
constexpr std::array<Traits, 17> kTraits = {{{"BOOL", 1},
                                             {"U8", 1},
                                             {"I8", 1},
                                             {"F8_E5M2", 1},
                                             {"F8_E4M3", 1},
                                             {"F8_E8M0", 1},
                                             {"I16", 2},
                                             {"U16", 2},
                                             {"F16", 2},
                                             {"BF16", 2},
                                             {"I32", 4},
                                             {"U32", 4},
                                             {"F32", 4},
                                             {"C64", 8},
                                             {"F64", 8},
                                             {"I64", 8},
                                             {"U64", 8}}};

const Traits& TraitsOf(DType dtype) {
  return kTraits[static_cast<size_t>(dtype)];
}

absl::Status CheckSize(DType dtype, size_t bytes, size_t elements) {
  if (bytes == elements * DTypeSize(dtype)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "conversion expects ", elements * DTypeSize(dtype), " bytes for ",
      elements, " elements of ", DTypeName(dtype), ", got ", bytes));
}

// Applies `convert` to each unaligned element of type Stored.
template <typename Stored, typename Convert>
void Load(absl::Span<const uint8_t> bytes, absl::Span<float> values,
          Convert convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
}

template <typename Convert>
void Store(absl::Span<const float> values, absl::Span<uint8_t> bytes,
           Convert convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t stored = convert(values[i]);
    std::memcpy(bytes.data() + i * sizeof(stored), &stored, sizeof(stored));
  }
}

}  // namespace

size_t DTypeSize(DType dtype) { return TraitsOf(dtype).size; }

absl::string_view DTypeName(DType dtype) { return TraitsOf(dtype).name; }

std::optional<DType> DTypeFromName(absl::string_view name) {
  for (size_t i = 0; i < kTraits.size(); ++i) {
    if (kTraits[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1Fu;
  const uint32_t mantissa = bits & 0x3FFu;
  if (exponent == 0) {  // zero and subnormal: mantissa * 2^-24 is exact
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return sign | 0x7E00u;  // NaN
  // 65520 and above round to infinity.
  if (magnitude >= 0x477FF000u) return sign | 0x7C00u;
  if (magnitude < 0x38800000u) {  // below 2^-14: subnormal
    // Adding 0.5 puts the last bit of a half subnormal, 2^-24, at the last bit
    // of the sum, so that the addition rounds as the conversion must.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(
        sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t rounded = magnitude - (112u << 23) + 0xFFFu + odd;
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

float BFloat16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

bool ConvertsToFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 ||
         dtype == DType::kBF16 || dtype == DType::kF64;
}

absl::Status ConvertToFloat(DType dtype, absl::Span<const uint8_t> bytes,
                            absl::Span<float> values) {
  if (absl::Status status = CheckSize(dtype, bytes.size(), values.size());
      !status.ok()) {
    return status;
  }
  switch (dtype) {
    case DType::kF32:
      Load<float>(bytes, values, [](float x) { return x; });
      return absl::OkStatus();
    case DType::kF16:
      Load<uint16_t>(bytes, values, HalfToFloat);
      return absl::OkStatus();
    case DType::kBF16:
      Load<uint16_t>(bytes, values, BFloat16ToFloat);
      return absl::OkStatus();
    case DType::kF64:
      Load<double>(bytes, values,
                   [](double x) { return static_cast<float>(x); });
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "conversion to float expects F32, F16, BF16 or F64, got ",
          DTypeName(dtype)));
  }
}

absl::Status ConvertFromFloat(absl::Span<const float> values, DType dtype,
                              absl::Span<uint8_t> bytes) {
  if (absl::Status status = CheckSize(dtype, bytes.size(), values.size());
      !status.ok()) {
    return status;
  }
  switch (dtype) {
    case DType::kF32:
      if (!values.empty()) {
        std::memcpy(bytes.data(), values.data(), bytes.size());
      }
      return absl::OkStatus();
    case DType::kF16:
      Store(values, bytes, FloatToHalf);
      return absl::OkStatus();
    case DType::kBF16:
      Store(values, bytes, FloatToBFloat16);
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("conversion from float expects F32, F16 or BF16, got ",
                       DTypeName(dtype)));
  }
}

}  // namespace graft
