// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The `transfer` dialect, its enumerations and the base of its ops.

#ifndef TRANSFER_DIALECT_TD
#define TRANSFER_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Transfer_Dialect : Dialect {
  let name = "transfer";
  let cppNamespace = "::graft::transfer";
  let summary = "Strategies that adapt a model: groups, losses and phases";
  let description = [{
    A strategy states which parameters are trained, under which loss, and where
    gradients stop. It is a graph like the model, so it is verified before
    anything runs: groups are disjoint and complete, a frozen tensor has neither
    gradient nor state, every loss depends on a trained parameter. The pass
    `transfer-expand-strategy` turns it into plain functions.
  }];
  let dependentDialects = ["::graft::GraftDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerOps();
  }];
}

def Transfer_StandsForSegments : NativeTypeTrait<"StandsForSegments"> {
  let cppNamespace = "::graft";
}

def Transfer_TextType : TypeDef<Transfer_Dialect, "Text",
    [Transfer_StandsForSegments]> {
  let mnemonic = "text";
  let summary = "The texts of a batch, in the form that each model takes";
  let description = [{
    Stands for those fields of a stream (`ids`, `types`, `segments`) that the
    called function has as arguments at its place and after, by their
    `graft.name`. `transfer-link` replaces it. Example: `!transfer.text`.
  }];
}

def Transfer_LayersType : TypeDef<Transfer_Dialect, "Layers"> {
  let mnemonic = "layers";
  let summary = "A tensor for each of some layers of a model";
  let description = [{
    How many there are is known when the strategy meets its models:
    `transfer-expand-taps` then replaces each such value by as many tensors. Example:
    `!transfer.layers<tensor<?x?xf32, #graft.dims<T, H>>>`.
  }];
  let parameters = (ins "::mlir::RankedTensorType":$tensor);
  let assemblyFormat = "`<` $tensor `>`";
}

def Transfer_ParametersType : TypeDef<Transfer_Dialect, "Parameters"> {
  let mnemonic = "parameters";
  let summary = "Values for some parameters of the models";
  let description = [{
    Where an inner loop (`transfer.inner`) has led; a `transfer.call` may be `at` it.
    Example: `!transfer.parameters`.
  }];
  let builderCall = "$_builder.getType<::graft::transfer::ParametersType>()";
}

class Transfer_Op<string mnemonic, list<Trait> traits = []>
    : Op<Transfer_Dialect, mnemonic, traits>;

class Transfer_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::graft::transfer";
  let genSpecializedAttr = 0;
}

def Transfer_LossKind : Transfer_Enum<"LossKind", "kind of a loss", [
    I32EnumAttrCase<"cross_entropy", 0>, I32EnumAttrCase<"mse", 1>,
    I32EnumAttrCase<"kl_divergence", 2>,
    I32EnumAttrCase<"binary_cross_entropy", 3>,
    I32EnumAttrCase<"contrastive", 4>]>;
def Transfer_LossKindAttr
    : EnumAttr<Transfer_Dialect, Transfer_LossKind, "loss_kind">;

def Transfer_InjectKind : Transfer_Enum<"InjectKind", "kind of an adapter", [
    I32EnumAttrCase<"lora", 0>, I32EnumAttrCase<"dora", 1>,
    I32EnumAttrCase<"bottleneck", 2>]>;
def Transfer_InjectKindAttr
    : EnumAttr<Transfer_Dialect, Transfer_InjectKind, "inject_kind">;

def Transfer_PenaltyKind : Transfer_Enum<"PenaltyKind", "kind of a penalty", [
    I32EnumAttrCase<"mmd", 0>, I32EnumAttrCase<"coral", 1>]>;
def Transfer_PenaltyKindAttr
    : EnumAttr<Transfer_Dialect, Transfer_PenaltyKind, "penalty_kind">;

def Transfer_Reduction : Transfer_Enum<"Reduction",
    "reduction of the losses of all examples", [
    I32EnumAttrCase<"mean", 0>, I32EnumAttrCase<"sum", 1>]>;
def Transfer_ReductionAttr
    : EnumAttr<Transfer_Dialect, Transfer_Reduction, "reduction">;

def Transfer_RateSchedule : Transfer_Enum<"RateSchedule",
    "learning rate after the warm-up", [
    I32EnumAttrCase<"constant", 0>, I32EnumAttrCase<"linear", 1>,
    I32EnumAttrCase<"cosine", 2>]>;
def Transfer_RateScheduleAttr
    : EnumAttr<Transfer_Dialect, Transfer_RateSchedule, "rate_schedule">;

// A number that is written out, or an expression over declared parameters.
// Ranges are checked where the strategy is verified, when the parameters have
// values.
def Transfer_ExpressionAttr : AttrDef<Transfer_Dialect, "Expression"> {
  let mnemonic = "expression";
  let summary = "Arithmetic over the parameters of a strategy";
  let description = [{
    Numbers, `@name` for a declared parameter, `+ - * /`, parentheses, and the
    functions `min`, `max`, `exp`, `log`, `sqrt`, `cos`. In the rate of a phase, the
    rate of `transfer.inner` and the factors of `transfer.combine` and `transfer.scale_gradient` also `step` and
    `epoch`, those that are done, and `progress`, the share of all steps that is done, and
    `@name` of a reward or a register. Where an op takes a
    number it is written as `@rate`, or as text: `"1 - @soft_share"`.
  }];
  let parameters = (ins StringRefParameter<"">:$text);
  let assemblyFormat = "`<` $text `>`";
}
def Transfer_NumberAttr : Attr<
    CPred<"::llvm::isa<::mlir::FloatAttr, ::mlir::IntegerAttr, "
          "::graft::transfer::ExpressionAttr>($_self)">,
    "a number or an expression over parameters"> {
  let storageType = "::mlir::Attribute";
  let returnType = "::mlir::Attribute";
  let convertFromStorage = "$_self";
}
// A word that is written out, or a parameter.
def Transfer_TextAttr : Attr<
    CPred<"::llvm::isa<::mlir::StringAttr, "
          "::graft::transfer::ExpressionAttr>($_self)">,
    "text or a parameter"> {
  let storageType = "::mlir::Attribute";
  let returnType = "::mlir::Attribute";
  let convertFromStorage = "$_self";
}

#endif  // TRANSFER_DIALECT_TD
