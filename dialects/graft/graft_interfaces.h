// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Interfaces that make an op a full citizen of every pass.

#ifndef GRAFT_DIALECTS_GRAFT_GRAFT_INTERFACES_H_
#define GRAFT_DIALECTS_GRAFT_GRAFT_INTERFACES_H_

#include <optional>

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace graft {

// What mixed precision may do with an op: see PrecisionOpInterface.
enum class PrecisionClass { low, keep, follow };

// The attribute that replaces the class of an op, and the class of its name.
inline constexpr char kPrecisionAttr[] = "graft.precision";
std::optional<PrecisionClass> parsePrecisionClass(llvm::StringRef name);

// How an op may be cut: dialects/graft/sharding_rule.h.
struct ShardingRule;

// The verifier of ShardingFactorInterface: checks the op's rule against the op.
llvm::LogicalResult verifyShardingFactors(mlir::Operation* op);

}  // namespace graft

#include "dialects/graft/graft_interfaces.h.inc"

#endif  // GRAFT_DIALECTS_GRAFT_GRAFT_INTERFACES_H_
