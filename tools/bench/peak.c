// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Prints the GFLOP/s of multiply-adds that this processor reaches:
//
//   peak THREADS fp32|bf16
//
// bf16 is that of the tile registers of AMX, or of the dot products of AVX-512.
// Each thread has twelve independent chains in registers, more than hide the
// latency. The best of twenty bursts, so that a busy minute does not lower it.

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
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

#if defined(__AMX_BF16__) && defined(__linux__)
#define LOW_FLOPS (4.0 * 2 * 16 * 16 * 32)
#define LOW_STEPS 200000
static void *low_burst(void *sum) {
  unsigned char configuration[64] = {1};
  for (int i = 0; i < 8; ++i) {
    configuration[16 + 2 * i] = 64;
    configuration[48 + i] = 16;
  }
  _tile_loadconfig(configuration);
  for (int step = 0; step < LOW_STEPS; ++step) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return sum;
}
#elif defined(__AVX512BF16__)
#define LOW_FLOPS (12.0 * 64)
#define LOW_STEPS 2000000
static void *low_burst(void *sum) {
  __m512 chains[CHAINS];
  const __m512bh one = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  for (int i = 0; i < CHAINS; ++i) chains[i] = _mm512_set1_ps((float)i);
  for (int step = 0; step < LOW_STEPS; ++step) {
#pragma clang loop unroll(full)
    for (int i = 0; i < CHAINS; ++i) {
      chains[i] = _mm512_dpbf16_ps(chains[i], one, one);
      __asm__("" : KEEP(chains[i]));
    }
  }
  for (int i = 0; i < CHAINS; ++i) *(float *)sum += chains[i][0];
  return NULL;
}
#else
#define LOW_FLOPS 0.0
#define LOW_STEPS 0
static void *low_burst(void *sum) { return sum; }
#endif

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv) {
  const int threads = argc == 3 ? atoi(argv[1]) : 0;
  const int low = argc == 3 && strcmp(argv[2], "bf16") == 0;
  if (threads < 1 || threads > 1024 || (!low && strcmp(argv[2], "fp32") != 0)) {
    fprintf(stderr, "usage: peak THREADS fp32|bf16\n");
    return 2;
  }
#if defined(__AMX_BF16__) && defined(__linux__)
  // ARCH_REQ_XCOMP_PERM of XFEATURE_XTILEDATA
  if (low && syscall(SYS_arch_prctl, 0x1023, 18) != 0) return 1;
#endif
  const double flops =
      low ? LOW_FLOPS * LOW_STEPS : 2.0 * LANES * CHAINS * STEPS;
  pthread_t handles[1024];
  float sums[1024] = {0};
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    const double start = now();
    for (int i = 0; i < threads; ++i) {
      if (pthread_create(&handles[i], NULL, low ? low_burst : burst,
                         &sums[i]) != 0)
        return 1;
    }
    for (int i = 0; i < threads; ++i) pthread_join(handles[i], NULL);
    const double rate = flops * threads / (now() - start) / 1e9;
    if (rate > best) best = rate;
  }
  printf("%.1f\n", best);
  return 0;
}
