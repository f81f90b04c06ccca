// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The `exec` dialect: programs of kernel launches. After the plan stage they map
// one-to-one to runtime/schema/artifact.fbs.

#ifndef GRAFT_EXEC_DIALECT_TD
#define GRAFT_EXEC_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::graft::exec";
  let summary = "Static programs of kernel launches";
  let description = [{
    The program that the runtime executes. Launches work on tensors before the plan
    stage, and on offsets in an arena after it. `exec.host` is what the trainer
    interprets: it calls the entries.

    The argument attribute `exec.source`, an `#exec.source`, says where the input of
    an entry comes from.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasRegionArgAttrVerify = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerProgramOps();
    void registerHostOps();
  }];
}

def Exec_GridAttr : AttrDef<Exec_Dialect, "Grid"> {
  let mnemonic = "grid";
  let summary = "Number of work items of a launch";
  let description = [{
    `ceil(value of size / block) * count` items, or `count` without `size`.
    Threads run contiguous ranges of items; a kernel's result must not depend on
    how the items are split into ranges. Examples: `#exec.grid<T / 32>`,
    `#exec.grid<T / 128 * 12>`, `#exec.grid<6>`.
  }];
  let parameters = (ins
    OptionalParameter<"::mlir::StringAttr">:$size,
    DefaultValuedParameter<"int64_t", "1">:$block,
    DefaultValuedParameter<"int64_t", "1">:$count);
  let hasCustomAssemblyFormat = 1;
}

def Exec_GemmBlocksAttr : AttrDef<Exec_Dialect, "GemmBlocks"> {
  let mnemonic = "gemm_blocks";
  let summary = "How GEMMs of a module are cut, to measure what targets choose";
  let description = [{
    As the attribute `exec.gemm_blocks` of a module it replaces what a target would
    choose for GEMMs in vector registers: `rows` of a work item, rounded down to
    whole tiles of registers; `depth` of k that is summed in registers at once, 0 for
    all of k; and the `group` of items side by side that take turns of that depth
    together. Results differ by rounding only. Example:
    `module attributes {exec.gemm_blocks = #exec.gemm_blocks<rows = 96, depth = 256,
    group = 26>} {}`.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$depth, "int64_t":$group);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Exec_CostTermAttr : AttrDef<Exec_Dialect, "CostTerm"> {
  let mnemonic = "cost_term";
  let summary = "A term of a cost";
  let description = [{
    `coefficient` times the values of named sizes; with `squares`, times the sum of
    the squared lengths of the sequences whose tokens the size counts.
    Examples: `#exec.cost_term<1536 * T>`, `#exec.cost_term<48 * squares(T)>`,
    `#exec.cost_term<4>`.
  }];
  let parameters = (ins
    "int64_t":$coefficient,
    OptionalArrayRefParameter<"::mlir::StringAttr">:$sizes,
    DefaultValuedParameter<"bool", "false">:$squares);
  let hasCustomAssemblyFormat = 1;
}

def Exec_CostAttr : AttrDef<Exec_Dialect, "Cost"> {
  let mnemonic = "cost";
  let summary = "A lower bound of the cost of a launch";
  let description = [{
    FLOPs of GEMMs, two per multiply-add (other arithmetic is not counted), and
    bytes of operands and results, each counted once; both are sums of terms. A
    roofline compares them with the time. With `each`, a multiply-add of the GEMM
    takes so many of a unit that the target names, instead of one of f32 in vector
    registers: on CPUs "bf16" is a multiply-add of bf16, in tile registers or by dot
    products of pairs, of which one of f32 takes 6. Examples:
    `#exec.cost<flops [768 * T] bytes [6144 * T, 2359296]>`,
    `#exec.cost<flops [768 * T] each 6 "bf16" bytes [6144 * T]>`.
  }];
  let parameters = (ins
    OptionalArrayRefParameter<"::graft::exec::CostTermAttr">:$flops,
    OptionalArrayRefParameter<"::graft::exec::CostTermAttr">:$bytes,
    OptionalParameter<"::mlir::StringAttr">:$unit,
    DefaultValuedParameter<"int64_t", "0">:$unitCount);
  let hasCustomAssemblyFormat = 1;
}

def Exec_BufferAttr : AttrDef<Exec_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "Memory that a command reads or writes";
  let description = [{
    One of: `bytes` bytes of the arena at `offset` (`arena 128 : 64`), a
    parameter or state tensor (`@model::@w`), an input (`input 0`; of segments
    `offsets 1`, `ordinals 1` or `rows 1`), an output (`output 0`). Example:
    `#exec.buffer<arena 128 : 64>`.
  }];
  let parameters = (ins
    "::graft::exec::Place":$place,
    OptionalParameter<"::mlir::SymbolRefAttr">:$slot,
    DefaultValuedParameter<"int64_t", "0">:$index,
    DefaultValuedParameter<"int64_t", "0">:$part,
    DefaultValuedParameter<"int64_t", "0">:$offset,
    DefaultValuedParameter<"int64_t", "0">:$bytes);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    static BufferAttr getArena(::mlir::MLIRContext* context, int64_t offset,
                               int64_t bytes);
    static BufferAttr getSlot(::mlir::SymbolRefAttr slot);
    static BufferAttr getInput(::mlir::MLIRContext* context, int64_t index,
                               int64_t part = 0);
    static BufferAttr getOutput(::mlir::MLIRContext* context, int64_t index);

    // The text between the angle brackets.
    static BufferAttr parseBare(::mlir::AsmParser& parser);
    void printBare(::mlir::AsmPrinter& printer) const;
  }];
}

def Exec_SourceAttr : AttrDef<Exec_Dialect, "Source"> {
  let mnemonic = "source";
  let summary = "Where an input of an entry comes from";
  let description = [{
    The field of a stream, of the current batch (`stream @train ids`), the rows of a
    cache for its examples (`cache @teacher_logits`), the number in a register
    (`register @rate`), or whoever calls the entry (`caller`, which an input
    without the attribute means, too). An `exec.host` of the module declares the
    streams, caches and registers. Example: `#exec.source<stream @train ids>`.
  }];
  let parameters = (ins
    "::graft::exec::SourceKind":$kind,
    OptionalParameter<"::mlir::FlatSymbolRefAttr">:$symbol,
    OptionalParameter<"::mlir::StringAttr">:$field);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    static SourceAttr getCaller(::mlir::MLIRContext* context);
    static SourceAttr getStream(::mlir::StringAttr stream,
                                ::mlir::StringAttr field);
    static SourceAttr getCache(::mlir::StringAttr cache);
    static SourceAttr getRegister(::mlir::StringAttr name);

    bool isCaller() const {
      return getKind() == ::graft::exec::SourceKind::kCaller;
    }
    // The text between the angle brackets.
    static SourceAttr parseBare(::mlir::AsmParser& parser);
    void printBare(::mlir::AsmPrinter& printer) const;
  }];
}

def Exec_AssignmentAttr : AttrDef<Exec_Dialect, "Assignment"> {
  let mnemonic = "assignment";
  let summary = "A result for a register, or a register that is shown";
  let description = [{
    Register `target` gets the result `name` of a call (`@loss = loss`), or that is
    added to it (`@loss += loss`). In a log, the value of `target` is shown under
    `name`. Example: `#exec.assignment<@loss += loss>`.
  }];
  let parameters = (ins
    "::mlir::StringAttr":$name,
    "::mlir::FlatSymbolRefAttr":$target,
    DefaultValuedParameter<"bool", "false">:$add);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    // The text between the angle brackets.
    static AssignmentAttr parseBare(::mlir::AsmParser& parser);
    void printBare(::mlir::AsmPrinter& printer) const;
  }];
}

#endif  // GRAFT_EXEC_DIALECT_TD
