// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/host_evaluation.h"

using namespace mlir;

namespace graft::transfer {
namespace {

constexpr StringRef kDev = "dev";  // the stream of evaluation data
constexpr StringRef kEvaluated = "dev_evaluated";  // heads with data

std::string presentOf(const std::string& stream) {
  return "present(@" + stream + ")";
}

// Whether there are data to evaluate `predict` on.
std::string presentOf(PredictOp predict) {
  std::string labelled = presentOf(getEvaluationStream(predict));
  if (!predict.getUnlabelled()) return labelled;
  return "(" + labelled + " or " + presentOf(getUnlabelledStream(predict)) +
         ")";
}

// An expression: whether this step evaluates data for which `present` holds.
std::string evaluatesNow(const std::string& present) {
  return present +
         " and evaluate_every > 0 and "
         "($step % evaluate_every == 0 or $step == $last_step)";
}

// Evaluates one prediction into the variables `loss` and `score`.
void evaluate(exec::HostBuilder& to, PredictOp predict, StringRef loss,
              StringRef score) {
  auto evaluateBy = [&](const std::string& entry, const std::string& stream) {
    exec::EvaluateOp::create(
        to.builder, to.symbol(entry), to.symbol(stream),
        to.builder.getArrayAttr(
            {to.result(loss, "loss"), to.result(score, "score")}));
  };
  auto labelled = [&] {
    evaluateBy(predict.getEvaluateEntry(), getEvaluationStream(predict));
  };
  if (!predict.getUnlabelled()) return labelled();
  to.when(presentOf(getEvaluationStream(predict)), labelled, [&] {
    evaluateBy(predict.getUnlabelledEntry(), getUnlabelledStream(predict));
  });
}

void record(exec::HostBuilder& to, PredictOp predict, StringRef loss,
            StringRef score) {
  exec::LogOp::create(
      to.builder, to.builder.getStringAttr(getEvaluationStream(predict)),
      to.shown({{"step", "$step"}, {"loss", loss}, {"score", score}}));
}

// Keeps the parameters if $dev_score is the best so far; of equal ones that
// with the least loss, for a score may be the same for long, such as a micro-F1
// of 0.
void keepBest(exec::HostBuilder& to) {
  to.when(
      "$best_step == 0 or $dev_score > $best_score or ($dev_score == "
      "$best_score and $dev_loss < $best_loss)",
      [&] {
        to.set("$best_score", "$dev_score");
        to.set("$best_loss", "$dev_loss");
        to.set("$best_step", "$step");
        to.set("$stale", "0");
        exec::KeepOp::create(to.builder, "best");
      },
      [&] { to.set("$stale", "$stale + 1"); });
}

void stopEarly(exec::HostBuilder& to) {
  to.set("$stopped_early", "patience > 0 and $stale >= patience");
}

// Score and loss are the means of those of the heads that there are data for.
void addHeads(exec::HostBuilder& to, ArrayRef<PredictOp> predictions,
              bool mayStop) {
  std::string present;
  for (PredictOp predict : predictions)
    present += (present.empty() ? "(" : " or ") + presentOf(predict);
  to.when(evaluatesNow(present + ")"), [&] {
    std::string evaluated = ("$" + kEvaluated).str();
    to.set("$dev_score", "0");
    to.set("$dev_loss", "0");
    to.set(evaluated, "0");
    for (PredictOp predict : predictions) {
      std::string variable = "$" + getEvaluationStream(predict);
      std::string loss = variable + "_loss", score = variable + "_score";
      to.when(presentOf(predict), [&] {
        evaluate(to, predict, loss, score);
        record(to, predict, loss, score);
        to.set("$dev_score", "$dev_score + " + score);
        to.set("$dev_loss", "$dev_loss + " + loss);
        to.set(evaluated, evaluated + " + 1");
      });
    }
    to.set("$dev_score", "$dev_score / " + evaluated);
    to.set("$dev_loss", "$dev_loss / " + evaluated);
    keepBest(to);
    if (mayStop) stopEarly(to);
  });
}

}  // namespace

std::string getEvaluationStream(PredictOp predict) {
  if (std::optional<StringRef> head = predict.getHead())
    return (kDev + "_" + *head).str();
  return kDev.str();
}

std::string getUnlabelledStream(PredictOp predict) {
  return getEvaluationStream(predict) + "_unlabelled";
}

void declareEvaluationVariables(exec::HostBuilder& host,
                                ArrayRef<PredictOp> predictions) {
  PredictOp first = predictions.front();
  if (!first.getHead()) return;
  host.declareVariable(kEvaluated);
  for (PredictOp predict : predictions)
    for (StringRef kind : {"_loss", "_score"})
      host.declareVariable(getEvaluationStream(predict) + kind.str());
}

void addEvaluation(exec::HostBuilder& host, ArrayRef<PredictOp> predictions,
                   bool mayStop) {
  PredictOp first = predictions.front();
  if (first.getHead()) return addHeads(host, predictions, mayStop);
  host.when(evaluatesNow(presentOf(first)), [&] {
    evaluate(host, first, "$dev_loss", "$dev_score");
    keepBest(host);
    record(host, first, "$dev_loss", "$dev_score");
    if (mayStop) stopEarly(host);
  });
}

}  // namespace graft::transfer
