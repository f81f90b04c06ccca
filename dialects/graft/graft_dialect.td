// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The `graft` dialect, its types and attributes; the base of all other .td files of
// this folder.

#ifndef GRAFT_DIALECT_TD
#define GRAFT_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Graft_Dialect : Dialect {
  let name = "graft";
  let cppNamespace = "::graft";
  let summary = "Neural networks over packed sequences, with their gradients";
  let description = [{
    A model, its losses and its optimiser as values. Sequences of a batch lie
    end to end in one tensor of T rows (tokens); there is no padding and no
    mask. `!graft.segments` holds the offset of each sequence. Dynamic dimensions
    carry names (`tensor<?x384xf32, #graft.dims<T>>`), declared once with a
    capacity by `graft.size`; two dimensions of one name are equal.

    The op set is closed under differentiation: the gradient of each
    differentiable op is written with ops of this dialect. Parameters are read
    as values (`graft.read`), and written only at the end of a phase
    (`graft.write`).

    `graft.precision` on any op, one of "low", "keep" and "follow", overrides the
    op's precision class (PrecisionOpInterface). The ops of its gradient inherit it.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerOps();
  }];
}

class Graft_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Graft_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Graft_DimsAttr : Graft_Attr<"Dims", "dims",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "Names of a tensor's dynamic dimensions, in order";
  let description = [{
    One name for each `?` of the tensor type. Names are declared by
    `graft.size`. Example: `tensor<?x384xf32, #graft.dims<T>>`.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "::llvm::ArrayRef<::llvm::StringRef>":$names)>];
}

class Graft_Type<string name, string typeMnemonic>
    : TypeDef<Graft_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Graft_SegmentsType : Graft_Type<"Segments", "segments"> {
  let summary = "Packing of the sequences of a batch";
  let description = [{
    Splits `tokens` rows into `sequences` sequences that lie end to end. Holds,
    for S sequences in T rows: the S + 1 offsets (the first 0, the last T), the
    S ordinals of the examples in the global batch, and the sequence of each of the
    T rows. The ordinals are part of the random counters, so that masks do not
    depend on packing or micro-batches.
    Example: `!graft.segments<T, S>`.
  }];
  let parameters = (ins "::mlir::StringAttr":$tokens,
                        "::mlir::StringAttr":$sequences);
  let hasCustomAssemblyFormat = 1;
}

#endif  // GRAFT_DIALECT_TD
