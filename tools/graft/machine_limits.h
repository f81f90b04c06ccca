// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The compute peak and memory bandwidth of this machine: the ceilings of a
// roofline.

#ifndef GRAFT_TOOLS_GRAFT_MACHINE_LIMITS_H_
#define GRAFT_TOOLS_GRAFT_MACHINE_LIMITS_H_

#include <string>
#include <vector>

#include "runtime/device/cpu/thread_pool.h"

namespace graft {

struct MachineLimits {
  // Peak of fp32 in registers, all threads together, in FLOP/s; a fused
  // multiply-add counts as two.
  double flops = 0;
  // The same for bf16, in tile registers or else by dot products of pairs; 0 if
  // the ISA level has neither.
  double bf16_flops = 0;
  // The peak of a unit that commands name (schema::Command.unit), in its
  // FLOP/s; 0 where it was not measured.
  double PeakOf(const std::string& unit) const {
    return unit == "bf16" ? bf16_flops : 0;
  }
  // Bytes per second, all threads together, by the size of the streamed data,
  // in ascending order. Two bytes are read per byte that is written back in
  // place.
  struct Bandwidth {
    double bytes;
    double per_second;
  };
  std::vector<Bandwidth> bandwidth;

  // Returns the bandwidth for data of `bytes`: interpolated between the
  // measured sizes by the logarithm of the size, and that of the nearest size
  // outside of them.
  double BandwidthOf(double bytes) const;
};

// Measures with the threads of `pool` and the instructions of the ISA level
// `level`
// ("avx2", ...; others: the baseline of the architecture), which this processor
// must support. Takes about two seconds. Reports the best of several runs;
// other load on the machine lowers the result.
MachineLimits MeasureMachineLimits(ThreadPool& pool, const std::string& level);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_MACHINE_LIMITS_H_
