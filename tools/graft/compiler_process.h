// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Starts graft-compile. The compiler is a separate program, so that this one
// contains no LLVM.

#ifndef GRAFT_TOOLS_GRAFT_COMPILER_PROCESS_H_
#define GRAFT_TOOLS_GRAFT_COMPILER_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace graft {

// Where standard output of the compiler goes.
enum class CompilerOutput { kInherited, kNone };

// Runs graft-compile, which is installed beside this program, with `arguments`,
// and waits for it. Its messages go to standard error; it ends with this
// process. NOT_FOUND: the compiler is not installed. ABORTED: it failed; a
// usage error if an option was wrong. CANCELLED: StopCompiler was called. For
// the main thread.
absl::Status RunCompiler(const std::vector<std::string>& arguments,
                         CompilerOutput output = CompilerOutput::kInherited);

// Whether an error of RunCompiler is one that the compiler has printed the
// reason of, so that there is nothing to add.
bool CompilerSaidWhy(const absl::Status& status);

// Ends the compiler that runs, and all that would be started later; waits, if
// told, until it has removed its temporary files. For signal handlers.
void StopCompiler(bool wait);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILER_PROCESS_H_
