// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Finds the pass that changes what a program computes.

#ifndef GRAFT_PASSES_INTERPRET_CHECK_NUMERICS_H_
#define GRAFT_PASSES_INTERPRET_CHECK_NUMERICS_H_

#include <memory>

#include "mlir/Pass/PassInstrumentation.h"

namespace graft::interpret {

struct CheckNumericsOptions {
  uint64_t seed = 0;
  // How far an element may move in all passes together, relative to
  // 1 + |value|, by the type of the result.
  double toleranceF32 = 1e-5;
  double toleranceF16 = 4e-3;
  double toleranceBF16 = 3e-2;
};

// Runs each phase function (`graft.phase`, at module level) before the first
// and after every pass over the module, on equal random inputs, parameters and
// states, and compares results and writes with those of the first run. The
// first pass whose results differ fails with a diagnostic that names it.
//
// Ops run in the interpreter; graft.gradients is expanded in a copy first.
// Launches run their kernels, compiled for this machine, and once a phase is
// an `exec.program` its commands run on one arena and on slots in place. A
// note names the first kernel whose results the phase did not have before the
// pass. Ops of plug-ins are interpreted, and become kernels, by their linalg
// form. A function with other ops is left out from there on, and a remark says
// so, and so is a phase that is a program before the first pass.
//
// Compiling kernels needs all registered dialects loaded in the context.
// For one module: each pass manager gets its own. Not thread-safe itself, but
// passes on functions may run in parallel: they are seen as one pass.
std::unique_ptr<mlir::PassInstrumentation> createCheckNumerics(
    const CheckNumericsOptions& options = {});

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_CHECK_NUMERICS_H_
