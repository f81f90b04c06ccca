// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/evaluate.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/status_macros.h"
#include "runtime/train/metrics.h"

namespace graft {

absl::Status ForEachPiece(EntryCaller& caller, const BatchBounds& bounds,
                          const Dataset& dataset,
                          absl::FunctionRef<absl::Status(BatchRange)> consume) {
  std::vector<int64_t> order(dataset.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<BatchRange> pieces;
  GRAFT_RETURN_IF_ERROR(
      SplitBatch(dataset, order, {0, dataset.size()}, bounds, pieces));
  PackedBatch packed;
  packed.Reserve(dataset, bounds);
  for (BatchRange piece : pieces) {
    PackBatch(dataset, order, piece, piece.begin, packed);
    GRAFT_RETURN_IF_ERROR(caller.Call(&packed, {}));
    GRAFT_RETURN_IF_ERROR(consume(piece));
  }
  return absl::OkStatus();
}

absl::Status PredictAll(Instance& instance, const Dataset& dataset,
                        const PredictionSink& consume) {
  GRAFT_ASSIGN_OR_RETURN(EntryCaller caller,
                         EntryCaller::Create(instance, "predict"));
  GRAFT_ASSIGN_OR_RETURN(BatchBounds bounds,
                         ProgramBounds(instance.artifact()));
  return ForEachPiece(caller, bounds, dataset, [&](BatchRange piece) {
    absl::Span<const float> logits = caller.Output("logits");
    absl::Span<const float> probabilities = caller.Output("probabilities");
    const size_t width = logits.size() / (piece.end - piece.begin);
    for (int64_t i = piece.begin; i < piece.end; ++i) {
      const size_t at = static_cast<size_t>(i - piece.begin) * width;
      consume(i, logits.subspan(at, width),
              probabilities.empty() ? probabilities
                                    : probabilities.subspan(at, width));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<EvaluationResult> EvaluateAll(EntryCaller& evaluate,
                                             const BatchBounds& bounds,
                                             const Dataset& dataset) {
  double loss = 0;
  int64_t right = 0;
  std::vector<float> predicted, truth;
  GRAFT_RETURN_IF_ERROR(
      ForEachPiece(evaluate, bounds, dataset, [&](BatchRange piece) {
        absl::Span<const float> losses = evaluate.Output("losses");
        absl::Span<const float> logits = evaluate.Output("logits");
        const size_t width = logits.size() / (piece.end - piece.begin);
        for (int64_t i = piece.begin; i < piece.end; ++i) {
          const size_t row = static_cast<size_t>(i - piece.begin);
          loss += losses[row];
          absl::Span<const float> values = logits.subspan(row * width, width);
          right +=
              std::max_element(values.begin(), values.end()) - values.begin() ==
              dataset.label(i);
          if (width > 1) continue;
          predicted.push_back(values[0]);
          truth.push_back(dataset.score(i));
        }
        return absl::OkStatus();
      }));
  EvaluationResult result;
  if (dataset.size() == 0) return result;
  result.loss = loss / static_cast<double>(dataset.size());
  result.score =
      predicted.empty()
          ? static_cast<double>(right) / static_cast<double>(dataset.size())
          : MeasureRegression(truth, predicted).pearson;
  return result;
}

}  // namespace graft
