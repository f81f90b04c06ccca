/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of the programs that predictor_test.cc predicts with; an item is all
 * of them. */

#include "runtime/schema/kernel_abi.h"

enum { kS = 1 };

#define KERNEL(name)                                                 \
  void scoring_##name(void* const* buffers, const int64_t* sizes,    \
                      const GraftRandomState* random, int64_t begin, \
                      int64_t end)

static float Sum(const int32_t* ids, int32_t begin, int32_t end) {
  float sum = 0;
  for (int32_t t = begin; t < end; ++t) sum += (float)ids[t];
  return sum;
}

/* ids [T], offsets [S + 1] -> logits [S, 2], probabilities [S, 2]: (sum of
 * ids, length) and (1 / length, 1 - 1 / length). */
KERNEL(classes) {
  const int32_t *ids = buffers[0], *offsets = buffers[1];
  float *logits = buffers[2], *probabilities = buffers[3];
  for (int64_t s = 0; s < sizes[kS]; ++s) {
    float length = (float)(offsets[s + 1] - offsets[s]);
    logits[2 * s] = Sum(ids, offsets[s], offsets[s + 1]);
    logits[2 * s + 1] = length;
    probabilities[2 * s] = 1 / length;
    probabilities[2 * s + 1] = 1 - 1 / length;
  }
  (void)random;
  (void)begin;
  (void)end;
}

/* ids [T], offsets [S + 1] -> logits [S, 1]: sum of ids. */
KERNEL(score) {
  const int32_t *ids = buffers[0], *offsets = buffers[1];
  float* logits = buffers[2];
  for (int64_t s = 0; s < sizes[kS]; ++s)
    logits[s] = Sum(ids, offsets[s], offsets[s + 1]);
  (void)random;
  (void)begin;
  (void)end;
}
