// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/philox.h"

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace graft {
namespace {

// Known-answer vectors of Random123 (tests/kat_vectors, philox4x32 10).
TEST(PhiloxTest, MatchesRandom123KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                       {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// First outputs of the reference splitmix64.c from state 0: the generator adds
// the golden gamma before each output, so the second one is that of the gamma.
TEST(PhiloxTest, SplitMixMatchesReference) {
  EXPECT_EQ(SplitMix64(0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(SplitMix64(0x9E3779B97F4A7C15u), 0x6e789e6aa1b965f4u);
}

TEST(PhiloxTest, IsUsableAtCompileTime) {
  static_assert(Philox4x32({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5);
  static_assert(DropoutThreshold(0.1) == 6554);
  static_assert(DropoutThreshold(0.5) == 32768);
  static_assert(DropoutScale(32768) == 2.0f);
  static_assert(DropoutKeep({0, 0}, {}, 0, 0x627));
}

// As docs/formats/randomness.md defines it, computed elsewhere.
TEST(PhiloxTest, RandomNumbersOfHostProgramsAreThoseOfTheFormat) {
  static_assert(HostRandom(42, 0) == 0x1.57a090893d0d8p-3);
  EXPECT_EQ(HostRandom(42, 1), 0x1.8e3a2a101b964p-1);
  EXPECT_EQ(HostRandom(42, 11), 0x1.99deb1a502d8bp-1);
  // Both halves of the number count.
  EXPECT_EQ(HostRandom(42, (uint64_t{1} << 40) + 3), 0x1.d8f958ad3ea90p-5);
  EXPECT_NE(HostRandom(43, 0), HostRandom(42, 0));
}

TEST(DropoutTest, ThresholdIsRoundedAndClamped) {
  EXPECT_EQ(DropoutThreshold(1e-9), 1u);
  EXPECT_EQ(DropoutThreshold(0.25), 16384u);
  EXPECT_EQ(DropoutThreshold(1.0 - 1e-9), 65535u);
  EXPECT_EQ(DropoutThreshold(std::nan("")), 1u);
  EXPECT_FLOAT_EQ(DropoutScale(DropoutThreshold(0.1)), 65536.0f / 58982.0f);
}

// The layout as numbers: counter words, call index and chunk of one element.
TEST(DropoutTest, LayoutIsThatOfTheFormat) {
  const PhiloxKey key = RandomOpKey(/*seed=*/42, /*phase=*/1, /*draw=*/2,
                                    /*op_id=*/3);
  const uint64_t place = (1ull << 48) | (2ull << 32) | 3;
  const uint64_t expected_key = SplitMix64(42 ^ SplitMix64(place));
  EXPECT_EQ(key[0], static_cast<uint32_t>(expected_key));
  EXPECT_EQ(key[1], static_cast<uint32_t>(expected_key >> 32));

  const DropoutRowId row{.head = 5, .position = 77, .example = 9, .step = 11};
  // Element 300 = block 2, r = 44 / 16 = 2, lane 12: word 1, low half.
  const PhiloxCounter words =
      Philox4x32({2 * 16 + 12, (5u << 16) | 77, 9, 11}, key);
  const uint32_t chunk = words[1] & 0xFFFF;
  EXPECT_TRUE(DropoutKeep(key, row, 300, chunk));
  EXPECT_FALSE(DropoutKeep(key, row, 300, chunk + 1));
  // Element 316 = r 3 of the same call: high half of the same word.
  const uint32_t high = words[1] >> 16;
  EXPECT_TRUE(DropoutKeep(key, row, 316, high));
  EXPECT_FALSE(DropoutKeep(key, row, 316, high + 1));
}

// The golden values of docs/formats/randomness.md.
TEST(DropoutTest, GoldenValues) {
  const PhiloxKey key = RandomOpKey(42, 1, 2, 3);
  EXPECT_EQ(key, (PhiloxKey{0x33b499d0, 0x82482941}));
  const DropoutRowId row{.head = 5, .position = 77, .example = 9, .step = 11};
  EXPECT_EQ(Philox4x32(DropoutCounter(row, 0), key),
            (PhiloxCounter{0x0b57ae68, 0x058b81fd, 0x527c1a40, 0xd75f8442}));
  std::vector<int> dropped;
  for (int e = 0; e < 128; ++e) {
    if (!DropoutKeep(key, row, e, DropoutThreshold(0.1))) dropped.push_back(e);
  }
  EXPECT_EQ(dropped, (std::vector<int>{16, 19, 26, 36, 38, 39, 48, 57, 85, 95,
                                       102, 104, 110, 124}));
}

// Those of docs/formats/randomness.md, made by test/e2e/reference/philox.py.
TEST(UniformTest, GoldenNumbers) {
  const PhiloxKey key = RandomOpKey(42, 1, 2, 3);
  const DropoutRowId row{.head = 5, .position = 77, .example = 9, .step = 11};
  const float golden[] = {4341692, 10905278, 1583361, 8577099};
  for (int e = 0; e < 4; ++e)
    EXPECT_EQ(UniformElement(key, row, e) * 16777216.0f, golden[e]) << e;
}

TEST(UniformTest, IsUniformBelowOne) {
  EXPECT_EQ(UniformOf(0), 0.0f);
  EXPECT_EQ(UniformOf(0xFF), 0.0f);
  EXPECT_EQ(UniformOf(0xFFFFFFFF), 1.0f - 1.0f / 16777216.0f);
  std::vector<int> counts(16);
  constexpr uint32_t kRows = 20000;
  for (uint32_t i = 0; i < kRows; ++i)
    ++counts[static_cast<size_t>(
        UniformElement(RandomOpKey(3, 0, 0, 5), {.example = i}, 0) * 16)];
  const double expected = kRows / 16.0;
  for (int count : counts)  // four standard deviations
    EXPECT_NEAR(count, expected, 4 * std::sqrt(expected));
}

TEST(DropoutTest, RowEqualsSingleElementsForEveryLength) {
  const PhiloxKey key = RandomOpKey(7, 0, 1, 12);
  const DropoutRowId row{.head = 3, .position = 511, .example = 31, .step = 8};
  const uint32_t threshold = DropoutThreshold(0.3);
  for (int64_t count : {0, 1, 15, 16, 17, 127, 128, 129, 384, 1000}) {
    std::vector<uint8_t> mask(static_cast<size_t>(count) + 1, 0xAA);
    DropoutRow(key, row, threshold, count, mask.data());
    for (int64_t e = 0; e < count; ++e) {
      ASSERT_EQ(mask[static_cast<size_t>(e)],
                DropoutKeep(key, row, e, threshold) ? 1 : 0)
          << "count " << count << " element " << e;
    }
    EXPECT_EQ(mask.back(), 0xAA) << "writes past count " << count;
  }
}

TEST(DropoutTest, RateIsThatAskedFor) {
  const uint32_t threshold = DropoutThreshold(0.1);
  std::vector<uint8_t> mask(768);
  int64_t dropped = 0;
  constexpr uint32_t kRows = 2000;
  for (uint32_t i = 0; i < kRows; ++i) {
    DropoutRow(RandomOpKey(1, 0, 0, 4),
               {.position = i % 128, .example = i / 128}, threshold, 768,
               mask.data());
    for (uint8_t keep : mask) dropped += keep == 0;
  }
  const double n = kRows * 768.0;
  // Four standard deviations of a binomial.
  EXPECT_NEAR(dropped / n, 6554 / 65536.0, 4 * std::sqrt(0.09 / n));
}

// Any change of the identity of a row gives another mask.
TEST(DropoutTest, EveryPartOfTheIdentityMatters) {
  const auto mask = [](uint64_t seed, uint16_t phase, uint16_t draw,
                       uint32_t op, DropoutRowId row) {
    std::vector<uint8_t> out(256);
    DropoutRow(RandomOpKey(seed, phase, draw, op), row, 32768, 256, out.data());
    return out;
  };
  std::set<std::vector<uint8_t>> seen = {mask(1, 0, 0, 0, {}),
                                         mask(2, 0, 0, 0, {}),
                                         mask(1, 1, 0, 0, {}),
                                         mask(1, 0, 1, 0, {}),
                                         mask(1, 0, 0, 1, {}),
                                         mask(1, 0, 0, 0, {.head = 1}),
                                         mask(1, 0, 0, 0, {.position = 1}),
                                         mask(1, 0, 0, 0, {.example = 1}),
                                         mask(1, 0, 0, 0, {.step = 1})};
  EXPECT_EQ(seen.size(), 9u);
}

}  // namespace
}  // namespace graft
