// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/classification.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

// truth 0: 3 right, 1 as class 1; truth 1: 2 right; class 2 never occurs.
ConfusionMatrix MakeMatrix() {
  ConfusionMatrix matrix(3);
  for (int i = 0; i < 3; ++i) matrix.Add(0, 0);
  matrix.Add(0, 1);
  for (int i = 0; i < 2; ++i) matrix.Add(1, 1);
  return matrix;
}

TEST(ConfusionMatrixTest, AccuracyAndMacroF1) {
  ConfusionMatrix matrix = MakeMatrix();
  EXPECT_EQ(matrix.total(), 6);
  EXPECT_DOUBLE_EQ(matrix.Accuracy(), 5.0 / 6);
  // F1 of class 0: 6/7, of class 1: 4/5; the absent class does not count.
  EXPECT_DOUBLE_EQ(matrix.MacroF1(), (6.0 / 7 + 4.0 / 5) / 2);
}

TEST(ConfusionMatrixTest, NothingIsZero) {
  ConfusionMatrix matrix(2);
  EXPECT_EQ(matrix.Accuracy(), 0);
  EXPECT_EQ(matrix.MacroF1(), 0);
}

TEST(ConfusionMatrixTest, PictureHasCountsAndEscapedNames) {
  std::string svg = ConfusionSvg(MakeMatrix(), {"a<b", "c", "d"});
  EXPECT_THAT(svg, HasSubstr("a&lt;b"));
  EXPECT_THAT(svg, HasSubstr(">3</text>"));
  EXPECT_THAT(svg, HasSubstr("accuracy 83.33 %"));
}

}  // namespace
}  // namespace graft
