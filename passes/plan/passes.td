// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 7: a phase of launches on tensors becomes a program on buffers.

#ifndef GRAFT_PASSES_PLAN_PASSES_TD
#define GRAFT_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanLimitInputsPass
    : Pass<"plan-limit-inputs", "::mlir::func::FuncOp"> {
  let summary = "Note how large the elements of index inputs may be";
  let description = [{
    An i32 argument that `graft.embedding`, `graft.gather` or
    `graft.cross_entropy` uses as an index gets the attribute `graft.limit`: its
    elements must be below the smallest table it indexes. A label that all
    losses ignore becomes `graft.limit_exception`. Segments whose `graft.positions` index a table
    get it for the positions in a sequence. The runtime checks what it is fed against it.
    Runs before `lower-outline`, after which the ops are gone.

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

def PlanRecomputePass : Pass<"plan-recompute", "::mlir::ModuleOp"> {
  let summary = "Compute results again where keeping them takes too much memory";
  let description = [{
    Adds launches to each phase until the arena that `plan-memory` will give it
    fits into `budget` bytes. A launch whose results are needed again after the
    moment at which most memory is in use is repeated in front of the first
    that needs them, with the launches before it whose results are gone by
    then. It is the same kernel on the same operands, with the same random
    draws: the bits stay what they were. Of all that would help the one is taken
    that frees most bytes for the time it costs (`#exec.cost`), at the bounds of
    the named sizes.

    - (C1) A budget that is not reached is an error, which says what is.

    With `choices` the module also gets `graft.choice_bytes` and
    `graft.choice_times`: arenas from that of no budget down to the least, each
    with the time of all launches of the phases that write slots (of all phases
    where none does) as a multiple of that without a budget, as costs have it.

    Runs directly before `plan-memory`: anything that merges equal launches would
    undo it.

    Example: test/passes/plan/recompute.mlir.
  }];
  let options = [
    Option<"budget", "budget", "int64_t", "0",
           "Bytes of the arena of a phase, at most; 0: no bound">,
    Option<"choices", "choices", "bool", "false",
           "Say what smaller arenas would cost">,
  ];
}

def PlanMemoryPass : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every value of a phase its place in memory";
  let description = [{
    Replaces each function with a `graft.phase` attribute by an `exec.program`
    of the same name. Its launches keep their order, but for those that compute
    from parameters alone, such as the packing of weights, in a phase that writes
    no slot: they come first and are the program's prologue, whose results stay
    in the arena from call to call.

    - An argument is an input, `graft.read` the slot itself.
    - A launch writes straight into the slot or output its result is meant for,
      where all who need the slot's old value come before it or may share its
      buffer (`ties`); otherwise the value is copied at the end. An old value
      that is needed at the end is saved at the start.
    - A result takes the buffer of an operand that dies in the launch, where
      the launch ties them.
    - All others get an offset of the arena, by size, into the smallest gap
      between values that live at the same time. Sizes are those at the bounds.
    - `graft.constant` becomes a fill.

    The plan is checked by running it on symbolic values: each command must
    find what the function says in each of its buffers.

    - (C1) The function has one block of launches, reads, writes and constants.
    - (C2) Dynamic dimensions have names that `graft.size` declares.
    - (C3) No slot is written twice.
    - (C4) Results are tensors.

    The attribute `graft.phase_ordinal` of the function, 0 without it, becomes
    the program's `phase`. Names come from `graft.name` attributes.

    Example: test/passes/plan/memory.mlir.
  }];
  let dependentDialects = ["::graft::exec::ExecDialect"];
}

#endif  // GRAFT_PASSES_PLAN_PASSES_TD
