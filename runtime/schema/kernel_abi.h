/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * How the runtime calls generated native code. Included by the runtime and by
 * the compiler, which emits the LLVM form of these types; plain C.
 *
 * A kernel has no globals, allocates nothing, calls nothing but memcpy and
 * memset, and may run on several threads at once on disjoint work ranges. */

#ifndef GRAFT_RUNTIME_SCHEMA_KERNEL_ABI_H_
#define GRAFT_RUNTIME_SCHEMA_KERNEL_ABI_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever the meaning of anything below changes. */
#define GRAFT_KERNEL_ABI_VERSION 2

/* Bytes to which the runtime aligns every buffer. */
#define GRAFT_BUFFER_ALIGNMENT 64

/* The state of random draws, constant within a launch: docs/formats/
 * randomness.md says how a draw depends on it. The launch's place comes from
 * outside, so that layers that differ in nothing else share a kernel. */
typedef struct GraftRandomState {
  uint64_t seed;
  uint64_t place; /* phase << 48 | draw << 32 | op id */
  uint32_t step;  /* optimiser step, from 0 */
} GraftRandomState;

/* Does the work items [begin, end) of one launch.
 *
 * buffers: the launch's operands in order, then its results. A
 *   `!graft.segments` operand is three buffers: `offsets` int32 [S + 1],
 *   `ordinals` int32 [S] (ordinal of each example in the global batch) and
 *   `rows` int32 [T] (sequence of each token). Tensors are dense and
 *   row-major. A result may share its buffer with an operand only where the
 *   launch says so (`ties`).
 * sizes: values of the program's named sizes, in the order of its table. */
typedef void (*GraftKernel)(void* const* buffers, const int64_t* sizes,
                            const GraftRandomState* random, int64_t begin,
                            int64_t end);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* GRAFT_RUNTIME_SCHEMA_KERNEL_ABI_H_ */
