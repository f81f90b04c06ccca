/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of the program that cache_test.cc trains; an item is all of them. */

#include "runtime/schema/kernel_abi.h"

enum { kT, kS, kNoLabel = -100 };

#define KERNEL(name)                                                  \
  void teaching_##name(void* const* buffers, const int64_t* sizes,    \
                       const GraftRandomState* random, int64_t begin, \
                       int64_t end)

/* ids [T], offsets [S + 1], w [1] -> rows [S, 2]: w * sum of ids, length. */
KERNEL(say) {
  const int32_t *ids = buffers[0], *offsets = buffers[1];
  const float* w = buffers[2];
  float* rows = buffers[3];
  for (int64_t s = 0; s < sizes[kS]; ++s) {
    float sum = 0;
    for (int32_t t = offsets[s]; t < offsets[s + 1]; ++t) sum += (float)ids[t];
    rows[2 * s] = *w * sum;
    rows[2 * s + 1] = (float)(offsets[s + 1] - offsets[s]);
  }
  (void)random;
  (void)begin;
  (void)end;
}

/* said [S, 2], labels [S], total [], labelled [], gradient [1] -> loss [],
 * gradient [1]: soft = sum of the first of `said` / total, hard = sum of
 * label + 1 / labelled; the gradient grows by their sum. */
KERNEL(learn) {
  const float* said = buffers[0];
  const int32_t* labels = buffers[1];
  const float *total = buffers[2], *labelled = buffers[3], *old = buffers[4];
  float *loss = buffers[5], *gradient = buffers[6];
  float soft = 0, hard = 0;
  for (int64_t s = 0; s < sizes[kS]; ++s) {
    soft += said[2 * s];
    if (labels[s] != kNoLabel) hard += (float)(labels[s] + 1);
  }
  *loss = soft / *total + hard / *labelled;
  *gradient = *old + *loss;
  (void)random;
  (void)begin;
  (void)end;
}

/* w [1], gradient [1], rate [] -> w [1], gradient [1]. */
KERNEL(update) {
  const float *w = buffers[0], *gradient = buffers[1], *rate = buffers[2];
  float *new_w = buffers[3], *new_gradient = buffers[4];
  *new_w = *w - *rate * *gradient;
  *new_gradient = 0;
  (void)sizes;
  (void)random;
  (void)begin;
  (void)end;
}
