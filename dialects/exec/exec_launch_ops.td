// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Launches on tensors: the graph between lower-outline and plan-memory.

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/exec/exec_dialect.td"

class Exec_Op<string mnemonic, list<Trait> traits = []>
    : Op<Exec_Dialect, mnemonic, traits>;

def Exec_LaunchOp : Exec_Op<"launch", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run a kernel over a grid of work items";
  let description = [{
    `kernel` is a function of the `exec.kernels` symbol table `@kernels`.
    Operands are tensors and `!graft.segments`; results are tensors that the kernel
    writes completely. `random` is `draw << 32 | random_id` of the op whose random
    bits the kernel generates. The executor adds the phase and passes the sum as
    `place`, so that ops that differ only in it share a kernel. `ties` lists pairs
    (result, operand): the result may take the operand's buffer if the operand dies
    here.

    - (C1) `kernel` is a kernel function.
    - (C2) Each tie names a result and an operand of the same type.

    Example:
    ```mlir
    exec.kernels @kernels {
      func.func @add.0(%a: memref<?x4xf32>, %b: memref<?x4xf32>, %y: memref<?x4xf32>, %T: index, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) attributes {exec.sizes = ["T"]} {
        return
      }
    }
    func.func @f(%a: tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>> {
      %y = exec.launch @kernels::@add.0(%a, %a) grid <T / 32> ties [0, 0] : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>>
      return %y : tensor<?x4xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins SymbolRefAttr:$kernel, Variadic<AnyType>:$inputs,
    Exec_GridAttr:$grid, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$ties,
    DefaultValuedAttr<I64Attr, "0">:$random, OptionalAttr<Exec_CostAttr>:$cost);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `grid` $grid (`ties` $ties^)? (`random` $random^)?
    (`cost` $cost^)? attr-dict `:`
    functional-type($inputs, $outputs)
  }];
}

def Exec_KernelsOp : Exec_Op<"kernels", [
    Symbol, SymbolTable, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "The kernels of a program";
  let description = [{
    Functions on memrefs. Each takes one memref per buffer (operands, then results;
    a `!graft.segments` operand is `offsets`, `ordinals` and `rows`), one index per
    named size in its `exec.sizes` attribute, the random state (seed i64, step i32,
    place i64) and the range [begin, end) of work items. Each becomes a symbol of the
    C type `GraftKernel`.

    A part of `exec.launch`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}
