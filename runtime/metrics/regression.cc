// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/regression.h"

#include <cmath>

namespace graft {
namespace {

class Pearson final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    const float truth = outcome.score, predicted = outcome.outputs[0];
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
  double Value() const override {
    if (!(truth_ > 0 && predicted_ > 0)) return 0;
    return both_ / std::sqrt(truth_ * predicted_);
  }

 private:
  int64_t count_ = 0;
  double mean_truth_ = 0, mean_predicted_ = 0;
  // Sums of products of the differences from the means.
  double truth_ = 0, predicted_ = 0, both_ = 0;
};

class MeanSquaredError final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    const double error =
        static_cast<double>(outcome.score) - outcome.outputs[0];
    sum_ += error * error;
    ++count_;
  }
  double Value() const override {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
  }

 private:
  int64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace

std::unique_ptr<Metric> CreatePearson(int64_t) {
  return std::make_unique<Pearson>();
}

std::unique_ptr<Metric> CreateMeanSquaredError(int64_t) {
  return std::make_unique<MeanSquaredError>();
}

}  // namespace graft
