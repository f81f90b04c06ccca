// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What this machine can do at best: the ceilings of a roofline.

#ifndef GRAFT_TOOLS_GRAFT_MACHINE_LIMITS_H_
#define GRAFT_TOOLS_GRAFT_MACHINE_LIMITS_H_

#include <string>
#include <vector>

#include "runtime/device/cpu/thread_pool.h"

namespace graft {

struct MachineLimits {
  // Arithmetic on f32 in registers, fused multiply-adds counting as two, all
  // threads together; flops a second.
  double flops = 0;
  // The same on bf16, in tile registers or else by dot products of pairs; 0
  // where the level has neither.
  double bf16_flops = 0;
  // Bytes a second, all threads together, by the size of what is streamed;
  // sizes ascend. Two are read for one that is written back in place.
  struct Bandwidth {
    double bytes;
    double per_second;
  };
  std::vector<Bandwidth> bandwidth;

  // Of data of `bytes`: between the sizes measured by the logarithm of the
  // size, beyond them the nearest.
  double BandwidthOf(double bytes) const;
};

// Measures with the threads of `pool` and the instructions of the CPU level
// `level` ("avx2", ...; others: what every processor of the architecture has),
// which this processor must have. Takes about two seconds. The best of several
// turns: other work on the machine lowers the result.
MachineLimits MeasureMachineLimits(ThreadPool& pool, const std::string& level);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_MACHINE_LIMITS_H_
