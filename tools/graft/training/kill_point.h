// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A process that dies, or is stopped, at a chosen instruction of its host
// program, for tests of what survives that.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_KILL_POINT_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_KILL_POINT_H_

#include <cstddef>
#include <functional>

namespace graft {

// For TrainProgress::stop_at: writes the index of each instruction, before it
// is executed, to the file that GRAFT_TRACE_HOST names, a line each; kills the
// process without warning before the one whose number GRAFT_KILL_AT is, counted
// from 1 in the order of execution, and stops the run by SIGINT before that of
// GRAFT_STOP_AT. Empty where the environment has none of them.
std::function<bool(size_t at)> KillPoint();

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_KILL_POINT_H_
