// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/auc.h"

#include "runtime/metrics/log_softmax.h"
#include "runtime/metrics/ranks.h"

namespace graft {
namespace {

class Auc final : public Metric {
 public:
  explicit Auc(int64_t classes) : classes_(classes) {}

  void Add(const Outcome& outcome) override {
    if (outcome.label < 0) return;
    labels_.push_back(outcome.label);
    if (classes_ == 2) {
      // As the second probability, which ties where this does not.
      scores_.push_back(static_cast<double>(outcome.outputs[1]) -
                        outcome.outputs[0]);
      return;
    }
    for (const double score : LogSoftmax(outcome.outputs))
      scores_.push_back(score);
  }

  std::optional<double> Value() const override {
    if (classes_ == 2) return AreaOf(1, scores_);
    double sum = 0;
    std::vector<double> scores(labels_.size());
    for (int64_t c = 0; c < classes_; ++c) {
      for (size_t i = 0; i < scores.size(); ++i)
        scores[i] = scores_[i * classes_ + c];
      const std::optional<double> area = AreaOf(c, scores);
      if (!area) return std::nullopt;
      sum += *area;
    }
    return sum / static_cast<double>(classes_);
  }

 private:
  std::optional<double> AreaOf(int64_t c,
                               absl::Span<const double> scores) const {
    std::vector<bool> positive(labels_.size());
    for (size_t i = 0; i < positive.size(); ++i) positive[i] = labels_[i] == c;
    return AreaUnderCurve(scores, positive);
  }

  int64_t classes_;
  std::vector<int32_t> labels_;
  std::vector<double> scores_;  // [examples, classes], or [examples] of two
};

}  // namespace

std::optional<double> AreaUnderCurve(absl::Span<const double> scores,
                                     const std::vector<bool>& positive) {
  const std::vector<double> ranks = AverageRanks(scores);
  double sum = 0, positives = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (!positive[i]) continue;
    sum += ranks[i];
    ++positives;
  }
  const double negatives = static_cast<double>(ranks.size()) - positives;
  if (positives == 0 || negatives == 0) return std::nullopt;
  // The ranks that positives would have among themselves do not count.
  return (sum - positives * (positives + 1) / 2) / (positives * negatives);
}

std::unique_ptr<Metric> CreateAuc(int64_t classes) {
  return std::make_unique<Auc>(classes);
}

}  // namespace graft
