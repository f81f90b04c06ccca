// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What scikit-learn and SciPy compute of 1,000 random cases (goldens.txt, which
// goldens.py wrote), degenerate ones among them.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/metrics/class_counts.h"
#include "runtime/metrics/classification.h"
#include "runtime/metrics/metric.h"

namespace graft {
namespace {

constexpr int64_t kCases = 1000;

// Columns of the lines; those of classes go on with precision, recall and F1 of
// each class.
const std::vector<std::string> kClassMetrics = {
    "accuracy",        "macro_precision", "macro_recall", "macro_f1",
    "micro_precision", "micro_recall",    "micro_f1",     "weighted_precision",
    "weighted_recall", "weighted_f1",     "mcc",          "auc",
    "log_loss"};
const std::vector<std::string> kNumberMetrics = {"pearson", "mse", "spearman"};

const std::vector<std::string> kSetMetrics = {"macro_precision",
                                              "macro_recall",
                                              "macro_f1",
                                              "micro_precision",
                                              "micro_recall",
                                              "micro_f1",
                                              "weighted_precision",
                                              "weighted_recall",
                                              "weighted_f1",
                                              "exact_match",
                                              "auc"};

using Values = std::vector<std::optional<double>>;

// Generates the cases of goldens.py, which says what their kinds are.
class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed) {}

  uint64_t Below(uint64_t bound) {  // SplitMix64
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (z ^ z >> 31) % bound;
  }
  int64_t Rows(int64_t kind) {
    return kind < 2 ? kind + 1 : static_cast<int64_t>(3 + Below(40));
  }
  float Number(int64_t kind) {
    if (kind == 2) return static_cast<float>(Below(3)) - 1;
    return (static_cast<float>(Below(65537)) - 32768) / 4096;
  }

 private:
  uint64_t state_;
};

struct ClassCase {
  int64_t classes = 0;
  std::vector<int32_t> labels;
  std::vector<std::vector<float>> logits;
};

void Bend(int64_t kind, int64_t classes, int32_t& label,
          std::vector<float>& logits) {
  if (kind == 3) std::fill(logits.begin(), logits.end(), 0.0f);
  if (kind == 4)
    for (float& logit : logits) logit *= 16;
  if (kind == 6) label = static_cast<int32_t>(classes - 1);
  if (kind == 7) logits[0] -= 32;
  if (kind >= 8) logits[label] += kind == 8 ? 24 : 6;
}

ClassCase MakeClassCase(int64_t i) {
  Draw draw(i);
  const int64_t kind = i % 10;
  ClassCase result;
  result.classes =
      draw.Below(2) == 0 ? 2 : static_cast<int64_t>(3 + draw.Below(4));
  const int64_t rows = draw.Rows(kind);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<float> logits(result.classes);
    for (float& logit : logits) logit = draw.Number(kind);
    auto label = static_cast<int32_t>(
        draw.Below(kind == 5 ? result.classes - 1 : result.classes));
    Bend(kind, result.classes, label, logits);
    result.labels.push_back(label);
    result.logits.push_back(std::move(logits));
  }
  return result;
}

// A pair of a true number and a predicted one.
std::pair<float, float> MakePair(Draw& draw, int64_t kind) {
  const float a = draw.Number(kind), b = draw.Number(kind);
  switch (kind) {
    case 3:
      return {0.25f, b};
    case 4:
      return {a, 0.25f};
    case 5:
      return {a, a};
    case 6:
      return {a, -a};
    default:
      return {a, kind > 6 ? a + b : b};
  }
}

// Metrics of `set` in the order of `names`, which are all that it has.
Values InOrder(const MetricSet& set, const std::vector<std::string>& names) {
  std::map<std::string, std::optional<double>> values;
  for (size_t i = 0; i < set.kinds().size(); ++i)
    values[std::string(set.kinds()[i]->name)] = set.Value(i);
  EXPECT_EQ(values.size(), names.size()) << "a metric without goldens";
  Values result;
  for (const std::string& name : names) result.push_back(values.at(name));
  return result;
}

Values ClassValues(const ClassCase& example) {
  MetricSet set(MetricsOf(TargetKind::kClass), example.classes);
  ClassCounts counts(example.classes);
  for (size_t row = 0; row < example.labels.size(); ++row) {
    set.Add({.outputs = example.logits[row], .label = example.labels[row]});
    counts.Add(example.labels[row], PredictedClass(example.logits[row]));
  }
  Values values = InOrder(set, kClassMetrics);
  for (int64_t c = 0; c < example.classes; ++c) {
    const ClassScores scores = ScoresOf(counts, c);
    values.insert(values.end(), {scores.precision, scores.recall, scores.f1});
  }
  return values;
}

Values NumberValues(int64_t i) {
  Draw draw(kCases + i);
  const int64_t kind = i % 10;
  MetricSet set(MetricsOf(TargetKind::kNumber), 1);
  const int64_t rows = draw.Rows(kind);
  for (int64_t row = 0; row < rows; ++row) {
    const auto [truth, predicted] = MakePair(draw, kind);
    set.Add({.outputs = {&predicted, 1}, .score = truth});
  }
  return InOrder(set, kNumberMetrics);
}

// Truth and logit of a label of a set.
std::pair<float, float> MakeLabel(Draw& draw, int64_t kind, bool first,
                                  bool last) {
  auto one = static_cast<float>(draw.Below(2));
  float score = draw.Number(kind);
  if (kind == 3) score = 0;
  if (kind == 5 && last) one = 0;
  if (kind == 6) one = 1;
  if (kind == 7 && first) score -= 32;
  if (kind == 8) score += one > 0 ? 9 : -9;
  return {one, score};
}

Values SetValues(int64_t i) {
  Draw draw(2 * kCases + i);
  const int64_t kind = i % 10;
  const auto labels = static_cast<int64_t>(2 + draw.Below(5));
  MetricSet set(MetricsOf(TargetKind::kSet), labels);
  const int64_t rows = draw.Rows(kind);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<float> truth, logits;
    for (int64_t label = 0; label < labels; ++label) {
      const auto [one, score] =
          MakeLabel(draw, kind, label == 0, label == labels - 1);
      truth.push_back(one);
      logits.push_back(score);
    }
    set.Add({.outputs = logits, .set = truth});
  }
  return InOrder(set, kSetMetrics);
}

const std::vector<std::string>& Lines() {
  static const auto* const kLines = [] {
    const auto text = ReadFile(FileSystem::Posix(), GRAFT_SOURCE_DIR
                               "/test/runtime/metrics/goldens.txt");
    return new std::vector<std::string>(
        absl::StrSplit(text.value(), '\n', absl::SkipEmpty()));
  }();
  return *kLines;
}

void ExpectValues(const Values& values, const std::string& line) {
  const std::vector<std::string> goldens = absl::StrSplit(line, ' ');
  ASSERT_EQ(values.size(), goldens.size());
  for (size_t i = 0; i < goldens.size(); ++i) {
    double golden = 0;
    if (!absl::SimpleAtod(goldens[i], &golden)) {
      EXPECT_EQ(values[i], std::nullopt) << "value " << i;
      continue;
    }
    ASSERT_TRUE(values[i].has_value()) << "value " << i;
    EXPECT_NEAR(*values[i], golden, 1e-9 * std::max(1.0, std::abs(golden)))
        << "value " << i;
  }
}

TEST(MetricGoldensTest, Classes) {
  ASSERT_EQ(Lines().size(), 1 + 3 * kCases);
  for (int64_t i = 0; i < kCases; ++i) {
    SCOPED_TRACE(absl::StrCat("case ", i));
    ExpectValues(ClassValues(MakeClassCase(i)), Lines()[1 + 2 * i]);
    if (HasFailure()) return;
  }
}

TEST(MetricGoldensTest, Numbers) {
  ASSERT_EQ(Lines().size(), 1 + 3 * kCases);
  for (int64_t i = 0; i < kCases; ++i) {
    SCOPED_TRACE(absl::StrCat("case ", i));
    ExpectValues(NumberValues(i), Lines()[2 + 2 * i]);
    if (HasFailure()) return;
  }
}

TEST(MetricGoldensTest, Sets) {
  ASSERT_EQ(Lines().size(), 1 + 3 * kCases);
  for (int64_t i = 0; i < kCases; ++i) {
    SCOPED_TRACE(absl::StrCat("case ", i));
    ExpectValues(SetValues(i), Lines()[1 + 2 * kCases + i]);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace graft
