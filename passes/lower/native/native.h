// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels on memrefs -> machine code.

#ifndef GRAFT_PASSES_LOWER_NATIVE_NATIVE_H_
#define GRAFT_PASSES_LOWER_NATIVE_NATIVE_H_

#include <string>

#include "dialects/exec/exec_dialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "passes/lower/target.h"

namespace graft {

// The machine that LLVM generates code for.
struct NativeMachine {
  std::string triple;
  std::string cpu;
  std::string features;
  unsigned vectorBits;      // of the widest registers that code should use
  bool roundsBf16 = false;  // f32 to bf16, by an instruction
};

// Compiles every kernel of `kernels`, in parallel on the context's threads, to
// an ELF shared object that needs nothing but memcpy and memset. Symbols are
// functions of C type GraftKernel with the kernels' names.
// The program's named sizes are the `graft.size` ops of the module around it,
// in order. Fails with a diagnostic at the kernel: one that cannot be lowered,
// that allocates, or that calls a function other than memcpy and memset.
// Links with lld, one call at a time in a process; otherwise thread-safe for
// different contexts. Changes nothing in the IR. Objects are kept in
// `cacheDirectory` (object_cache.h) and taken from there; the result is the
// same. Empty: none are.
mlir::FailureOr<KernelCode> compileKernels(exec::KernelsOp kernels,
                                           const NativeMachine& machine,
                                           llvm::StringRef cacheDirectory = {});

// Adds what compileKernels needs to know about dialects it lowers to.
void registerNativeCodeDialects(mlir::DialectRegistry& registry);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_NATIVE_NATIVE_H_
