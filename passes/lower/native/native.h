// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels on memrefs -> machine code.

#ifndef GRAFT_PASSES_LOWER_NATIVE_NATIVE_H_
#define GRAFT_PASSES_LOWER_NATIVE_NATIVE_H_

#include <string>

#include "dialects/exec/exec_dialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "passes/lower/kernel_emitter.h"

namespace graft {

// Machine code of one CPU level.
struct NativeCode {
  // Bytes of an ELF shared object that needs nothing but memcpy and memset;
  // empty if there are no kernels.
  std::string library;
  // The function of C type GraftKernel of each kernel, in the order of the
  // kernels in `exec.kernels`; equal to the kernel's name there.
  llvm::SmallVector<std::string> symbols;
};

// Compiles every kernel of `kernels`, in parallel on the context's threads.
// The program's named sizes are the `graft.size` ops of the module around it,
// in order. Fails with a diagnostic at the kernel: one that cannot be lowered,
// that allocates, or that calls a function other than memcpy and memset.
// Links with lld, one call at a time in a process; otherwise thread-safe for
// different contexts. Changes nothing in the IR. Objects are kept in
// `cacheDirectory` (object_cache.h) and taken from there; the result is the
// same. Empty: none are.
mlir::FailureOr<NativeCode> compileKernels(exec::KernelsOp kernels,
                                           const CpuTarget& target,
                                           llvm::StringRef cacheDirectory = {});

// Adds what compileKernels needs to know about dialects it lowers to.
void registerNativeCodeDialects(mlir::DialectRegistry& registry);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_NATIVE_NATIVE_H_
