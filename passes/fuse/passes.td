// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 5: ops that one kernel computes together become regions.

#ifndef GRAFT_PASSES_FUSE_PASSES_TD
#define GRAFT_PASSES_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseElementwisePass : Pass<"fuse-elementwise", "::mlir::ModuleOp"> {
  let summary = "Group elementwise ops over one shape in regions";
  let description = [{
    Ops of a phase that compute each element from the elements at the same
    position (isElementwise in dialects/graft/fusion.h), that are connected by
    values and have one shape, become one `graft.region`: one pass over memory
    instead of one per op. An op of a plug-in takes part if its linalg form is
    one op with identity maps. A value that is also used outside of the region
    is a further result of it. Nothing is computed twice, and no number changes.

    - (C1) A region stands where its operands are all there and none of its
      results has been used, and no op between its first and last op has
      effects; an op that would break this stays outside. Reads and constants
      may move up before a region.
    - (C2) An addition from which another op starts its sum, such as that of a
      weight gradient to its slot, stays by itself.
    - (C3) A region has at least two ops, of which one may be a dropout: a
      launch has one place of random draws.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    func.func @f(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
        attributes {graft.phase = "f"} {
      %d = graft.dropout %x, %s rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
      %r = graft.add %d, %y : tensor<?x8xf32, #graft.dims<T>>
      return %r : tensor<?x8xf32, #graft.dims<T>>
    }
    // becomes
    func.func @f(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
        attributes {graft.phase = "f"} {
      %r = graft.region (%a = %x, %b = %s, %c = %y) : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<?x8xf32, #graft.dims<T>> {
        %d = graft.dropout %a, %b rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
        %e = graft.add %d, %c : tensor<?x8xf32, #graft.dims<T>>
        graft.yield %e : tensor<?x8xf32, #graft.dims<T>>
      }
      return %r : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

def FuseNormalizationsPass : Pass<"fuse-normalizations", "::mlir::ModuleOp"> {
  let summary = "End regions with the normalisation of what they compute";
  let description = [{
    A normalisation of rows of static width, such as `graft.layer_norm`, and the
    region or elementwise op that computes its input become one region, whose
    kernel normalises each row as soon as it is computed. If the input is also used elsewhere, as the backward
    pass uses it, it is a further result. Casts of the result join them.

    - (C1) Nothing else moves over another op than fuse-elementwise moves.

    Example:
    ```mlir
    func.func @f(%x: tensor<3x8xf32>, %y: tensor<3x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>)
        attributes {graft.phase = "f"} {
      %s = graft.add %x, %y : tensor<3x8xf32>
      %n = graft.layer_norm %s, %g, %b epsilon 1.0e-5 : (tensor<3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<3x8xf32>
      return %n, %s : tensor<3x8xf32>, tensor<3x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<3x8xf32>, %y: tensor<3x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>)
        attributes {graft.phase = "f"} {
      %r:2 = graft.region (%a = %x, %c = %y, %d = %g, %e = %b) : (tensor<3x8xf32>, tensor<3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
        %s = graft.add %a, %c : tensor<3x8xf32>
        %n = graft.layer_norm %s, %d, %e epsilon 1.0e-5 : (tensor<3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<3x8xf32>
        graft.yield %s, %n : tensor<3x8xf32>, tensor<3x8xf32>
      }
      return %r#1, %r#0 : tensor<3x8xf32>, tensor<3x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

def FuseEpiloguesPass : Pass<"fuse-epilogues", "::mlir::ModuleOp"> {
  let summary = "Begin regions with the GEMM that they follow";
  let description = [{
    A GEMM (`graft.linear`, `graft.matmul`) and the first region of elementwise
    ops, or elementwise op, that uses its result become one region, whose kernel
    computes the elementwise ops on each block of the GEMM as soon as that block
    is finished. If the GEMM's result is also used elsewhere, as the backward
    pass uses the input of GELU, it is a further result.

    - (C1) The GEMM has static width, and a result of the elementwise op has its
      type: it holds partial sums.
    - (C2) A GEMM that starts from an addend, such as that of a weight gradient,
      stays by itself.
    - (C3) Nothing else moves over another op than fuse-elementwise moves.

    Example:
    ```mlir
    func.func @f(%x: tensor<3x4xf32>, %w: tensor<8x4xf32>, %b: tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>)
        attributes {graft.phase = "f"} {
      %y = graft.linear %x, %w, %b : (tensor<3x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<3x8xf32>
      %z = graft.gelu erf %y : tensor<3x8xf32>
      return %y, %z : tensor<3x8xf32>, tensor<3x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<3x4xf32>, %w: tensor<8x4xf32>, %b: tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>)
        attributes {graft.phase = "f"} {
      %r:2 = graft.region (%a = %x, %c = %w, %d = %b) : (tensor<3x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
        %y = graft.linear %a, %c, %d : (tensor<3x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<3x8xf32>
        %z = graft.gelu erf %y : tensor<3x8xf32>
        graft.yield %y, %z : tensor<3x8xf32>, tensor<3x8xf32>
      }
      return %r#0, %r#1 : tensor<3x8xf32>, tensor<3x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

#endif  // GRAFT_PASSES_FUSE_PASSES_TD
