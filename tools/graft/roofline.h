// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Compares each kernel of a program with the roofline of the machine (Williams,
// Waterman, Patterson: Roofline, 2009).

#ifndef GRAFT_TOOLS_GRAFT_ROOFLINE_H_
#define GRAFT_TOOLS_GRAFT_ROOFLINE_H_

#include <string>

#include "nlohmann/json.hpp"
#include "runtime/executor/trace.h"
#include "tools/graft/machine_limits.h"

namespace graft {

// The limit of a command is the longer of two times: the FLOPs of its GEMMs at
// the compute peak of the registers that it uses, and its bytes at the
// bandwidth for data of that size. Other arithmetic (exponentials, random bits)
// is not part of the limit. Returns, for each kernel, the longest first, and
// for all together: calls, milliseconds, share of the time, GFLOP/s, GB/s,
// which of the two limits applies, and the share of it that is reached. Treats
// all calls of a kernel as equal.
nlohmann::ordered_json RooflineJson(const KernelProfile& profile,
                                    const MachineLimits& limits);
// The same as text of several lines.
std::string RooflineText(const KernelProfile& profile,
                         const MachineLimits& limits);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_ROOFLINE_H_
