// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/predict/evaluate.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/metrics/metrics.h"

namespace graft {

absl::Status ForEachPiece(
    EntryCaller& caller, const BatchBounds& bounds, ExampleFeed next,
    absl::FunctionRef<absl::Status(const Examples&)> consume) {
  PackedBatch packed;
  packed.Reserve({}, bounds);
  // One example more than fits is read to find where a piece ends.
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<BatchStream> stream,
      BatchStream::Start(LargestPieces(std::move(next), bounds),
                         bounds.sequences + 1, bounds.tokens));
  while (true) {
    GRAFT_ASSIGN_OR_RETURN(const Batch* batch, stream->Next());
    if (!batch) return absl::OkStatus();
    PackBatch(batch->examples, batch->pieces.front(), {}, packed);
    GRAFT_RETURN_IF_ERROR(caller.Call(&packed, {}));
    GRAFT_RETURN_IF_ERROR(consume(batch->examples));
  }
}

absl::Status PredictAll(Instance& instance, ExampleFeed next,
                        const PredictionSink& consume) {
  GRAFT_ASSIGN_OR_RETURN(EntryCaller caller,
                         EntryCaller::Create(instance, "predict"));
  GRAFT_ASSIGN_OR_RETURN(BatchBounds bounds,
                         ProgramBounds(instance.artifact()));
  return ForEachPiece(
      caller, bounds, std::move(next),
      [&](const Examples& examples) -> absl::Status {
        absl::Span<const float> logits = caller.Output("logits");
        absl::Span<const float> probabilities = caller.Output("probabilities");
        const size_t width = logits.size() / examples.size();
        for (int64_t i = 0; i < examples.size(); ++i) {
          const size_t at = static_cast<size_t>(i) * width;
          GRAFT_RETURN_IF_ERROR(consume(
              examples, i, logits.subspan(at, width),
              probabilities.empty() ? probabilities
                                    : probabilities.subspan(at, width)));
        }
        return absl::OkStatus();
      });
}

absl::StatusOr<EvaluationResult> EvaluateAll(EntryCaller& evaluate,
                                             const BatchBounds& bounds,
                                             ExampleFeed next) {
  double loss = 0;
  int64_t right = 0, count = 0;
  RegressionMeter regression;
  bool scores = false;
  GRAFT_RETURN_IF_ERROR(ForEachPiece(
      evaluate, bounds, std::move(next), [&](const Examples& examples) {
        absl::Span<const float> losses = evaluate.Output("losses");
        absl::Span<const float> logits = evaluate.Output("logits");
        const size_t width = logits.size() / examples.size();
        scores = width == 1;
        count += examples.size();
        for (int64_t i = 0; i < examples.size(); ++i) {
          loss += losses[i];
          absl::Span<const float> values = logits.subspan(i * width, width);
          right +=
              std::max_element(values.begin(), values.end()) - values.begin() ==
              examples.label(i);
          if (scores) regression.Add(examples.score(i), values[0]);
        }
        return absl::OkStatus();
      }));
  EvaluationResult result;
  if (count == 0) return result;
  result.loss = loss / static_cast<double>(count);
  result.score = scores
                     ? regression.Quality().pearson
                     : static_cast<double>(right) / static_cast<double>(count);
  return result;
}

}  // namespace graft
