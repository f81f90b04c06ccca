// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Counter-based randomness: Philox4x32-10 (Salmon, Moraes, Dror, Shaw,
// "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) and Graft's layout of
// dropout masks on it. The layout is part of the artifact format, described in
// docs/formats/randomness.md; the interpreter, CPU kernels and GPU kernels all
// follow this file bit for bit.
//
// Header-only, no dependencies, everything constexpr and thread-safe.

#ifndef GRAFT_RUNTIME_FORMATS_PHILOX_H_
#define GRAFT_RUNTIME_FORMATS_PHILOX_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace graft {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

// Ten rounds of Philox4x32: four random words for (counter, key). Equal to
// Random123's philox4x32_R(10, counter, key).
constexpr PhiloxCounter Philox4x32(PhiloxCounter counter, PhiloxKey key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53u;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57u;
  constexpr uint32_t kWeyl0 = 0x9E3779B9u;
  constexpr uint32_t kWeyl1 = 0xBB67AE85u;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// One output of the SplitMix64 generator whose state is `x` (Steele, Lea,
// Flood, OOPSLA 2014): a bijection of 64-bit words that spreads every bit.
constexpr uint64_t SplitMix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// The key of one random op. `phase` numbers the phases of a program, `draw` the
// calls of one op on one batch (two forwards of a model differ in it), and
// `op_id` is the id fixed when the op was imported.
constexpr PhiloxKey RandomOpKey(uint64_t seed, uint16_t phase, uint16_t draw,
                                uint32_t op_id) {
  const uint64_t place = (static_cast<uint64_t>(phase) << 48) |
                         (static_cast<uint64_t>(draw) << 32) | op_id;
  const uint64_t key = SplitMix64(seed ^ SplitMix64(place));
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

// The phase in the keys of random numbers of host programs; those of entries
// count from 0.
inline constexpr uint16_t kHostPhase = 0xFFFF;

// The random number of a host program for `number`: one of the multiples of
// 2^-53 in [0, 1), each with the same probability.
constexpr double HostRandom(uint64_t seed, uint64_t number) {
  const PhiloxCounter words =
      Philox4x32({static_cast<uint32_t>(number),
                  static_cast<uint32_t>(number >> 32), 0, 0},
                 RandomOpKey(seed, kHostPhase, /*draw=*/0, /*op_id=*/0));
  const uint64_t bits = (static_cast<uint64_t>(words[1]) << 32) | words[0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

// Which row of which example a mask belongs to. Rows are the innermost
// dimension: the features of a token, or the keys of one attention query.
struct DropoutRowId {
  // Attention head; 0 for rows of features. Below 65535.
  uint32_t head = 0;
  // Position of the token (attention: of the query) inside its example,
  // independent of packing; 0 for rows that describe a whole sequence. Below
  // 65536.
  uint32_t position = 0;
  // Ordinal of the example in the global batch, over all micro-batches and
  // ranks.
  uint32_t example = 0;
  // Optimiser step, low 32 bits.
  uint32_t step = 0;
};

// Elements of a row that share the 16 calls of one block: lane e % 16 of block
// e / 128 draws one call, whose eight 16-bit chunks serve every 16th element.
// So 16 neighbouring elements need the same chunk of 16 independent calls,
// which is one vector register of counters.
inline constexpr int64_t kDropoutLanes = 16;
inline constexpr int64_t kDropoutChunks = 8;
inline constexpr int64_t kDropoutBlock = kDropoutLanes * kDropoutChunks;

// An element is dropped when its 16-bit chunk is below this, so the rate is
// exact to 2^-16. `rate` lies strictly between 0 and 1; the result is clamped
// to [1, 65535]. A rate of 0 is no dropout and has no mask.
constexpr uint32_t DropoutThreshold(double rate) {
  const double scaled = rate * 65536.0 + 0.5;
  if (!(scaled >= 1.0)) return 1;
  if (scaled >= 65535.0) return 65535;
  return static_cast<uint32_t>(scaled);
}

// Factor of the elements that are kept: 1 / (1 - threshold / 65536), rounded
// once to float.
constexpr float DropoutScale(uint32_t threshold) {
  return 65536.0f / static_cast<float>(65536 - threshold);
}

// Counter of call `call` of a row: call = block * 16 + lane.
constexpr PhiloxCounter DropoutCounter(const DropoutRowId& row, uint32_t call) {
  return {call, (row.head << 16) | (row.position & 0xFFFFu), row.example,
          row.step};
}

// Chunk r in [0, 8) of a call: word r / 2, low half for even r.
constexpr uint32_t DropoutChunk(const PhiloxCounter& words, int64_t r) {
  const uint32_t word = words[static_cast<size_t>(r / 2)];
  return r % 2 == 0 ? word & 0xFFFFu : word >> 16;
}

// Whether element `e` >= 0 of `row` is kept.
constexpr bool DropoutKeep(const PhiloxKey& key, const DropoutRowId& row,
                           int64_t e, uint32_t threshold) {
  const int64_t block = e / kDropoutBlock;
  const int64_t r = e % kDropoutBlock / kDropoutLanes;
  const int64_t lane = e % kDropoutLanes;
  const auto call = static_cast<uint32_t>(block * kDropoutLanes + lane);
  const PhiloxCounter words = Philox4x32(DropoutCounter(row, call), key);
  return DropoutChunk(words, r) >= threshold;
}

// Fills `mask` (shape [count]) with 1 for kept and 0 for dropped elements
// 0 .. count - 1 of `row`; the same values as DropoutKeep for one eighth of the
// calls.
constexpr void DropoutRow(const PhiloxKey& key, const DropoutRowId& row,
                          uint32_t threshold, int64_t count, uint8_t* mask) {
  for (int64_t start = 0; start < count; start += kDropoutBlock) {
    const int64_t block = start / kDropoutBlock;
    for (int64_t lane = 0; lane < kDropoutLanes; ++lane) {
      if (start + lane >= count) break;
      const auto call = static_cast<uint32_t>(block * kDropoutLanes + lane);
      const PhiloxCounter words = Philox4x32(DropoutCounter(row, call), key);
      for (int64_t r = 0; r < kDropoutChunks; ++r) {
        const int64_t e = start + r * kDropoutLanes + lane;
        if (e < count) mask[e] = DropoutChunk(words, r) >= threshold ? 1 : 0;
      }
    }
  }
}

// The attention head that stands for a uniform number in a counter, which no
// mask has.
inline constexpr uint32_t kUniformHead = 0xFFFF;

// The uniform number of a word: its upper 24 bits, k / 2^24, exact in a float.
constexpr float UniformOf(uint32_t word) {
  return static_cast<float>(word >> 8) / 16777216.0f;
}

// Element `e` >= 0 of `row`, whose head is not used: the first word of call
// `e`.
constexpr float UniformElement(const PhiloxKey& key, DropoutRowId row,
                               int64_t e) {
  row.head = kUniformHead;
  const auto call = static_cast<uint32_t>(e);
  return UniformOf(Philox4x32(DropoutCounter(row, call), key)[0]);
}

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_PHILOX_H_
