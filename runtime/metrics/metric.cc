// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/metric.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/metrics/classification.h"
#include "runtime/metrics/regression.h"

namespace graft {
namespace {

// One line for each metric; the first of a target chooses the best evaluation.
constexpr MetricKind kMetrics[] = {
    {"accuracy", "accuracy", TargetKind::kClass, true, CreateAccuracy},
    {"macro_f1", "macro-F1", TargetKind::kClass, true, CreateMacroF1},
    {"pearson", "Pearson correlation", TargetKind::kNumber, false,
     CreatePearson},
    {"mse", "mean squared error", TargetKind::kNumber, false,
     CreateMeanSquaredError},
};

}  // namespace

std::vector<const MetricKind*> MetricsOf(TargetKind target) {
  std::vector<const MetricKind*> kinds;
  for (const MetricKind& kind : kMetrics)
    if (kind.target == target) kinds.push_back(&kind);
  return kinds;
}

std::string FormatMetric(const MetricKind& kind, double value) {
  return kind.percent ? absl::StrFormat("%s %.2f %%", kind.title, 100 * value)
                      : absl::StrFormat("%s %.4f", kind.title, value);
}

MetricSet::MetricSet(std::vector<const MetricKind*> kinds, int64_t classes)
    : kinds_(std::move(kinds)) {
  for (const MetricKind* kind : kinds_)
    metrics_.push_back(kind->create(classes));
}

void MetricSet::Add(const Outcome& outcome) {
  ++count_;
  for (const std::unique_ptr<Metric>& metric : metrics_) metric->Add(outcome);
}

}  // namespace graft
