// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/spearman.h"

#include <vector>

#include "runtime/metrics/ranks.h"
#include "runtime/metrics/regression.h"

namespace graft {
namespace {

class Spearman final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    truth_.push_back(outcome.score);
    predicted_.push_back(outcome.outputs[0]);
  }
  std::optional<double> Value() const override {
    const std::vector<double> truth = AverageRanks(truth_);
    const std::vector<double> predicted = AverageRanks(predicted_);
    PearsonSums sums;
    for (size_t i = 0; i < truth.size(); ++i) sums.Add(truth[i], predicted[i]);
    return sums.Correlation();
  }

 private:
  std::vector<double> truth_, predicted_;
};

}  // namespace

std::unique_ptr<Metric> CreateSpearman(int64_t) {
  return std::make_unique<Spearman>();
}

}  // namespace graft
