// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/log_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/metrics/log_softmax.h"

namespace graft {
namespace {

class LogLoss final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    if (outcome.label < 0) return;
    constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
    ++count_;
    sum_ -= std::clamp(LogSoftmax(outcome.outputs)[outcome.label],
                       std::log(kEpsilon), std::log1p(-kEpsilon));
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

std::unique_ptr<Metric> CreateLogLoss(int64_t) {
  return std::make_unique<LogLoss>();
}

}  // namespace graft
