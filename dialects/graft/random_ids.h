// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How random ops keep apart, shared by the passes that expand a program and
// the interpreter that runs it unexpanded.

#ifndef GRAFT_DIALECTS_GRAFT_RANDOM_IDS_H_
#define GRAFT_DIALECTS_GRAFT_RANDOM_IDS_H_

#include <algorithm>
#include <cstdint>

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace graft {

// Distance between the random ids of consecutive layers of graft.repeat:
// iteration i adds i times this. The ids of a body, and those outside of any
// body, span one such interval each, so the sums are unique.
inline constexpr int64_t kRandomIdsPerLayer = 64;

// Returns the number of values of `draw` that one call of `function` uses; the
// next call adds this number to each `draw` in it.
inline int64_t drawsPerCall(mlir::func::FuncOp function) {
  int64_t last = 0;
  function.walk([&](mlir::Operation* op) {
    if (auto draw = op->getAttrOfType<mlir::IntegerAttr>("draw"))
      last = std::max(last, draw.getInt());
  });
  return last + 1;
}

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_RANDOM_IDS_H_
