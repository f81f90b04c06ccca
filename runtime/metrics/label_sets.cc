// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/label_sets.h"

#include <optional>
#include <vector>

#include "runtime/metrics/auc.h"
#include "runtime/metrics/classification.h"

namespace graft {
namespace {

class ExactMatch final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    if (outcome.set.empty()) return;
    ++count_;
    bool right = true;
    for (size_t i = 0; i < outcome.set.size(); ++i)
      right &= (outcome.set[i] > 0) == IsPredicted(outcome.outputs[i]);
    right_ += right;
  }
  std::optional<double> Value() const override {
    if (count_ == 0) return std::nullopt;
    return static_cast<double>(right_) / static_cast<double>(count_);
  }

 private:
  int64_t right_ = 0, count_ = 0;
};

class SetAuc final : public Metric {
 public:
  explicit SetAuc(int64_t labels) : scores_(labels), positive_(labels) {}

  void Add(const Outcome& outcome) override {
    for (size_t i = 0; i < outcome.set.size(); ++i) {
      scores_[i].push_back(outcome.outputs[i]);
      positive_[i].push_back(outcome.set[i] > 0);
    }
  }

  std::optional<double> Value() const override {
    double sum = 0;
    int64_t defined = 0;
    for (size_t i = 0; i < scores_.size(); ++i) {
      const std::vector<double> scores(scores_[i].begin(), scores_[i].end());
      const std::optional<double> area = AreaUnderCurve(scores, positive_[i]);
      if (!area) continue;
      sum += *area;
      ++defined;
    }
    if (defined == 0) return std::nullopt;
    return sum / static_cast<double>(defined);
  }

 private:
  std::vector<std::vector<float>> scores_;   // [labels][examples]
  std::vector<std::vector<bool>> positive_;  // [labels][examples]
};

}  // namespace

std::unique_ptr<Metric> CreateExactMatch(int64_t) {
  return std::make_unique<ExactMatch>();
}

std::unique_ptr<Metric> CreateSetAuc(int64_t labels) {
  return std::make_unique<SetAuc>(labels);
}

}  // namespace graft
