// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Enumerations of the dialect.

#ifndef GRAFT_ENUMS_TD
#define GRAFT_ENUMS_TD

include "mlir/IR/EnumAttr.td"
include "dialects/graft/graft_dialect.td"

def Graft_PoolKind : I32EnumAttr<"PoolKind", "how a sequence becomes one row", [
    I32EnumAttrCase<"first", 0>, I32EnumAttrCase<"mean", 1>,
    I32EnumAttrCase<"max", 2>]> {
  let cppNamespace = "::graft";
  let genSpecializedAttr = 0;
}
def Graft_PoolKindAttr : EnumAttr<Graft_Dialect, Graft_PoolKind, "pool">;

def Graft_GeluForm : I32EnumAttr<"GeluForm", "form of GELU", [
    I32EnumAttrCase<"erf", 0>, I32EnumAttrCase<"tanh", 1>]> {
  let cppNamespace = "::graft";
  let genSpecializedAttr = 0;
}
def Graft_GeluFormAttr : EnumAttr<Graft_Dialect, Graft_GeluForm, "gelu_form">;

def Graft_ReduceKind : I32EnumAttr<"ReduceKind", "how elements combine", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"max", 1>]> {
  let cppNamespace = "::graft";
  let genSpecializedAttr = 0;
}
def Graft_ReduceKindAttr : EnumAttr<Graft_Dialect, Graft_ReduceKind, "reduce">;

def Graft_DivergenceKind : I32EnumAttr<"DivergenceKind", "how two relation maps are compared", [
    I32EnumAttrCase<"kl", 0>, I32EnumAttrCase<"mse", 1>]> {
  let cppNamespace = "::graft";
  let genSpecializedAttr = 0;
}
def Graft_DivergenceKindAttr : EnumAttr<Graft_Dialect, Graft_DivergenceKind, "divergence">;

def Graft_SpectralKind : I32EnumAttr<"SpectralKind", "function of the eigenvalues of a matrix", [
    I32EnumAttrCase<"root", 0>, I32EnumAttrCase<"inverse", 1>,
    I32EnumAttrCase<"inverse_root", 2>]> {
  let cppNamespace = "::graft";
  let genSpecializedAttr = 0;
}
def Graft_SpectralKindAttr : EnumAttr<Graft_Dialect, Graft_SpectralKind, "spectral">;

#endif  // GRAFT_ENUMS_TD
