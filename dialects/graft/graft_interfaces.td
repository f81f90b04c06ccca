// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Facts of an op that every pass may rely on, also for ops of plug-ins.

#ifndef GRAFT_INTERFACES_TD
#define GRAFT_INTERFACES_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::graft";
  let description = [{
    Reverse-mode differentiation. Implemented by the op or attached as an
    external model; `dialects/graft/gradients_*.cc` holds those of this
    dialect. An op without it cuts no gradient silently: differentiating
    through it is an error.
  }];
  let methods = [
    InterfaceMethod<[{
      Emits the vector-Jacobian product behind the op at `builder`'s insertion
      point. `resultGradients` has one value a result, null where the result
      does not reach the loss (at least one is set). `needed` has one flag an
      operand. On success `operandGradients` holds one value an operand: the
      gradient with the operand's type, or null where not needed or zero.
      Emits only ops that are themselves differentiable or that say, by a
      diagnostic, that they are not.
    }], "::llvm::LogicalResult", "buildGradient",
      (ins "::mlir::OpBuilder &":$builder,
           "::llvm::ArrayRef<::mlir::Value>":$resultGradients,
           "::llvm::ArrayRef<bool>":$needed,
           "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGradients)>,
  ];
}

def OptimizerOpInterface : OpInterface<"OptimizerOpInterface"> {
  let cppNamespace = "::graft";
  let description = [{
    The update of one parameter by its gradient, at the end of a phase. Operands
    begin with the parameter, the gradient and the states of the optimiser, such as
    moments; results are the new parameter and the new states in the same order.
  }];
  let methods = [
    InterfaceMethod<"The gradient.", "::mlir::Value", "getGradient">,
    InterfaceMethod<[{
      What the gradient is multiplied by first, such as by clipping; null for 1.
    }], "::mlir::Value", "getFactor">,
    InterfaceMethod<[{
      The factor, to be set.
    }], "::mlir::MutableOperandRange", "getFactorMutable">,
    InterfaceMethod<[{
      The number of this update, from 1; null for an op that needs none.
    }], "::mlir::Value", "getStep">,
  ];
}

def PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::graft";
  let description = [{
    What the precision pass may do with the op's element type.
  }];
  let methods = [
    InterfaceMethod<[{
      `low`: computes in low precision with fp32 accumulation; `keep`: stays in
      fp32; `follow`: takes the widest type of its operands.
    }], "::graft::PrecisionClass", "getPrecisionClass">,
    InterfaceMethod<[{
      What the op takes as an operand: `low` and `keep` a value of that
      precision; `follow` a value as it is, which the op widens itself. All
      operands are of the op's class unless it says otherwise; those of a
      `follow` op get one type.
    }], "::graft::PrecisionClass", "getOperandPrecision",
      (ins "unsigned":$operand), [{}], [{
        return $_op.getPrecisionClass();
      }]>,
  ];
}

def ShardingFactorInterface : OpInterface<"ShardingFactorInterface"> {
  let cppNamespace = "::graft";
  let description = [{
    How an op may be cut into parts (dialects/graft/sharding_rule.h,
    docs/sharding-rules.md): the factors of its dimensions, how parts combine,
    in which operands it is linear, and what of an op changes from part to part.
    Kernels that compute rows one by one, the fusion of elementwise ops and the
    propagation of shardings follow from it. The op's verifier checks the rule
    against its operands, results and attributes. An op without this interface
    is whole.
  }];
  let methods = [
    InterfaceMethod<[{
      Sets `rule`, which is empty, to that of this op, for most ops from its
      short form: `return graft::parseShardingRule("ti,oi,o->to; addend 2",
      *this, rule);`. Fails with a diagnostic if the op has none of that form.
      Callers use `getShardingRule(op)`.
    }], "::llvm::LogicalResult", "buildShardingRule",
      (ins "::graft::ShardingRule &":$rule)>,
  ];
  let verify = [{ return ::graft::verifyShardingFactors($_op); }];
  // After the op's own verifier, which knows operands by their names.
  let verifyWithRegions = 1;
}

def RegionLoweringInterface : OpInterface<"RegionLoweringInterface"> {
  let cppNamespace = "::graft";
  let description = [{
    The op as `linalg` on tensors: what fusion, the generated kernels and the
    interpretation of ops from plug-ins are made of. Implemented by the op or
    attached as an external model.
  }];
  let methods = [
    InterfaceMethod<[{
      Emits the op's computation on `operands` (ranked tensors without
      encodings; a `!graft.segments` operand is replaced by three `tensor<?xi32>`:
      offsets [S + 1], ordinals [S] and rows [T], the sequence of each token)
      and returns one tensor a result. Loops over rows come first and are parallel.
    }], "::llvm::LogicalResult", "lowerToLinalg",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands,
           "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>,
  ];
}

def FusionOpInterface : OpInterface<"FusionOpInterface"> {
  let cppNamespace = "::graft";
  let description = [{
    What a kernel of the op may compute along with it, whatever the target is.
    Ops that are elementwise by their sharding rules need not say so, see
    `dialects/graft/fusion.h`. The kernels of every target must be able to do
    what an op allows here, so that an op of a plug-in, which has none, leaves
    the interface out.
  }];
  let methods = [
    InterfaceMethod<[{
      Whether the op's one result is a sum that may start from a value instead
      of zero.
    }], "bool", "takesAddend", (ins), [{}], [{ return false; }]>,
    InterfaceMethod<[{
      Whether elementwise ops may follow on each block of the op's one result, a
      matrix, as soon as that block is finished: the op is a GEMM.
    }], "bool", "takesEpilogue", (ins), [{}], [{ return false; }]>,
    InterfaceMethod<[{
      Whether the op normalises each row of its first operand, a matrix, to a
      row of its one result, so that elementwise ops may compute a row just
      before it is read.
    }], "bool", "normalizesRows", (ins), [{}], [{ return false; }]>,
  ];
}

#endif  // GRAFT_INTERFACES_TD
