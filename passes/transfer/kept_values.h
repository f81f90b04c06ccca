// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Values that are computed when a step begins, for all of its phases.

#ifndef GRAFT_PASSES_TRANSFER_KEPT_VALUES_H_
#define GRAFT_PASSES_TRANSFER_KEPT_VALUES_H_

#include <string>

#include "dialects/transfer/transfer_dialect.h"
#include "passes/transfer/host_program.h"

namespace graft::transfer {

// What a step keeps of the examples of one stream.
struct KeptStream {
  StreamOp stream;
  llvm::SmallVector<KeepOp> values;
  std::string entry;  // that computes them, one result each
};

// In the order of the streams.
llvm::SmallVector<KeptStream> findKept(StrategyOp strategy);

// Builds the entry, whose random numbers have the `ordinal`. Fails with a
// diagnostic at an op that it cannot compute.
mlir::FailureOr<Accumulation> buildKept(StrategyOp strategy,
                                        const KeptStream& kept, int64_t ordinal,
                                        HostProgram& host);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_KEPT_VALUES_H_
