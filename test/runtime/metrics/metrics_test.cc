// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/metrics.h"

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

TEST(MetricsTest, AccuracyAndMacroF1) {
  ConfusionMatrix matrix = MakeMatrix();
  EXPECT_EQ(matrix.total(), 6);
  EXPECT_DOUBLE_EQ(matrix.Accuracy(), 5.0 / 6);
  // F1 of class 0: 6/7, of class 1: 4/5; the absent class does not count.
  EXPECT_DOUBLE_EQ(matrix.MacroF1(), (6.0 / 7 + 4.0 / 5) / 2);
}

TEST(MetricsTest, NothingIsZero) {
  ConfusionMatrix matrix(2);
  EXPECT_EQ(matrix.Accuracy(), 0);
  EXPECT_EQ(matrix.MacroF1(), 0);
}

TEST(MetricsTest, PictureHasCountsAndEscapedNames) {
  std::string svg = ConfusionSvg(MakeMatrix(), {"a<b", "c", "d"});
  EXPECT_THAT(svg, HasSubstr("a&lt;b"));
  EXPECT_THAT(svg, HasSubstr(">3</text>"));
  EXPECT_THAT(svg, HasSubstr("accuracy 83.33 %"));
}

TEST(MetricsTest, Regression) {
  RegressionMeter meter, flat;
  EXPECT_EQ(meter.Quality().pearson, 0);
  for (const float truth : {1.0f, 2.0f, 3.0f}) {
    meter.Add(truth, 2 * truth);
    flat.Add(1, 2 * truth);
  }
  EXPECT_EQ(meter.count(), 3);
  const RegressionQuality quality = meter.Quality();
  EXPECT_NEAR(quality.pearson, 1.0, 1e-12);
  EXPECT_NEAR(quality.mse, (1.0 + 4 + 9) / 3, 1e-12);
  EXPECT_EQ(flat.Quality().pearson, 0);
}

TEST(MetricsTest, RegressionFarFromZero) {
  // Correlation of (0, 1, 2, 3) and (1, 0, 3, 2), which is 0.6, far away.
  RegressionMeter meter;
  const float truth[] = {0, 1, 2, 3}, predicted[] = {1, 0, 3, 2};
  for (int i = 0; i < 4; ++i)
    meter.Add(65536 + truth[i], 131072 + predicted[i]);
  EXPECT_NEAR(meter.Quality().pearson, 0.6, 1e-9);
}

}  // namespace
}  // namespace graft
