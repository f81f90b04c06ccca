// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Metrics by name: how well predictions fit the truth.

#ifndef GRAFT_RUNTIME_METRICS_METRIC_H_
#define GRAFT_RUNTIME_METRICS_METRIC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// What a model is trained to predict.
enum class TargetKind {
  kClass,   // one of several classes
  kNumber,  // a number: regression
  kSet,     // any number of labels, each by itself
};

// One example: what the model computed, and the truth.
struct Outcome {
  absl::Span<const float> outputs;  // logits [classes], or [1] of a regression
  int32_t label = 0;                // true class; negative: not known
  float score = 0;                  // true number
  // Of a set: above 0 for each label that is true; as many as outputs.
  absl::Span<const float> set = {};
};

// A number over many outcomes. Their outputs are borrowed while Add runs; a
// metric of ranks keeps what it needs of each, and its header says how much.
// Thread-compatible.
class Metric {
 public:
  virtual ~Metric() = default;
  // Takes one more outcome. One whose class is not known does not count.
  virtual void Add(const Outcome& outcome) = 0;
  // The metric of the outcomes so far: a finite number, or nothing where it is
  // not defined, such as without outcomes.
  virtual std::optional<double> Value() const = 0;

 protected:
  Metric() = default;
};

// Where people see a metric.
enum class Shown {
  kFirst,  // in the first line
  kTable,  // in the table of classes, which has all averages
  kLine,   // in a line of its own
};

// A registered metric. Immutable, lives as long as the process.
struct MetricKind {
  absl::string_view name;   // in JSON: "macro_f1"
  absl::string_view title;  // for people: "macro-F1"
  TargetKind target;        // what it measures predictions of
  bool percent;             // people read it as a percentage
  Shown shown;
  // `classes` is the number of classes; ignored for TargetKind::kNumber.
  std::unique_ptr<Metric> (*create)(int64_t classes);
};

// All metrics of `target`. The first is the one that chooses the best of
// several evaluations: higher is better.
std::vector<const MetricKind*> MetricsOf(TargetKind target);

// "accuracy 93.10 %", "mean squared error 0.1250", or "AUC not defined".
std::string FormatMetric(const MetricKind& kind, std::optional<double> value);

// Several metrics of the same outcomes. Thread-compatible.
class MetricSet {
 public:
  MetricSet(std::vector<const MetricKind*> kinds, int64_t classes);

  void Add(const Outcome& outcome);
  // Outcomes so far.
  int64_t count() const { return count_; }

  absl::Span<const MetricKind* const> kinds() const { return kinds_; }
  // Of metric `i` of kinds().
  std::optional<double> Value(size_t i) const { return metrics_[i]->Value(); }

 private:
  std::vector<const MetricKind*> kinds_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  int64_t count_ = 0;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_METRIC_H_
