// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Strategies that go on training adapters of --adapter.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_ADAPTERS_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_ADAPTERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/transfer/transfer_dialect.h"
#include "frontend/checkpoint.h"
#include "tools/graft-compile/compile.h"

namespace graft {

// The op that puts low-rank adapters into the model; null if there is none.
transfer::InjectOp FindInject(transfer::StrategyOp strategy,
                              llvm::StringRef model);

// Rank, alpha and pattern of `adapters` for the parameters that `inject` names
// in their places. Numbers and patterns that stand there themselves are left.
// INVALID_ARGUMENT: they adapt a matrix that `model` does not have.
absl::StatusOr<std::vector<Setting>> AdapterSettings(
    transfer::InjectOp inject, ModelOp model, const AdapterFacts& adapters);

// The same by what the files of `directory` say alone, without a model; none of
// a strategy that puts in no low-rank adapters.
absl::StatusOr<std::vector<Setting>> StatedSettings(
    transfer::StrategyOp strategy, const std::string& directory);

// Lets the adapters of `inject`, which is verified, begin with those of the
// checkpoint. INVALID_ARGUMENT unless they are alike: the kind, the rank, the
// share, and the matrices.
absl::Status LoadAdapters(transfer::InjectOp inject, ModelOp model,
                          const AdapterFacts& adapters);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_ADAPTERS_H_
