/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of the conformance suite for devices that run C code of this
 * machine. A device with other code supplies the same kernels in its own. */

#include <stdatomic.h>

#include "runtime/schema/kernel_abi.h"

#define KERNEL(name)                                                     \
  void conformance_##name(void* const* buffers, const int64_t* sizes,    \
                          const GraftRandomState* random, int64_t begin, \
                          int64_t end)

/* x [N] i32, y [N] i32 -> x + 3 y + sizes[1] modulo 2^32; an item is an element,
 * N = sizes[0]. Order matters: it tells which of two commands came first. */
KERNEL(combine) {
  const uint32_t *x = buffers[0], *y = buffers[1];
  uint32_t* z = buffers[2];
  for (int64_t i = begin; i < end && i < sizes[0]; ++i)
    z[i] = x[i] + 3 * y[i] + (uint32_t)sizes[1];
  (void)random;
}

/* counts [items] i32: adds 1 to the element of each item. */
KERNEL(count) {
  int32_t* counts = buffers[0];
  for (int64_t i = begin; i < end; ++i) ++counts[i];
  (void)sizes;
  (void)random;
}

/* out [4] i64: seed, place, step, sizes[0]; one item. */
KERNEL(arguments) {
  int64_t* out = buffers[0];
  out[0] = (int64_t)random->seed;
  out[1] = (int64_t)random->place;
  out[2] = (int64_t)random->step;
  out[3] = sizes[0];
  (void)begin;
  (void)end;
}

/* gate [1]: the host's address of an atomic int. Returns once that is not 0:
 * for devices that share the host's address space and do not block callers. */
KERNEL(await) {
  atomic_int* gate = *(atomic_int* const*)buffers[0];
  while (atomic_load(gate) == 0) {
  }
  (void)sizes;
  (void)random;
  (void)begin;
  (void)end;
}
