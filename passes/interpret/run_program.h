// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A planned program, executed here as the runtime executes it: one arena,
// slots in place, commands in order.

#ifndef GRAFT_PASSES_INTERPRET_RUN_PROGRAM_H_
#define GRAFT_PASSES_INTERPRET_RUN_PROGRAM_H_

#include "dialects/exec/exec_dialect.h"
#include "passes/interpret/native_kernels.h"

namespace graft::interpret {

struct ProgramRun {
  llvm::SmallVector<Value> outputs;
  // Slots that commands write, by Interpreter::slotKey.
  llvm::StringMap<Value> written;
};

// Runs `program` on `arguments` and `slots`, which has every slot that the
// program names. `observer` is called with each `exec.command` and what it
// wrote, as the interpreter's. Kernels must be loaded. Fails with a diagnostic
// where a command writes outside of memory, or into an input or a slot that it
// only reads.
mlir::FailureOr<ProgramRun> runProgram(
    exec::ProgramOp program, const NativeKernels& kernels,
    llvm::ArrayRef<Value> arguments, const llvm::StringMap<Value>& slots,
    RandomState random, const Interpreter::Observer& observer = {});

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_RUN_PROGRAM_H_
