// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Programs: launches on buffers, one-to-one with runtime/schema/artifact.fbs.

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "dialects/exec/exec_dialect.td"

class Exec_ProgramOpBase<string mnemonic, list<Trait> traits = []>
    : Op<Exec_Dialect, mnemonic, traits>;

def Exec_BufferArrayAttr : TypedArrayAttrBase<Exec_BufferAttr, "buffers">;

def Exec_SourceArrayAttr : TypedArrayAttrBase<Exec_SourceAttr, "sources">;

def Exec_ProgramOp : Exec_ProgramOpBase<"program", [
    Symbol, IsolatedFromAbove, NoTerminator, SingleBlock,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The commands of an entry";
  let description = [{
    Commands run in order. `arena` is the size of the memory for values that do not
    outlive the program, `live` the maximum of its bytes in use at once, `phase` a
    part of the random keys. The first `prologue` commands depend on parameters only,
    and no later command overwrites their results in the arena: they need not run
    again if the entry is called again and nothing else has run. `below` limits the
    elements of an i32 input that commands use as indices; `or` allows one more
    value. `from` says where an input comes from (`#exec.source`); without it, from
    the caller.

    - (C1) Only commands, copies and fills are inside.
    - (C2) Buffers of the arena are aligned to 64 bytes and inside it.
    - (C3) Buffers of inputs and outputs refer to an existing one, and to an existing
      part of segments.
    - (C4) Slots are parameters or state tensors of a model.
    - (C5) No command writes an input.
    - (C6) Commands of the prologue use no random numbers, read slots and the arena,
      and write the arena; their grids have no named size.
    - (C7) Sources are streams, caches and registers that an `exec.host` of the
      module declares.

    Example:
    ```mlir
    graft.size @T bound 64
    graft.model @m {
      graft.parameter @w : tensor<4xf32>
    }
    exec.kernels @kernels {
      func.func @scale.0(%x: memref<?x4xf32>, %w: memref<4xf32>, %y: memref<?x4xf32>, %T: index, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) attributes {exec.sizes = ["T"]} {
        return
      }
    }
    exec.host @train {
      exec.stream @train sizes (T)
    }
    exec.program @predict(x: tensor<?x4xf32, #graft.dims<T>> from stream @train pixels) -> (y: tensor<?x4xf32, #graft.dims<T>>) phase 0 arena 1024 live 1024 {
      exec.command @kernels::@scale.0(input 0, @m::@w) -> (arena 0 : 1024) grid <T / 32> "encoder"
      exec.command @kernels::@scale.0(arena 0 : 1024, @m::@w) -> (output 0) grid <T / 32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    TypeAttrOf<FunctionType>:$function_type, StrArrayAttr:$input_names,
    StrArrayAttr:$output_names, DenseI64ArrayAttr:$limits,
    DenseI64ArrayAttr:$exceptions, Exec_SourceArrayAttr:$sources, I64Attr:$phase, I64Attr:$arena, I64Attr:$live,
    DefaultValuedAttr<I64Attr, "0">:$prologue);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Exec_CommandOp : Exec_ProgramOpBase<"command", [HasParent<"ProgramOp">]> {
  let summary = "Run a kernel on buffers";
  let description = [{
    Calls the kernel on `reads`, then `writes`, over the grid. A buffer may be in both
    if the kernel allows it. `random` is that of `exec.launch`. `label` names the
    computation for people.

    A part of `exec.program`; see there for an example.
  }];
  let arguments = (ins SymbolRefAttr:$kernel, Exec_BufferArrayAttr:$reads,
    Exec_BufferArrayAttr:$writes, Exec_GridAttr:$grid,
    DefaultValuedAttr<I64Attr, "0">:$random, OptionalAttr<StrAttr>:$label,
    OptionalAttr<Exec_CostAttr>:$cost);
  let assemblyFormat = [{
    $kernel `` custom<Buffers>($reads) `->` custom<Buffers>($writes) `grid` $grid
    (`random` $random^)? ($label^)? (`cost` $cost^)? attr-dict
  }];
}

def Exec_CopyOp : Exec_ProgramOpBase<"copy", [HasParent<"ProgramOp">]> {
  let summary = "Copy one buffer to another";
  let description = [{
    Work items are bytes.

    Example:
    ```mlir
    exec.program @identity(x: tensor<4xf32>) -> (y: tensor<4xf32>) phase 0 arena 0 live 0 {
      exec.copy input 0 to output 0 grid <16>
    }
    ```
  }];
  let arguments = (ins Exec_BufferAttr:$source, Exec_BufferAttr:$target,
    Exec_GridAttr:$grid);
  let assemblyFormat = [{
    custom<Buffer>($source) `to` custom<Buffer>($target) `grid` $grid attr-dict
  }];
}

def Exec_FillOp : Exec_ProgramOpBase<"fill", [HasParent<"ProgramOp">]> {
  let summary = "Fill a buffer with one value";
  let description = [{
    Repeats the four bytes of `pattern`. Work items are bytes.

    Example:
    ```mlir
    exec.program @ones() -> (y: tensor<4xf32>) phase 0 arena 0 live 0 {
      exec.fill output 0 with 1065353216 grid <16>
    }
    ```
  }];
  let arguments = (ins Exec_BufferAttr:$target, I32Attr:$pattern,
    Exec_GridAttr:$grid);
  let assemblyFormat = [{
    custom<Buffer>($target) `with` $pattern `grid` $grid attr-dict
  }];
}
