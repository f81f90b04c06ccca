// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Prints the GFLOP/s of fp32 multiply-adds that this processor reaches:
//
//   peak THREADS
//
// Each thread has twelve independent chains in registers, more than hide the
// latency. The best of twenty bursts, so that a busy minute does not lower it.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __AVX512F__
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
#ifdef __aarch64__
#define KEEP(vector) "+w"(vector)
#else
#define KEEP(vector) "+v"(vector)
#endif
#define CHAINS 12
#define STEPS 2000000

typedef float Vector __attribute__((vector_size(4 * LANES)));

static void *burst(void *sum) {
  Vector chains[CHAINS], factor, addend;
  for (int j = 0; j < LANES; ++j) {
    factor[j] = 0.5f;
    addend[j] = 0.25f;
  }
  for (int i = 0; i < CHAINS; ++i) chains[i] = addend * (float)(i + 1);
  for (int step = 0; step < STEPS; ++step) {
#pragma clang loop unroll(full)
    for (int i = 0; i < CHAINS; ++i) {
      chains[i] = chains[i] * factor + addend;
      // Keeps each in a register and in the loop.
      __asm__("" : KEEP(chains[i]));
    }
  }
  for (int i = 0; i < CHAINS; ++i) *(float *)sum += chains[i][0];
  return NULL;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv) {
  const int threads = argc == 2 ? atoi(argv[1]) : 0;
  if (threads < 1 || threads > 1024) {
    fprintf(stderr, "usage: peak THREADS\n");
    return 2;
  }
  pthread_t handles[1024];
  float sums[1024] = {0};
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    const double start = now();
    for (int i = 0; i < threads; ++i) {
      if (pthread_create(&handles[i], NULL, burst, &sums[i]) != 0) return 1;
    }
    for (int i = 0; i < threads; ++i) pthread_join(handles[i], NULL);
    const double rate =
        2.0 * LANES * CHAINS * STEPS * threads / (now() - start) / 1e9;
    if (rate > best) best = rate;
  }
  printf("%.1f\n", best);
  return 0;
}
