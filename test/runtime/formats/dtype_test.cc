// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/dtype.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(DTypeTest, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::kU64); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(DTypeFromName(DTypeName(dtype)), dtype);
    EXPECT_GE(DTypeSize(dtype), 1u);
  }
  EXPECT_EQ(DTypeFromName("F4"), std::nullopt);
  EXPECT_EQ(DTypeFromName("f32"), std::nullopt);
  EXPECT_EQ(DTypeSize(DType::kBF16), 2u);
  EXPECT_EQ(DTypeName(DType::kI64), "I64");
}

// All 65536 halves: exact against ldexp, and back to the same bits.
TEST(DTypeTest, EveryHalfRoundTrips) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    const uint32_t exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    if (exponent == 31 && mantissa != 0) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value)))) << bits;
      continue;
    }
    double expected =
        exponent == 31 ? std::numeric_limits<double>::infinity()
        : exponent == 0
            ? std::ldexp(mantissa, -24)
            : std::ldexp(1024 + mantissa, static_cast<int>(exponent) - 25);
    if (bits & 0x8000) expected = -expected;
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
    ASSERT_EQ(FloatToHalf(value), bits);
  }
}

// Between each two neighbouring halves: just below the middle goes down, the
// middle goes to the even one, just above goes up.
TEST(DTypeTest, HalfRoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const float low = HalfToFloat(static_cast<uint16_t>(bits));
    // The value after the largest half is where infinity begins.
    const float high = bits + 1 == 0x7C00
                           ? 65536.0f
                           : HalfToFloat(static_cast<uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;
    const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, low)), bits);
    ASSERT_EQ(FloatToHalf(middle), even);
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, high)), bits + 1);
    ASSERT_EQ(FloatToHalf(-middle), even | 0x8000);
  }
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::max()), 0x7C00);
}

TEST(DTypeTest, BFloat16RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7F80; ++bits) {
    const float low = BFloat16ToFloat(static_cast<uint16_t>(bits));
    ASSERT_EQ(FloatToBFloat16(low), bits);
    const float middle = std::bit_cast<float>((bits << 16) | 0x8000);
    const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(FloatToBFloat16(middle), even);
    ASSERT_EQ(FloatToBFloat16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(FloatToBFloat16(std::bit_cast<float>((bits << 16) | 0x8001)),
              bits + 1);
  }
  // A NaN whose payload lies in the lower half must not become infinity.
  const float nan = std::bit_cast<float>(0x7F800001u);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(nan))));
  const float all = std::bit_cast<float>(0x7FFFFFFFu);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(all))));
}

TEST(DTypeTest, ConvertsUnalignedBytes) {
  const std::vector<uint8_t> bytes = {9, 0x00, 0x3C, 0x00, 0xC0};
  std::vector<float> values(2);
  ASSERT_TRUE(ConvertToFloat(DType::kF16, absl::MakeConstSpan(bytes).subspan(1),
                             absl::MakeSpan(values))
                  .ok());
  EXPECT_EQ(values, (std::vector<float>{1, -2}));
  std::vector<uint8_t> back(4);
  ASSERT_TRUE(ConvertFromFloat(values, DType::kF16, absl::MakeSpan(back)).ok());
  EXPECT_EQ(back, std::vector<uint8_t>(bytes.begin() + 1, bytes.end()));
}

TEST(DTypeTest, ConvertsEachFloatingType) {
  const std::vector<float> values = {0.5f, -3.0f, 1e-3f};
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<uint8_t> bytes(3 * DTypeSize(dtype));
    std::vector<float> back(3);
    ASSERT_TRUE(ConvertFromFloat(values, dtype, absl::MakeSpan(bytes)).ok());
    ASSERT_TRUE(ConvertToFloat(dtype, bytes, absl::MakeSpan(back)).ok());
    EXPECT_EQ(back[0], 0.5f);
    EXPECT_EQ(back[1], -3.0f);
    EXPECT_NEAR(back[2], 1e-3f, 4e-6f);
  }
  const double wide[] = {1.0 / 3};
  float value;
  ASSERT_TRUE(ConvertToFloat(DType::kF64,
                             {reinterpret_cast<const uint8_t*>(wide), 8},
                             {&value, 1})
                  .ok());
  EXPECT_EQ(value, 1.0f / 3);
}

TEST(DTypeTest, RefusesOtherTypesAndSizes) {
  std::vector<uint8_t> bytes(8);
  std::vector<float> values(2);
  EXPECT_EQ(
      ConvertToFloat(DType::kI32, bytes, absl::MakeSpan(values)).message(),
      "conversion to float expects F32, F16, BF16 or F64, got I32");
  EXPECT_EQ(
      ConvertToFloat(DType::kF16, bytes, absl::MakeSpan(values)).message(),
      "conversion expects 4 bytes for 2 elements of F16, got 8");
  EXPECT_TRUE(absl::IsInvalidArgument(
      ConvertFromFloat(values, DType::kI32, absl::MakeSpan(bytes))));
}

}  // namespace
}  // namespace graft
