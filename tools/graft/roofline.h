// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How near each kernel of a program comes to what the machine can do
// (Williams, Waterman, Patterson: Roofline, 2009).

#ifndef GRAFT_TOOLS_GRAFT_ROOFLINE_H_
#define GRAFT_TOOLS_GRAFT_ROOFLINE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "runtime/executor/instance.h"
#include "tools/graft/machine_limits.h"

namespace graft {

// Sums commands by kernel, as a profiler of an instance. A command cannot take
// less than the longer of two times: its products of matrices at the rate of
// arithmetic, and its bytes at the bandwidth of data of their size. Arithmetic
// that is no product (exponentials, random draws) is not in that limit.
// Thread-compatible.
class Roofline {
 public:
  explicit Roofline(MachineLimits limits) : limits_(std::move(limits)) {}

  void Add(const CommandTiming& timing);

  // The longest kernels first: calls, milliseconds, share of the time, GFLOP/s,
  // GB/s, which of the two is its limit, and the share of it that is reached.
  std::string Text() const;
  nlohmann::ordered_json Json() const;

 private:
  struct Sum {
    std::string kernel;
    int64_t calls = 0;
    double seconds = 0;
    double flops = 0, bytes = 0;
    // Least seconds for arithmetic, for bytes, and for the longer of them,
    // command by command.
    double arithmetic = 0, memory = 0, least = 0;
  };
  // By time, the longest first; the last is the sum of all.
  std::vector<Sum> Sums() const;

  MachineLimits limits_;
  std::map<std::string, Sum, std::less<>> by_kernel_;
};

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_ROOFLINE_H_
