// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/regression.h"

#include <cmath>

namespace graft {
namespace {

class Pearson final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    sums_.Add(outcome.score, outcome.outputs[0]);
  }
  std::optional<double> Value() const override { return sums_.Correlation(); }

 private:
  PearsonSums sums_;
};

class MeanSquaredError final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    const double error =
        static_cast<double>(outcome.score) - outcome.outputs[0];
    sum_ += error * error;
    ++count_;
  }
  std::optional<double> Value() const override {
    if (count_ == 0) return std::nullopt;
    return sum_ / static_cast<double>(count_);
  }

 private:
  int64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace

void PearsonSums::Add(double truth, double predicted) {
  ++count_;
  const auto n = static_cast<double>(count_);
  const double from_truth = truth - mean_truth_;
  const double from_predicted = predicted - mean_predicted_;
  mean_truth_ += from_truth / n;
  mean_predicted_ += from_predicted / n;
  truth_ += from_truth * (truth - mean_truth_);
  predicted_ += from_predicted * (predicted - mean_predicted_);
  both_ += from_truth * (predicted - mean_predicted_);
}

std::optional<double> PearsonSums::Correlation() const {
  if (!(truth_ > 0 && predicted_ > 0)) return std::nullopt;
  return both_ / std::sqrt(truth_ * predicted_);
}

std::unique_ptr<Metric> CreatePearson(int64_t) {
  return std::make_unique<Pearson>();
}

std::unique_ptr<Metric> CreateMeanSquaredError(int64_t) {
  return std::make_unique<MeanSquaredError>();
}

}  // namespace graft
