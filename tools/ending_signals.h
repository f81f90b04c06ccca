// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a program does when SIGINT, SIGTERM or SIGHUP ends it.

#ifndef GRAFT_TOOLS_ENDING_SIGNALS_H_
#define GRAFT_TOOLS_ENDING_SIGNALS_H_

namespace graft {

// Ends the process by the signal, as one without handlers would. Files that are
// being written beside their places go, and so do temporary directories.
void EndBySignal(int signal);

// Calls `handler` for these signals from now on, but not for a SIGHUP that the
// parent ignores: under nohup a run outlives its terminal.
void HandleEndingSignals(void (*handler)(int) = EndBySignal);

}  // namespace graft

#endif  // GRAFT_TOOLS_ENDING_SIGNALS_H_
