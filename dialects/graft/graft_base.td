// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Type constraints and base classes of the dialect's ops.

#ifndef GRAFT_BASE_TD
#define GRAFT_BASE_TD

include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/graft/graft_dialect.td"
include "dialects/graft/graft_interfaces.td"

class Graft_Op<string mnemonic, list<Trait> traits = []>
    : Op<Graft_Dialect, mnemonic, traits>;

// An op that computes: no effects, a precision class, and a sharding rule in its
// short form (`parseShardingRule`). Where the rule depends on attributes or
// shapes the form is empty, and `buildShardingRule` stands in sharding_rules.cc.
class Graft_ComputeOp<string mnemonic, string precision, string shardingRule,
                      list<Trait> traits = []>
    : Graft_Op<mnemonic, [
        Pure, DeclareOpInterfaceMethods<PrecisionOpInterface>] # traits # [
        // Last, so that the rule of an op whose types are wrong is not verified.
        DeclareOpInterfaceMethods<ShardingFactorInterface>]> {
  let extraClassDefinition =
      "::graft::PrecisionClass $cppClass::getPrecisionClass() { "
      # "return ::graft::PrecisionClass::" # precision # "; }\n"
      # !if(!empty(shardingRule), "",
          "::llvm::LogicalResult $cppClass::buildShardingRule("
          # "::graft::ShardingRule& rule) { return "
          # "::graft::parseShardingRule(\"" # shardingRule
          # "\", *this, rule); }");
}

def Graft_Float : AnyTypeOf<[F32, F16, BF16]>;
def Graft_Tensor : RankedTensorOf<[F32, F16, BF16]>;
def Graft_IdTensor : TensorRankOf<[I32], [1]>;
class Graft_TensorOfRank<list<int> ranks>
    : TensorRankOf<[F32, F16, BF16], ranks>;
def Graft_Matrix : Graft_TensorOfRank<[2]>;
def Graft_Vector : Graft_TensorOfRank<[1]>;

// Segments, or what a strategy has in their place before it is linked.
def Graft_SegmentsOrText : Type<Or<[Graft_SegmentsType.predicate,
    CPred<"$_self.hasTrait<::graft::StandsForSegments>()">]>,
    "segments or a text">;

// Rank-0 tensors: a loss, a learning rate, a step number.
class Graft_ScalarOf<string element, string summary> : Type<
    CPred<"$_self == ::mlir::RankedTensorType::get({}, "
          "::mlir::Builder($_self.getContext()).get" # element # "())">,
    summary, "::mlir::RankedTensorType">,
    BuildableType<"::mlir::RankedTensorType::get({}, $_builder.get" # element
                  # "())">;
def Graft_Scalar : Graft_ScalarOf<"F32Type", "tensor<f32>">;
def Graft_IntScalar : Graft_ScalarOf<"I32Type", "tensor<i32>">;

def Graft_AnyTensor : RankedTensorOf<[F32, F16, BF16, I32, I1]>;

// A rate in [0, 1).
def Graft_RateAttr : ConfinedAttr<F32Attr, [AttrConstraint<
    And<[CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble() >= 0">,
         CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble() < 1">]>,
    "a rate in [0, 1)">]>;

#endif  // GRAFT_BASE_TD
