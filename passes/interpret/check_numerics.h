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

// Runs each phase function (`graft.phase`, at module level) in the interpreter
// before the first and after every pass over the module, on equal random
// inputs, parameters and states, and compares results and writes with those of
// the first run. The first pass whose results differ fails with a diagnostic
// that names it. graft.gradients is expanded in a copy first. A function with
// ops that the interpreter does not know (launches of kernels) is left out from
// there on, and a remark says so.
//
// For one module: each pass manager gets its own. Not thread-safe itself, but
// passes on functions may run in parallel: they are seen as one pass.
std::unique_ptr<mlir::PassInstrumentation> createCheckNumerics(
    const CheckNumericsOptions& options = {});

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_CHECK_NUMERICS_H_
