// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Starts graft-compile, the compiler, which is a program of its own so that
// this one is free of LLVM.

#ifndef GRAFT_TOOLS_GRAFT_COMPILER_PROCESS_H_
#define GRAFT_TOOLS_GRAFT_COMPILER_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace graft {

// Runs graft-compile, which lies beside this program, with `arguments`, and
// waits for it; its messages go to standard error. NOT_FOUND: the compiler is
// not installed. ABORTED: it failed, and has said why.
absl::Status RunCompiler(const std::vector<std::string>& arguments);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILER_PROCESS_H_
