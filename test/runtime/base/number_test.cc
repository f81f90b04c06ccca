// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/number.h"

#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(ParseDecimalTest, TakesDecimalNumbers) {
  const auto expect = [](absl::string_view text, double value) {
    double number = 0;
    EXPECT_TRUE(ParseDecimal(text, number)) << text;
    EXPECT_EQ(number, value) << text;
    float single = 0;
    EXPECT_TRUE(ParseDecimal(text, single)) << text;
    EXPECT_EQ(single, static_cast<float>(value)) << text;
  };
  expect("0", 0);
  expect("-1", -1);
  expect("+2.5", 2.5);
  expect(".5", 0.5);
  expect("5.", 5);
  expect("007", 7);
  expect("1e3", 1000);
  expect("1.5E+2", 150);
  expect("1e-2", 0.01);
}

TEST(ParseDecimalTest, RoundsOnce) {
  // Above the middle of two floats by less than a double can hold.
  float number = 0;
  EXPECT_TRUE(ParseDecimal("1.000000059604644775390625000001", number));
  EXPECT_EQ(number, 1.00000012f);
}

TEST(ParseDecimalTest, RefusesOthers) {
  for (const absl::string_view text :
       {"",         " ",      ".",    "-",   "+-1",   "--1",     "e3",
        "1e",       "1e+",    "1 ",   " 1",  "1x",    "0x10",    "0X10",
        "0x1p4",    "0x1p-4", "10p1", "nan", "NaN",   "inf",     "-inf",
        "infinity", "1e999",  "1,5",  "1_0", "1.2.3", "\xC2\xB2"}) {
    double number = 0;
    EXPECT_FALSE(ParseDecimal(text, number)) << text;
    float single = 0;
    EXPECT_FALSE(ParseDecimal(text, single)) << text;
  }
  float single = 0;
  EXPECT_FALSE(ParseDecimal("1e39", single));
  double number = 0;
  EXPECT_TRUE(ParseDecimal("1e39", number));
}

}  // namespace
}  // namespace graft
