// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 7: a phase of launches on tensors becomes a program on buffers.

#ifndef GRAFT_PASSES_PLAN_PASSES_TD
#define GRAFT_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanLimitInputsPass
    : Pass<"plan-limit-inputs", "::mlir::func::FuncOp"> {
  let summary = "Annotate index inputs with their upper limit";
  let description = [{
    An i32 argument that `graft.embedding`, `graft.gather` or
    `graft.cross_entropy` uses as an index gets the attribute `graft.limit`: its
    elements must be below the size of the smallest table that it indexes. A label
    that all losses ignore becomes `graft.limit_exception`. Segments whose
    `graft.positions` index a table get a limit for the length of a sequence. The
    runtime checks its inputs against these limits. Runs before `lower-outline`,
    which replaces the ops.

    Example:
    ```mlir
    func.func @f(%ids: tensor<3xi32>, %w: tensor<100x4xf32>) -> tensor<3x4xf32> {
      %y = graft.embedding %ids, %w : (tensor<3xi32>, tensor<100x4xf32>) -> tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
    `%ids` gets `{graft.limit = 100 : i64}`.
  }];
}

def PlanKeyCachesPass : Pass<"plan-key-caches", "::mlir::ModuleOp"> {
  let summary = "Give caches a key of what they hold";
  let description = [{
    Each `exec.cache` that an entry fills once gets the attribute `key`, a hash of that
    entry's graph: of its ops, types and the names of the parameters that it reads. The
    names of cache and entry, the rest of the module and the code that the graph becomes
    do not count, so that programs which differ elsewhere, in a temperature or a schedule, share the
    rows. Runs before `lower-outline`, which replaces the graph.

    Example:
    ```mlir
    exec.host @run {
      exec.stream @train sizes (T, S)
      exec.cache @said of @train by @said output 0
      exec.fill_cache @said
    }
    ```
    The declaration becomes `exec.cache @said of @train by @said output 0 key
    "3f0c9a5e7d1b2468"`, or another hash (test/passes/plan/key_caches.mlir).
  }];
}

def PlanRecomputePass : Pass<"plan-recompute", "::mlir::ModuleOp"> {
  let summary = "Recompute results to fit a memory budget";
  let description = [{
    Adds launches to each phase until the arena that `plan-memory` will compute
    fits into `budget` bytes. A launch whose results are used again after the
    memory peak is repeated before the first of these uses, together with earlier
    launches whose results are no longer live there. The repeated launch has the
    same kernel, operands and random bits, so results stay the same to the bit.
    The pass is greedy: it takes the launch that frees most bytes per time
    (`#exec.cost`), at the capacity of the named sizes.

    - (C1) A budget below the minimum feasible one is an error that names both.

    With `choices` the module also gets `graft.choice_bytes` and
    `graft.choice_times`: arenas from the one without a budget down to the minimum,
    each with the estimated time of all launches of the phases that write slots (of
    all phases if none does), relative to the time without a budget.

    Runs directly before `plan-memory`: merging equal launches would undo it.

    Example: test/passes/plan/recompute.mlir.
  }];
  let options = [
    Option<"budget", "budget", "int64_t", "0",
           "Maximum bytes of the arena of a phase; 0: no limit">,
    Option<"choices", "choices", "bool", "false",
           "Record the cost of smaller arenas">,
  ];
}

def PlanMemoryPass : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "Assign a buffer to every value of a phase";
  let description = [{
    Replaces each function with a `graft.phase` attribute by an `exec.program`
    of the same name. Launches keep their order, with one exception: in a phase
    that writes no slot, launches that depend on parameters only, such as the
    packing of weights, move to the front. They are the program's prologue, whose
    results stay in the arena between calls.

    - An argument is an input buffer; `graft.read` is the slot itself.
    - A launch writes directly to the destination slot or output of its result, if
      all readers of the slot's old value run earlier or may share the buffer
      (`ties`). Otherwise the value is copied at the end. An old value that is
      needed at the end is saved at the start.
    - A result takes the buffer of an operand that dies in the launch, if the
      launch ties them.
    - All other values get an offset in the arena: large ones first, each in the
      smallest gap between values that are live at the same time. Sizes are those
      at capacity.
    - `graft.constant` becomes a fill.

    The pass checks the plan by running it on symbolic values: each command must
    find the value that the function prescribes in each of its buffers.

    - (C1) The function has one block of launches, reads, writes and constants.
    - (C2) `graft.size` declares the names of dynamic dimensions.
    - (C3) No slot is written twice.
    - (C4) Results are tensors.

    The attribute `graft.phase_ordinal` of the function (default 0) becomes the
    program's `phase`. Names come from `graft.name` attributes.

    Example: test/passes/plan/memory.mlir.
  }];
  let dependentDialects = ["::graft::exec::ExecDialect"];
}

#endif  // GRAFT_PASSES_PLAN_PASSES_TD
