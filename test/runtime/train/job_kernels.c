/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of the job that job.h trains: a number w[i] for each id i, whose mean
 * over the ids of an example is drawn to the example's label, 0 or 1. An item
 * is all of them, unless said otherwise. */

#include <math.h>

#include "runtime/schema/kernel_abi.h"

enum { kT, kS, kIds = 16 };

#define KERNEL(name)                                          \
  void job_##name(void* const* buffers, const int64_t* sizes, \
                  const GraftRandomState* random, int64_t begin, int64_t end)

/* The mean of w over the ids of sequence s. */
static float Mean(const int32_t* ids, const int32_t* offsets, const float* w,
                  int64_t s) {
  float sum = 0;
  for (int32_t t = offsets[s]; t < offsets[s + 1]; ++t) sum += w[ids[t]];
  return sum / (float)(offsets[s + 1] - offsets[s]);
}

/* Whether an example of the optimiser batch is left out of its step, as a
 * dropout would: one of four. */
static int IsDropped(const GraftRandomState* random, int32_t ordinal) {
  uint64_t x = random->seed + 0x9E3779B97F4A7C15u * (random->step + 1) +
               0xBF58476D1CE4E5B9u * (uint64_t)(ordinal + 1) + random->place;
  x ^= x >> 31;
  x *= 0x94D049BB133111EBu;
  return (x >> 40) % 4 == 0;
}

/* ids [T], offsets [S + 1], w [N] -> said [S, 1]: what a teacher says. */
KERNEL(say) {
  const int32_t *ids = buffers[0], *offsets = buffers[1];
  const float* w = buffers[2];
  float* said = buffers[3];
  for (int64_t s = 0; s < sizes[kS]; ++s) said[s] = Mean(ids, offsets, w, s);
  (void)random;
  (void)begin;
  (void)end;
}

/* ids [T], offsets, ordinals [S], labels [S], said [S, 1], total [], scale [],
 * w [N], gradient [N] -> loss [], gradient [N]: squares of the differences from
 * label and said. As in fp16, what is above 65504 is infinite. */
KERNEL(learn) {
  const int32_t *ids = buffers[0], *offsets = buffers[1],
                *ordinals = buffers[2], *labels = buffers[3];
  const float *said = buffers[4], *total = buffers[5], *scale = buffers[6],
              *w = buffers[7], *old = buffers[8];
  float *loss = buffers[9], *gradient = buffers[10];
  *loss = 0;
  for (int64_t i = 0; i < kIds; ++i) gradient[i] = old[i];
  for (int64_t s = 0; s < sizes[kS]; ++s) {
    if (IsDropped(random, ordinals[s])) continue;
    const float y = Mean(ids, offsets, w, s);
    const float hard = y - (float)labels[s], soft = y - said[s];
    *loss += (hard * hard + soft * soft) / *total;
    const float slope = 2 * (hard + soft) / *total * *scale /
                        (float)(offsets[s + 1] - offsets[s]);
    for (int32_t t = offsets[s]; t < offsets[s + 1]; ++t) {
      gradient[ids[t]] += slope;
      if (!(fabsf(gradient[ids[t]]) <= 65504)) gradient[ids[t]] = INFINITY;
    }
  }
  (void)begin;
  (void)end;
}

/* rate [], step [], unscale [], w [N], gradient [N], moment [N], norm [N] ->
 * w, gradient, moment, norm. The step counts from 1. */
KERNEL(update) {
  const float *rate = buffers[0], *unscale = buffers[2];
  const int32_t* step = buffers[1];
  float *w = buffers[3], *gradient = buffers[4], *moment = buffers[5],
        *norm = buffers[6];
  for (int64_t i = 0; i < kIds; ++i) {
    const float g = gradient[i] * *unscale;
    moment[i] = 0.5f * moment[i] + g;
    norm[i] = 0.75f * norm[i] + 0.25f * fabsf(g);
    w[i] -= *rate * moment[i] / (0.1f + norm[i]) * (1 + 1 / (float)*step);
    gradient[i] = 0;
  }
  (void)sizes;
  (void)random;
  (void)begin;
  (void)end;
}

/* ids [T], offsets [S + 1], labels [S], w [N] -> losses [S], logits [S, 2]. */
KERNEL(judge) {
  const int32_t *ids = buffers[0], *offsets = buffers[1], *labels = buffers[2];
  const float* w = buffers[3];
  float *losses = buffers[4], *logits = buffers[5];
  for (int64_t s = 0; s < sizes[kS]; ++s) {
    const float y = Mean(ids, offsets, w, s);
    losses[s] = (y - (float)labels[s]) * (y - (float)labels[s]);
    logits[2 * s] = 1 - y;
    logits[2 * s + 1] = y;
  }
  (void)random;
  (void)begin;
  (void)end;
}
