/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of tiny_artifact.h by hand: what generated code looks like from
 * outside. */

#include "runtime/schema/kernel_abi.h"

enum { kT, kS, kColumns = 4 };

#define KERNEL(name)                                           \
  void tiny_##name(void* const* buffers, const int64_t* sizes, \
                   const GraftRandomState* random, int64_t begin, int64_t end)

/* x [T, 4], w [4], b [4] -> y [T, 4]; an item is two rows. */
KERNEL(scale) {
  const float *x = buffers[0], *w = buffers[1], *b = buffers[2];
  float* y = buffers[3];
  int64_t last = 2 * end < sizes[kT] ? 2 * end : sizes[kT];
  for (int64_t i = 2 * begin * kColumns; i < last * kColumns; ++i)
    y[i] = x[i] * w[i % kColumns] + b[i % kColumns];
  (void)random;
}

/* y [T, 4], segments -> sums [S, 4]; an item is a sequence. */
KERNEL(pool) {
  const float* y = buffers[0];
  const int32_t *offsets = buffers[1], *rows = buffers[3];
  float* sums = buffers[4];
  for (int64_t s = begin; s < end; ++s) {
    for (int j = 0; j < kColumns; ++j) sums[s * kColumns + j] = 0;
    for (int64_t t = offsets[s]; t < offsets[s + 1]; ++t)
      for (int j = 0; j < kColumns; ++j)
        sums[s * kColumns + j] += rows[t] == s ? y[t * kColumns + j] : -1e9f;
  }
  (void)sizes;
  (void)random;
}

/* x [T, 4], g [4] -> g + sums of columns; an item is a column. */
KERNEL(gradient) {
  const float *x = buffers[0], *old = buffers[1];
  float* g = buffers[2];
  for (int64_t j = begin; j < end; ++j) {
    float sum = old[j];
    for (int64_t t = 0; t < sizes[kT]; ++t) sum += x[t * kColumns + j];
    g[j] = sum;
  }
  (void)random;
}

/* The random state it was given. */
KERNEL(draw) {
  int32_t* out = buffers[0];
  out[0] = (int32_t)random->seed;
  out[1] = (int32_t)random->step;
  out[2] = (int32_t)(random->place >> 48);
  out[3] = (int32_t)random->place;
  (void)sizes;
  (void)begin;
  (void)end;
}

/* The optimiser step of the random state. */
KERNEL(step) {
  float* out = buffers[0];
  out[0] = (float)random->step;
  (void)sizes;
  (void)begin;
  (void)end;
}

/* ids [T], segments, labels [S], total [], w [N], g [N] -> g + gradient of
 * mean squares of w[id] - label, over the tokens; an item is an id. */
KERNEL(learn) {
  const int32_t *ids = buffers[0], *rows = buffers[3], *labels = buffers[4];
  const float *total = buffers[5], *w = buffers[6], *old = buffers[7];
  float* g = buffers[8];
  for (int64_t i = begin; i < end; ++i) {
    float sum = old[i];
    for (int64_t t = 0; t < sizes[kT]; ++t)
      if (ids[t] == i) sum += 2 * (w[i] - labels[rows[t]]) / *total;
    g[i] = sum;
  }
  (void)random;
}

/* ids [T], segments, labels [S], total [], w [N] -> loss [1], that of learn. */
KERNEL(squares) {
  const int32_t *ids = buffers[0], *rows = buffers[3], *labels = buffers[4];
  const float *total = buffers[5], *w = buffers[6];
  float* loss = buffers[7];
  *loss = 0;
  for (int64_t t = 0; t < sizes[kT]; ++t) {
    float difference = w[ids[t]] - labels[rows[t]];
    *loss += difference * difference / *total;
  }
  (void)random;
  (void)begin;
  (void)end;
}

/* w [N], g [N], rate [] -> w - rate * g; an item is an element. */
KERNEL(update) {
  const float *w = buffers[0], *g = buffers[1], *rate = buffers[2];
  float* out = buffers[3];
  for (int64_t i = begin; i < end; ++i) out[i] = w[i] - *rate * g[i];
  (void)sizes;
  (void)random;
}
