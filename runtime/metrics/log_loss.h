// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Logarithmic loss: the cross entropy of labels.

#ifndef GRAFT_RUNTIME_METRICS_LOG_LOSS_H_
#define GRAFT_RUNTIME_METRICS_LOG_LOSS_H_

#include <cstdint>
#include <memory>

#include "runtime/metrics/metric.h"

namespace graft {

// Mean of -log(probability of the true class), by softmax in double.
// Probabilities are clipped to [e, 1 - e] with e = 2^-52, as scikit-learn does,
// so that one example adds at most 36.04.
std::unique_ptr<Metric> CreateLogLoss(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_LOG_LOSS_H_
