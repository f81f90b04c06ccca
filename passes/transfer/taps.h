// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a strategy taps of its models.

#ifndef GRAFT_PASSES_TRANSFER_TAPS_H_
#define GRAFT_PASSES_TRANSFER_TAPS_H_

#include "dialects/transfer/transfer_dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace graft::transfer {

// Returns a `graft.tap` of the kind that `tap` reads in `callee` or in a
// function of its model that it calls. Fails with a diagnostic at `tap` that
// says which kinds there are.
mlir::FailureOr<graft::TapOp> findTap(TapOp tap, mlir::func::FuncOp callee);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_TAPS_H_
