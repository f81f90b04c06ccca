// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// MKL, which PyPI's PyTorch carries inside, asks these two functions whether
// the processor is Intel's and takes slower code where it is not, whatever
// instructions the processor has. Preloaded, this library answers yes, so that
// a comparison on another maker's processor meets PyTorch at its best.

int mkl_serv_intel_cpu_true(void) { return 1; }
int mkl_serv_intel_cpu(void) { return 1; }
