// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/metric.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Names(TargetKind target) {
  std::vector<std::string> names;
  for (const MetricKind* kind : MetricsOf(target))
    names.emplace_back(kind->name);
  return names;
}

// The value of one metric over pairs of (truth, predicted) numbers.
std::optional<double> Number(
    size_t metric, const std::vector<std::pair<float, float>>& pairs) {
  MetricSet set(MetricsOf(TargetKind::kNumber), /*classes=*/1);
  for (const auto& [truth, predicted] : pairs)
    set.Add({.outputs = {&predicted, 1}, .score = truth});
  EXPECT_EQ(set.count(), static_cast<int64_t>(pairs.size()));
  return set.Value(metric);
}

// The value of the metric of this name.
std::optional<double> Named(const MetricSet& set, absl::string_view name) {
  for (size_t i = 0; i < set.kinds().size(); ++i)
    if (set.kinds()[i]->name == name) return set.Value(i);
  ADD_FAILURE() << name << " is not registered";
  return std::nullopt;
}

TEST(MetricTest, EachTargetHasItsMetrics) {
  EXPECT_THAT(Names(TargetKind::kClass),
              ElementsAre("accuracy", "macro_f1", "macro_precision",
                          "macro_recall", "micro_precision", "micro_recall",
                          "micro_f1", "weighted_precision", "weighted_recall",
                          "weighted_f1", "mcc", "auc", "log_loss"));
  EXPECT_THAT(Names(TargetKind::kNumber),
              ElementsAre("pearson", "mse", "spearman"));
}

TEST(MetricTest, Classes) {
  MetricSet set(MetricsOf(TargetKind::kClass), 3);
  const auto add = [&](int32_t label, std::vector<float> logits) {
    set.Add({.outputs = logits, .label = label});
  };
  for (int i = 0; i < 3; ++i) add(0, {2, 1, 1});
  add(0, {0, 1, -1});
  for (int i = 0; i < 2; ++i) add(1, {0, 1, 1});  // the first of two largest
  const auto expect_values = [&] {
    EXPECT_DOUBLE_EQ(*set.Value(0), 5.0 / 6);
    // F1 of class 0: 6/7, of class 1: 4/5; the absent class does not count.
    EXPECT_DOUBLE_EQ(*set.Value(1), (6.0 / 7 + 4.0 / 5) / 2);
    EXPECT_DOUBLE_EQ(*Named(set, "weighted_recall"), 5.0 / 6);
    EXPECT_EQ(Named(set, "auc"), std::nullopt) << "no example of class 2";
  };
  expect_values();
  const std::optional<double> loss = Named(set, "log_loss");
  add(-100, {0, 0, 1});  // no label
  expect_values();
  EXPECT_EQ(Named(set, "log_loss"), loss);
}

TEST(MetricTest, Numbers) {
  const std::vector<std::pair<float, float>> twice = {{1, 2}, {2, 4}, {3, 6}};
  EXPECT_NEAR(*Number(0, twice), 1.0, 1e-12);
  EXPECT_NEAR(*Number(1, twice), (1.0 + 4 + 9) / 3, 1e-12);
  EXPECT_EQ(Number(0, {{1, 2}, {1, 4}, {1, 6}}), std::nullopt) << "no variance";
  EXPECT_EQ(Number(2, {{1, 2}, {1, 4}, {1, 6}}), std::nullopt) << "no variance";
  EXPECT_EQ(Number(0, {{1, 2}}), std::nullopt) << "one row";
}

TEST(MetricTest, NumbersFarFromZero) {
  // Correlation of (0, 1, 2, 3) and (1, 0, 3, 2), which is 0.6, far away.
  std::vector<std::pair<float, float>> pairs;
  const float truth[] = {0, 1, 2, 3}, predicted[] = {1, 0, 3, 2};
  for (int i = 0; i < 4; ++i)
    pairs.emplace_back(65536 + truth[i], 131072 + predicted[i]);
  EXPECT_NEAR(*Number(0, pairs), 0.6, 1e-9);
  EXPECT_NEAR(*Number(2, pairs), 0.6, 1e-9);
}

TEST(MetricTest, NothingIsNotDefined) {
  for (const TargetKind target : {TargetKind::kClass, TargetKind::kNumber}) {
    for (const int64_t classes : {2, 3}) {
      const MetricSet set(MetricsOf(target), classes);
      for (size_t i = 0; i < set.kinds().size(); ++i)
        EXPECT_EQ(set.Value(i), std::nullopt) << set.kinds()[i]->name;
    }
  }
}

TEST(MetricTest, ReadsAsText) {
  const auto text = [](TargetKind target, size_t i,
                       std::optional<double> value) {
    return FormatMetric(*MetricsOf(target)[i], value);
  };
  EXPECT_EQ(text(TargetKind::kClass, 1, 0.9251), "macro-F1 92.51 %");
  EXPECT_EQ(text(TargetKind::kNumber, 0, 0.5), "Pearson correlation 0.5000");
  EXPECT_EQ(text(TargetKind::kNumber, 0, std::nullopt),
            "Pearson correlation not defined");
}

}  // namespace
}  // namespace graft
