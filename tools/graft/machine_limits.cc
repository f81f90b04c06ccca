// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/machine_limits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace graft {
namespace {

// Independent multiply-adds: enough to hide the latency (4 cycles, two issued
// per cycle), few enough for 16 registers.
constexpr int kChains = 12;
constexpr int64_t kTurns = 100'000;
constexpr int kRepeats = 20;

using Arithmetic = float (*)();
using Stream = void (*)(float* y, const float* x, int64_t count);

// The two loops with vectors of `bytes`; `attribute` selects the instructions.
// clang contracts a * b + c to one instruction if the ISA has it.
#define GRAFT_LOOPS(name, bytes, attribute)                              \
  attribute float Arithmetic##name() {                                   \
    using Vector = float __attribute__((vector_size(bytes)));            \
    Vector sums[kChains] = {};                                           \
    const Vector factor = Vector{} + 0.999F, term = Vector{} + 0.001F;   \
    for (int64_t turn = 0; turn < kTurns; ++turn) {                      \
      for (Vector& sum : sums) sum = sum * factor + term;                \
    }                                                                    \
    Vector all = {};                                                     \
    for (const Vector& sum : sums) all += sum;                           \
    return all[0];                                                       \
  }                                                                      \
  attribute void Stream##name(float* y, const float* x, int64_t count) { \
    for (int64_t i = 0; i < count; ++i) y[i] = y[i] * 0.999F + x[i];     \
  }

#if defined(__x86_64__)
GRAFT_LOOPS(Avx512, 64, __attribute__((target("avx512f"))))
GRAFT_LOOPS(Avx2, 32, __attribute__((target("avx2,fma"))))
#endif
GRAFT_LOOPS(Plain, 16, )
#undef GRAFT_LOOPS

struct Loops {
  Arithmetic arithmetic;
  Stream stream;
  int64_t lanes;
};

Loops LoopsOf(const std::string& level) {
#if defined(__x86_64__)
  if (level.rfind("avx512", 0) == 0 || level == "amx_bf16")
    return {ArithmeticAvx512, StreamAvx512, 16};
  if (level == "avx2") return {ArithmeticAvx2, StreamAvx2, 8};
#endif
  return {ArithmeticPlain, StreamPlain, 4};
}

#if defined(__x86_64__)
// Dot products of pairs: one per cycle with a latency of at most 6, so the
// chains for multiply-adds suffice. More chains would spill.
constexpr double kPairFlops = 2.0 * 2 * 16 * kChains * kTurns;

__attribute__((target("avx512f,avx512bf16"))) float MultiplyPairs() {
  __m512 sums[kChains] = {};
  const auto ones = (__m512bh)_mm512_set1_epi16(0x3f80);
  for (int64_t turn = 0; turn < kTurns; ++turn) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, ones, ones);
  }
  __m512 all = {};
  for (const __m512& sum : sums) all += sum;
  return all[0];
}

// Products of tile registers with four accumulators: enough to hide the latency
// (52 cycles, one issued per 16).
constexpr int64_t kTileTurns = 20'000;
constexpr double kTileFlops = 2.0 * 16 * 16 * 32 * 4 * kTileTurns;

__attribute__((target("amx-tile,amx-bf16"))) void MultiplyTiles() {
  struct alignas(64) {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
  } configuration;
  for (int i = 0; i < 8; ++i) {
    configuration.bytes[i] = 64;
    configuration.rows[i] = 16;
  }
  alignas(64) std::array<uint16_t, 16 * 32> ones;
  ones.fill(0x3f80);
  _tile_loadconfig(&configuration);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, ones.data(), 64);
  _tile_loadd(5, ones.data(), 64);
  _tile_loadd(6, ones.data(), 64);
  _tile_loadd(7, ones.data(), 64);
  for (int64_t turn = 0; turn < kTileTurns; ++turn) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}
#endif

// Seconds of the fastest of several runs of `run` on all threads.
template <typename Function>
double Fastest(ThreadPool& pool, int repeats, Function run) {
  double best = HUGE_VAL;
  for (int i = 0; i < repeats; ++i) {
    const absl::Time start = absl::Now();
    pool.Run(run);
    best = std::min(best, absl::ToDoubleSeconds(absl::Now() - start));
  }
  return best;
}

}  // namespace

double MachineLimits::BandwidthOf(double bytes) const {
  const auto above =
      std::find_if(bandwidth.begin(), bandwidth.end(),
                   [&](const Bandwidth& next) { return next.bytes >= bytes; });
  if (above == bandwidth.begin()) return above->per_second;
  const Bandwidth& below = *(above - 1);
  if (above == bandwidth.end()) return below.per_second;
  const double part =
      std::log(bytes / below.bytes) / std::log(above->bytes / below.bytes);
  return below.per_second + part * (above->per_second - below.per_second);
}

MachineLimits MeasureMachineLimits(ThreadPool& pool, const std::string& level) {
  const Loops loops = LoopsOf(level);
  MachineLimits limits;
  std::vector<float> sinks(pool.size());
  const double seconds = Fastest(
      pool, kRepeats, [&](int worker) { sinks[worker] = loops.arithmetic(); });
  limits.flops = 2.0 * kChains * kTurns * static_cast<double>(loops.lanes) *
                 pool.size() / seconds;

#if defined(__x86_64__)
  if (level == "amx_bf16")
    limits.bf16_flops = kTileFlops * pool.size() /
                        Fastest(pool, kRepeats, [](int) { MultiplyTiles(); });
  if (level == "avx512_bf16")
    limits.bf16_flops =
        kPairFlops * pool.size() / Fastest(pool, kRepeats, [&](int worker) {
          sinks[worker] = MultiplyPairs();
        });
#endif

  // From sizes that fit the caches of the cores to several times the L3 cache.
  constexpr int64_t kSmallest = int64_t{1} << 14, kLargest = int64_t{1} << 28;
  constexpr int64_t kStreamed = int64_t{1} << 27;  // in one timed run, at least
  std::vector<float> memory(kLargest / sizeof(float), 1.0F);
  for (int64_t bytes = kSmallest; bytes <= kLargest; bytes *= 4) {
    const int64_t rounds = std::max<int64_t>(1, kStreamed / bytes);
    // The share of each thread: half of it x, half of it y.
    const int64_t count = bytes / sizeof(float) / 2 / pool.size();
    const double time = Fastest(pool, 5, [&](int worker) {
      float* y = memory.data() + 2 * count * worker;
      for (int64_t i = 0; i < rounds; ++i) loops.stream(y, y + count, count);
    });
    limits.bandwidth.push_back(
        {static_cast<double>(bytes),
         3.0 * sizeof(float) *
             static_cast<double>(count * pool.size() * rounds) / time});
  }
  return limits;
}

}  // namespace graft
