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
  let extraClassDeclaration = [{
    void registerOps();
  }];
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
    I32EnumAttrCase<"kl_divergence", 2>]>;
def Transfer_LossKindAttr
    : EnumAttr<Transfer_Dialect, Transfer_LossKind, "loss_kind">;

def Transfer_Reduction : Transfer_Enum<"Reduction",
    "reduction of the losses of all examples", [
    I32EnumAttrCase<"mean", 0>, I32EnumAttrCase<"sum", 1>]>;
def Transfer_ReductionAttr
    : EnumAttr<Transfer_Dialect, Transfer_Reduction, "reduction">;

def Transfer_RateSchedule : Transfer_Enum<"RateSchedule",
    "learning rate after the warm-up", [
    I32EnumAttrCase<"constant", 0>, I32EnumAttrCase<"linear", 1>]>;
def Transfer_RateScheduleAttr
    : EnumAttr<Transfer_Dialect, Transfer_RateSchedule, "rate_schedule">;

// Doubles, so that 0.01 prints as it was written.
class Transfer_NumberAttr<string condition, string summary>
    : ConfinedAttr<F64Attr, [AttrConstraint<
        CPred<"[](double x) { return " # condition # "; }("
              "::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble())">,
        summary>]>;
def Transfer_PositiveAttr : Transfer_NumberAttr<"x > 0", "a positive number">;
def Transfer_NonNegativeAttr
    : Transfer_NumberAttr<"x >= 0", "a number that is not negative">;
def Transfer_FractionAttr
    : Transfer_NumberAttr<"x >= 0 && x < 1", "a number in [0, 1)">;
def Transfer_LayerDecayAttr
    : Transfer_NumberAttr<"x > 0 && x <= 1", "a number in (0, 1]">;

#endif  // TRANSFER_DIALECT_TD
