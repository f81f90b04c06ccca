// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How near each kernel of a program comes to what the machine can do
// (Williams, Waterman, Patterson: Roofline, 2009).

#ifndef GRAFT_TOOLS_GRAFT_ROOFLINE_H_
#define GRAFT_TOOLS_GRAFT_ROOFLINE_H_

#include <string>

#include "nlohmann/json.hpp"
#include "runtime/executor/trace.h"
#include "tools/graft/machine_limits.h"

namespace graft {

// A command cannot take less than the longer of two times: its products of
// matrices at the rate of arithmetic of the registers that it uses, and its
// bytes at the bandwidth of data of their size. Arithmetic that is no product
// (exponentials, random draws) is not in that limit. Of each kernel, the
// longest first, then of all together: calls, milliseconds, share of the time,
// GFLOP/s, GB/s, which of the two is its limit, and the share of it that is
// reached. Calls of a kernel count as equal.
nlohmann::ordered_json RooflineJson(const KernelProfile& profile,
                                    const MachineLimits& limits);
// The same for people, several lines.
std::string RooflineText(const KernelProfile& profile,
                         const MachineLimits& limits);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_ROOFLINE_H_
