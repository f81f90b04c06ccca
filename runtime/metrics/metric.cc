// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/metric.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/metrics/auc.h"
#include "runtime/metrics/class_counts.h"
#include "runtime/metrics/classification.h"
#include "runtime/metrics/label_sets.h"
#include "runtime/metrics/log_loss.h"
#include "runtime/metrics/matthews.h"
#include "runtime/metrics/regression.h"
#include "runtime/metrics/spearman.h"

namespace graft {
namespace {

// One entry for each metric; the first of a target chooses the best evaluation.
constexpr MetricKind kMetrics[] = {
    {"accuracy", "accuracy", TargetKind::kClass, true, Shown::kFirst,
     CreateAccuracy},
    {"macro_f1", "macro-F1", TargetKind::kClass, true, Shown::kFirst,
     CreateAverage<MacroAverage, &ClassScores::f1>},
    {"macro_precision", "macro precision", TargetKind::kClass, true,
     Shown::kTable, CreateAverage<MacroAverage, &ClassScores::precision>},
    {"macro_recall", "macro recall", TargetKind::kClass, true, Shown::kTable,
     CreateAverage<MacroAverage, &ClassScores::recall>},
    {"micro_precision", "micro precision", TargetKind::kClass, true,
     Shown::kTable, CreateAverage<MicroAverage, &ClassScores::precision>},
    {"micro_recall", "micro recall", TargetKind::kClass, true, Shown::kTable,
     CreateAverage<MicroAverage, &ClassScores::recall>},
    {"micro_f1", "micro-F1", TargetKind::kClass, true, Shown::kTable,
     CreateAverage<MicroAverage, &ClassScores::f1>},
    {"weighted_precision", "weighted precision", TargetKind::kClass, true,
     Shown::kTable, CreateAverage<WeightedAverage, &ClassScores::precision>},
    {"weighted_recall", "weighted recall", TargetKind::kClass, true,
     Shown::kTable, CreateAverage<WeightedAverage, &ClassScores::recall>},
    {"weighted_f1", "weighted F1", TargetKind::kClass, true, Shown::kTable,
     CreateAverage<WeightedAverage, &ClassScores::f1>},
    {"mcc", "Matthews correlation", TargetKind::kClass, false, Shown::kLine,
     CreateMatthews},
    {"auc", "AUC", TargetKind::kClass, false, Shown::kLine, CreateAuc},
    {"log_loss", "log loss", TargetKind::kClass, false, Shown::kLine,
     CreateLogLoss},
    {"micro_f1", "micro-F1", TargetKind::kSet, true, Shown::kFirst,
     CreateAverage<MicroAverage, &ClassScores::f1>},
    {"macro_f1", "macro-F1", TargetKind::kSet, true, Shown::kFirst,
     CreateAverage<MacroAverage, &ClassScores::f1>},
    {"exact_match", "exact match", TargetKind::kSet, true, Shown::kFirst,
     CreateExactMatch},
    {"macro_precision", "macro precision", TargetKind::kSet, true,
     Shown::kTable, CreateAverage<MacroAverage, &ClassScores::precision>},
    {"macro_recall", "macro recall", TargetKind::kSet, true, Shown::kTable,
     CreateAverage<MacroAverage, &ClassScores::recall>},
    {"micro_precision", "micro precision", TargetKind::kSet, true,
     Shown::kTable, CreateAverage<MicroAverage, &ClassScores::precision>},
    {"micro_recall", "micro recall", TargetKind::kSet, true, Shown::kTable,
     CreateAverage<MicroAverage, &ClassScores::recall>},
    {"weighted_precision", "weighted precision", TargetKind::kSet, true,
     Shown::kTable, CreateAverage<WeightedAverage, &ClassScores::precision>},
    {"weighted_recall", "weighted recall", TargetKind::kSet, true,
     Shown::kTable, CreateAverage<WeightedAverage, &ClassScores::recall>},
    {"weighted_f1", "weighted F1", TargetKind::kSet, true, Shown::kTable,
     CreateAverage<WeightedAverage, &ClassScores::f1>},
    {"auc", "AUC", TargetKind::kSet, false, Shown::kLine, CreateSetAuc},
    {"pearson", "Pearson correlation", TargetKind::kNumber, false,
     Shown::kFirst, CreatePearson},
    {"mse", "mean squared error", TargetKind::kNumber, false, Shown::kFirst,
     CreateMeanSquaredError},
    {"spearman", "Spearman correlation", TargetKind::kNumber, false,
     Shown::kLine, CreateSpearman},
};

}  // namespace

std::vector<const MetricKind*> MetricsOf(TargetKind target) {
  std::vector<const MetricKind*> kinds;
  for (const MetricKind& kind : kMetrics)
    if (kind.target == target) kinds.push_back(&kind);
  return kinds;
}

std::string FormatMetric(const MetricKind& kind, std::optional<double> value) {
  if (!value) return absl::StrCat(kind.title, " not defined");
  return kind.percent ? absl::StrFormat("%s %.2f %%", kind.title, 100 * *value)
                      : absl::StrFormat("%s %.4f", kind.title, *value);
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
