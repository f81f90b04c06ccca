// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Passes of the fuse stage.

#ifndef GRAFT_PASSES_FUSE_PASSES_TD
#define GRAFT_PASSES_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseElementwisePass : Pass<"fuse-elementwise", "::mlir::ModuleOp"> {
  let summary = "Group elementwise ops over one shape in regions";
  let description = [{
    Ops of a phase that compute each element from the elements at the same place
    (all of their sharding factors are `*`), that are connected by values and
    have one shape, become one `graft.region`: a pass over memory instead of one
    each. A value that is also used outside of the region is a further result of
    it. Nothing is computed twice, and what is computed stays the same.

    - (C1) A region stands where its operands are all there and none of its
      results has been used, and no op between its first and last op has
      effects; an op that would break this stays outside. Reads and constants
      may move up before a region.
    - (C2) An addition that a kernel takes over as the start of its own sum, such
      as that of a weight gradient to its slot, stays by itself.
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

#endif  // GRAFT_PASSES_FUSE_PASSES_TD
