// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Builds the evaluations of a host program.

#ifndef GRAFT_PASSES_TRANSFER_HOST_EVALUATION_H_
#define GRAFT_PASSES_TRANSFER_HOST_EVALUATION_H_

#include <string>

#include "dialects/exec/host_builder.h"
#include "dialects/transfer/transfer_analysis.h"

namespace graft::transfer {

// The stream of the data that a prediction is evaluated on: "dev", or of a head
// "dev_<head>".
std::string getEvaluationStream(PredictOp predict);
// That of data without labels.
std::string getUnlabelledStream(PredictOp predict);

// Declares the variables that evaluations of heads have besides those of every
// host program.
void declareEvaluationVariables(exec::HostBuilder& host,
                                llvm::ArrayRef<PredictOp> predictions);

// Adds the evaluation of the predictions that there are data for, in the steps
// that the options of the run say. It keeps the parameters of the best score;
// if it `mayStop`, evaluations without a better one end the run.
void addEvaluation(exec::HostBuilder& host,
                   llvm::ArrayRef<PredictOp> predictions, bool mayStop);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_HOST_EVALUATION_H_
