// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Checks sharding rules by running them: an op is cut along each factor that
// its rule allows, the parts are run in the interpreter, and their combined
// results compared with those of the whole op, in double precision.

#ifndef GRAFT_PASSES_INTERPRET_SLICING_SLICING_H_
#define GRAFT_PASSES_INTERPRET_SLICING_SLICING_H_

#include <string>

#include "dialects/graft/sharding_rule.h"
#include "llvm/ADT/StringMap.h"
#include "passes/interpret/tensor.h"

namespace graft::interpret {

// Values of the operands of one op.
struct SlicingInputs {
  llvm::SmallVector<Value> operands;
  RandomState random;
  // Values of the named sizes.
  llvm::StringMap<int64_t> sizes;
};

// Typed random operands of `op`, from `seed` alone: sequences of uneven length,
// rows of any other named size that belong to the examples in turn, indices of
// `rule` within their example, and positive floats where normal ones give
// results that are not finite. Fails with a diagnostic if the op cannot be run.
mlir::FailureOr<SlicingInputs> makeSlicingInputs(mlir::Operation* op,
                                                 const ShardingRule& rule,
                                                 uint64_t seed);

// Cuts `op`, in 2 and in 3 parts, along each factor that `rule` does not call
// whole: factors of static size one by one and as evenly as possible, and all
// ragged factors together, between examples. Each part is the op with the
// operands, attributes and random coordinates that the rule gives it, and must
// verify. Then checks that the op is linear in what the rule says.
//
// Returns the names of the factors that were cut (those of size 1 are not).
// Fails with a diagnostic at `op` if an element differs by more than 1e-12
// (1 + |element|).
mlir::FailureOr<llvm::SmallVector<std::string>> checkSlicing(
    mlir::Operation* op, const ShardingRule& rule, const SlicingInputs& inputs);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_SLICING_SLICING_H_
