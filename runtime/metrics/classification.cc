// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/message.h"
#include "runtime/metrics/class_counts.h"

namespace graft {
namespace {

std::string EscapeXml(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

}  // namespace

int64_t PredictedClass(absl::Span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

int64_t ConfusionMatrix::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
}

double ConfusionMatrix::Accuracy() const {
  int64_t right = 0;
  for (int64_t c = 0; c < classes_; ++c) right += count(c, c);
  int64_t all = total();
  return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all);
}

double ConfusionMatrix::MacroF1() const {
  ClassCounts counts(classes_);
  for (int64_t truth = 0; truth < classes_; ++truth)
    for (int64_t predicted = 0; predicted < classes_; ++predicted)
      counts.Add(truth, predicted, count(truth, predicted));
  return MacroAverage(counts).f1;
}

std::string ConfusionSvg(const ConfusionMatrix& matrix,
                         absl::Span<const std::string> labels) {
  constexpr int kCell = 26, kMargin = 120, kTitle = 30;
  const int n = static_cast<int>(matrix.classes());
  const int side = n * kCell;
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
      "<text x=\"8\" y=\"18\" font-size=\"13\">rows: true label, columns: "
      "predicted; accuracy %.2f %%, macro-F1 %.2f %%, %d examples</text>\n",
      std::max(side + kMargin + 20, 560), side + kMargin + kTitle,
      100 * matrix.Accuracy(), 100 * matrix.MacroF1(), matrix.total());
  for (int row = 0; row < n; ++row) {
    int64_t row_total = 0;
    for (int column = 0; column < n; ++column)
      row_total += matrix.count(row, column);
    const int y = kTitle + row * kCell;
    absl::StrAppendFormat(
        &svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
        kMargin - 6, y + 17, EscapeXml(Shorten(labels[row])));
    for (int column = 0; column < n; ++column) {
      int64_t count = matrix.count(row, column);
      double share = row_total == 0 ? 0
                                    : static_cast<double>(count) /
                                          static_cast<double>(row_total);
      // White to blue where right, white to red where wrong.
      int fade = 255 - static_cast<int>(std::lround(200 * std::sqrt(share)));
      std::string colour = row == column
                               ? absl::StrFormat("rgb(%d,%d,255)", fade, fade)
                               : absl::StrFormat("rgb(255,%d,%d)", fade, fade);
      const int x = kMargin + column * kCell;
      absl::StrAppendFormat(
          &svg,
          "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" "
          "stroke=\"#ddd\"/>\n",
          x, y, kCell, kCell, colour);
      if (count > 0)
        absl::StrAppendFormat(&svg,
                              "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
                              "font-size=\"9\" fill=\"%s\">%d</text>\n",
                              x + kCell / 2, y + 16,
                              share > 0.5 ? "white" : "black", count);
    }
  }
  for (int column = 0; column < n; ++column) {
    const int x = kMargin + column * kCell + 16, y = kTitle + side + 8;
    absl::StrAppendFormat(&svg,
                          "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" "
                          "transform=\"rotate(-60 %d %d)\">%s</text>\n",
                          x, y, x, y, EscapeXml(Shorten(labels[column])));
  }
  absl::StrAppend(&svg, "</svg>\n");
  return svg;
}

namespace {

class Accuracy final : public Metric {
 public:
  void Add(const Outcome& outcome) override {
    if (outcome.label < 0) return;
    ++count_;
    right_ += PredictedClass(outcome.outputs) == outcome.label;
  }
  std::optional<double> Value() const override {
    if (count_ == 0) return std::nullopt;
    return static_cast<double>(right_) / static_cast<double>(count_);
  }

 private:
  int64_t right_ = 0, count_ = 0;
};

}  // namespace

std::unique_ptr<Metric> CreateAccuracy(int64_t) {
  return std::make_unique<Accuracy>();
}

}  // namespace graft
