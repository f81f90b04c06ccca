// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 1: a model and a strategy become plain functions, one per phase.

#ifndef GRAFT_PASSES_TRANSFER_PASSES_TD
#define GRAFT_PASSES_TRANSFER_PASSES_TD

include "mlir/Pass/PassBase.td"

def TransferLinkPass : Pass<"transfer-link", "::mlir::ModuleOp"> {
  let summary = "Bind a strategy to the models that it calls";
  let description = [{
    A strategy may be written without knowing its models: sizes of theirs are
    names (`sizes (K)`), and `text` stands for whatever fields a model takes.
    The called functions say what these are: each named dimension of a call's
    results gets the size that the function has there, and each argument that a
    text stands for becomes a field of the text's stream by its `graft.name`.
    Operands of a call are the arguments of its function in their order; a text
    stands for the longest run of arguments with different names among `ids`,
    `types` and `segments` that begins at its place. Models of the module may have
    the strategy's sizes, too, in place of numbers. Afterwards all types have
    numbers, and the strategy is verified. A linked strategy stays as it is. A
    `transfer.tap` binds sizes like a call, by what the function's layers have.
    `transfer.relation_divergence` and ops of `graft` take the segments of a text. Each
    `transfer.count` gives a stack of layers its number, and is removed.

    - (C1) Each size is bound by a call or a tap, to one value.
    - (C2) The argument at a text's place is named `ids`, `types` or `segments`.
    - (C3) A text is that of a stream.
    - (C4) The size of labels is at least 2.
    - (C5) No size has the name of a `graft.size`.
    - (C6) Afterwards each parameter has a static shape.
    - (C7) A function that is tapped names values of the kind, in itself or in
      functions that it calls.
    - (C8) `transfer.count` names a `graft.layers` of a model, whose parameters all have
      `initial` values, and no other names the same.

    Example: where `@m::@logits` takes `%ids` and `%seq` and has 3 columns
    ```mlir
    transfer.strategy @probe sizes (K) {
      %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
      %logits = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #graft.dims<S, K>>
    }
    ```
    becomes
    ```mlir
    transfer.strategy @probe {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    }
    ```
  }];
}

def TransferExpandLayersPass
    : Pass<"transfer-expand-layers", "::mlir::ModuleOp"> {
  let summary = "Expand the layers of a stack";
  let description = [{
    Replaces each `graft.layers` by the parameters of all its layers and each
    `graft.repeat` by all its iterations. Layer i of `@layers` owns
    `@layers.<i>.<name>`; a `*` in a parameter's source stands for the number
    of the layer. Iteration i reads the parameters of layer i. Its random ops
    get the id written in the body plus 64 i, and its locations carry the scope
    path `layers.<i>`; a `graft.tap` is of layer i + 1.

    - (C1) Ids of random ops are in [64, 128) inside `graft.repeat` and below
      64 outside. They are unique in a function, so that the ids of the
      expanded ops are unique, too.
    - (C2) `graft.layers` holds `graft.parameter` only.
    - (C3) No `graft.repeat` is nested in another.

    Example:
    ```mlir
    graft.layers @layer count 2 {
      graft.parameter @w : tensor<4x4xf32> from "encoder.*.weight"
    }
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
      %w = graft.read layer @w : tensor<4x4xf32>
      %l = graft.linear %h, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
      graft.yield %l : tensor<3x4xf32>
    }
    ```
    becomes
    ```mlir
    graft.parameter @layer.0.w : tensor<4x4xf32> from "encoder.0.weight"
    graft.parameter @layer.1.w : tensor<4x4xf32> from "encoder.1.weight"

    %w0 = graft.read @layer.0.w : tensor<4x4xf32>
    %l0 = graft.linear %x, %w0 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
    %w1 = graft.read @layer.1.w : tensor<4x4xf32>
    %y = graft.linear %l0, %w1 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

def TransferExpandTapsPass : Pass<"transfer-expand-taps", "::mlir::ModuleOp"> {
  let summary = "Return the values of layers that a strategy taps";
  let description = [{
    Makes each value that a `graft.tap` names, if a `transfer.tap` of the model reads
    its kind, a further result of its function, and of functions that call that one.
    So a call returns its layers beside its own results, from one computation; those
    that nothing reads die with the canonicalisation. Then replaces `transfer.tap`,
    calls, formulas and caches of layers and `transfer.sum` by ops on single tensors, and
    removes all `graft.tap`.

    - (C1) Layers are expanded. Behind a function, a kind is tapped once per layer.
    - (C2) The layers that a `transfer.tap` names exist, and there is one at least.
    - (C3) The number of layers of a tap is a multiple of that of the tap it matches.
    - (C4) A `transfer.tap` has the type of the values it names.
    - (C5) All layers among the operands of a call, of a formula, or of a
      `transfer.relation_divergence`, are equally many.
    - (C6) Layers that are cached are matrices, with a row per sequence of a stream.
    - (C7) A `transfer.relation_divergence` is linked, and without heads of values that
      attention reads, of as many heads in both models. Its result has the type of the
      op that it becomes.
    - (C8) A formula has layers for its result where an operand is.

    Example:
    ```mlir
    func.func @encode(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.tanh %x : tensor<3x4xf32>
      graft.tap "hidden" %y layer 1 : tensor<3x4xf32>
      %z = graft.tanh %y : tensor<3x4xf32>
      graft.tap "hidden" %z layer 2 : tensor<3x4xf32>
      return %z : tensor<3x4xf32>
    }

    %z = transfer.call @m::@encode(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %h = transfer.tap "hidden" of %z : tensor<3x4xf32> -> !transfer.layers<tensor<3x4xf32>>
    %s = transfer.sum %h : !transfer.layers<tensor<3x4xf32>>
    ```
    becomes
    ```mlir
    func.func @encode(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32> {graft.name = "hidden.1"}, tensor<3x4xf32> {graft.name = "hidden.2"}) {
      %y = graft.tanh %x : tensor<3x4xf32>
      %z = graft.tanh %y : tensor<3x4xf32>
      return %z, %y, %z : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>
    }

    %z, %h1, %h2 = transfer.call @m::@encode(%x) : (tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
    %s = graft.add %h1, %h2 : tensor<3x4xf32>
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

def TransferExpandFormulasPass
    : Pass<"transfer-expand-formulas", "::mlir::ModuleOp"> {
  let summary = "Replace formulas, and reads of parameters in a strategy";
  let description = [{
    Replaces each `graft.formula`, in functions and strategies, by ops of `graft` that
    compute it in f32, whatever the precision of the program: sums of products of
    matrices by `graft.matmul`, with the transposes that it needs, other reductions by
    `graft.reduce`, labels by `graft.one_hot` and texts by `graft.segment_pool`. Then
    passes see what a strategy computes. A `graft.softmax` over the examples of a batch,
    as of the scores of all pairs, is such a formula, too. Replaces each `transfer.read` by a call of a
    function of its model that returns the parameters.

    - (C1) Operands of a formula are tensors and segments: the strategy is linked, and its
      layers are expanded.
    - (C2) A `transfer.read` is of a model, whose layers are expanded.

    Example:
    ```mlir
    %d = graft.formula "x[s, h], c[n, h] -> [s, n]: 2 * sum h (x * c)" (%x, %c) : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    ```
    becomes
    ```mlir
    %xc = graft.matmul %x, %c transpose_rhs {graft.precision = "keep"} : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    %d = graft.scale %xc by 2.0 {graft.precision = "keep"} : tensor<?x3xf32, #S>
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect",
                           "::mlir::func::FuncDialect"];
}

def TransferInjectPass : Pass<"transfer-inject", "::mlir::ModuleOp"> {
  let summary = "Put the adapters of a strategy into its models";
  let description = [{
    Does what each `transfer.inject` says to the functions and parameters of its model,
    adds a `graft.merge` for each matrix that gets low-rank adapters, and removes the
    `transfer.inject`. The strategy is verified afterwards.

    - (C1) The model exists, its layers are expanded, and it has no parameter of the
      name of a new one.
    - (C2) The pattern selects a matrix. Those that it selects are weights of
      `graft.linear` wherever they are read.
    - (C3) Those of `dora` are pretrained.

    Example:
    ```mlir
    graft.parameter @dense.weight : tensor<8x4xf32>
    func.func @f(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
      %w = graft.read @dense.weight : tensor<8x4xf32>
      %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
      return %y : tensor<3x8xf32>
    }
    ```
    becomes, with `rank 2 alpha 4.0`
    ```mlir
    graft.parameter @dense.weight : tensor<8x4xf32>
    graft.parameter @dense.lora_a : tensor<2x4xf32> initial "normal" deviation 0.288675129 added
    graft.parameter @dense.lora_b : tensor<8x2xf32> initial "zeros" added
    graft.merge @dense.weight plus 2.000000e+00 * @dense.lora_b * @dense.lora_a
    func.func @f(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
      %w = graft.read @dense.weight : tensor<8x4xf32>
      %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
      %a = graft.read @dense.lora_a : tensor<2x4xf32>
      %b = graft.read @dense.lora_b : tensor<8x2xf32>
      %u = graft.linear %x, %a : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
      %v = graft.linear %u, %b : (tensor<3x2xf32>, tensor<8x2xf32>) -> tensor<3x8xf32>
      %s = graft.scale %v by 2.000000e+00 : tensor<3x8xf32>
      %z = graft.add %y, %s : tensor<3x8xf32>
      return %z : tensor<3x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

def TransferInlineCallsPass
    : Pass<"transfer-inline-calls", "::mlir::ModuleOp"> {
  let summary = "Inline the functions of models into the phases that call them";
  let description = [{
    Replaces each `graft.call` in a function of the module by the body of the
    callee, which reads parameters as `@model::@name`. All reads of a tensor in
    a function become one. Each further call of the same function in a phase
    gives its random ops the next `draw`, so that two forward passes over one
    batch use different dropout masks; a `deterministic` call has no dropout. Types
    get the names that the call gives to sizes.
    Finally removes the functions of all models, if the module has any function
    of its own.

    - (C1) No function calls itself, directly or through others.
    - (C2) A function has one block.
    - (C3) `graft.repeat` has been expanded.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<2x4xf32>
      func.func @f(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
        %w = graft.read @w : tensor<2x4xf32>
        %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
        return %y : tensor<3x2xf32>
      }
    }
    func.func @predict(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
      %y = graft.call @m::@f(%x) : (tensor<3x4xf32>) -> tensor<3x2xf32>
      return %y : tensor<3x2xf32>
    }
    ```
    becomes
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<2x4xf32>
    }
    func.func @predict(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
      %w = graft.read @m::@w : tensor<2x4xf32>
      %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
      return %y : tensor<3x2xf32>
    }
    ```
  }];
  let options = [
    Option<"keepFunctions", "keep-functions", "bool", "false",
           "Keep the functions of models after inlining">];
  let dependentDialects = ["::graft::GraftDialect"];
}

def TransferExpandStrategyPass
    : Pass<"transfer-expand-strategy", "::mlir::ModuleOp"> {
  let summary = "Turn a strategy into the functions that the runtime calls";
  let description = [{
    Replaces the module's `transfer.strategy` by functions and the `exec.host @train`
    that calls them, and adds the training states to the models:

    | function | arguments | results |
    |---|---|---|
    | `@predict`, of a head `@predict_<head>` | fields except labels, weights | `logits`, `probabilities` with `softmax` |
    | `@evaluate`, of a head `@evaluate_<head>` | fields except weights | `logits`, `losses` per example |
    | one per cache | fields except labels, weights | `cached.<cache>` |
    | `@accumulate` | fields, `cached.<cache>`, `total` and other divisors, factors that change | `loss`; adds to the gradients |
    | `@update` | `rate`, `step` (from 1) if the optimiser counts, numbers of groups that change | `norm` with `clip`; sets gradients to zero, and averages that track what it updates |
    | `@begin` | | copies what tracks a model, and starts to decay to; only where there are some |

    `graft.name` names each argument and result, `exec.source` says what feeds an
    argument, `graft.phase` repeats the name of the function, and `graft.cache` marks
    the function of a cache. With several streams, each has an
    `@accumulate_<stream>` of those terms of the loss that read it. Only they use
    random numbers; `graft.phase_ordinal`, a part of their keys, differs between them.
    With several phases, each has an `@accumulate_<phase>` and an `@update_<phase>`, or
    an `@accumulate_<phase>_<stream>`, and own states of its optimiser. Where a step takes
    one stream, each has an `@update_<stream>` of what its terms reach.
    A parameter gets a gradient and the states of the phase's optimiser, such as two
    moments, if it is in a group of the phase and the loss reaches it, and names the group; all others get no state, no gradient and
    no update.

    A mean loss is divided by a number of the whole optimiser batch, which the host
    program computes: `total` counts the examples, `labelled` those with another label
    than the ignored one, `weight_total` and `labelled_weight_total` add their weights.

    The host program repeats, for each schedule, the epochs of the first stream that
    its phases read, or as many steps as all of them have batches, where each takes one
    that `random` draws or a list names: per batch, which comes with one of each other stream, it calls for
    each turn of a phase `@accumulate` for each micro-batch and `@update`, then
    evaluates, and marks the step. The rate follows the phase's schedule. Declared
    numbers that only the rate, the warm-up, the epochs and the turns use become
    parameters of a run, as `batch_size` is one; the others are compiled in; `max_steps`, `evaluate_every`,
    `patience`, `log_every` and `checkpoint_every` are options. Evaluation data is the
    stream `@dev`, or `@dev_<head>` for each head, and with `_unlabelled` behind that for
    data without labels; the mean of the scores of those that
    are there decides which parameters are the best.

    - (C1) The module has at most one strategy.
    - (C2) `graft.layers` of the models has been expanded.
    - (C3) No other symbol has the name of one of the functions or of the host
      program, and the strategy declares no name of an option or of a stream of evaluation
      data; no two of its phases and streams make functions of one name.
    - (C4) The weight of a mean loss is the stream's field `weights`; the target of
      one that ignores a label is its field `labels`.

    Example:
    ```mlir
    transfer.strategy @probe {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @encoder of @m rest frozen
      transfer.group @head of @m select "^head" decay 1.000000e-02
      %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
      transfer.predict %logits : tensor<?x3xf32, #S>
      transfer.phase @step minimise %loss over [@head] with adamw rate linear 1.000000e-03
      transfer.schedule epochs 3 of [@step]
    }
    ```
    becomes, beside `@predict`, `@evaluate` and `exec.host @train`
    ```mlir
    func.func @accumulate(%ids: tensor<?xi32, #T> {exec.source = #exec.source<stream @train ids>, graft.name = "ids"}, %segments: !graft.segments<T, S> {exec.source = #exec.source<stream @train segments>, graft.name = "segments"}, %labels: tensor<?xi32, #S> {exec.source = #exec.source<stream @train labels>, graft.name = "labels"}, %total: tensor<f32> {exec.source = #exec.source<register @examples>, graft.name = "total"}) -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate", graft.phase_ordinal = 0 : i64} {
      %logits = graft.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
      %losses = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
      %sum = graft.reduce sum %losses over [0] : (tensor<?xf32, #S>) -> tensor<f32>
      %loss = graft.div %sum, %total : tensor<f32>
      %w = graft.read @m::@head : tensor<3x8xf32>
      %g = graft.gradients %loss wrt %w : tensor<3x8xf32>
      %old = graft.read @m::@head.gradient : tensor<3x8xf32>
      %new = graft.add %old, %g : tensor<3x8xf32>
      graft.write @m::@head.gradient, %new : tensor<3x8xf32>
      return %loss : tensor<f32>
    }
    func.func @update(%rate: tensor<f32> {exec.source = #exec.source<register @learning_rate>, graft.name = "rate"}, %step: tensor<i32> {exec.source = #exec.source<register @update>, graft.name = "step"}) attributes {graft.phase = "update", graft.phase_ordinal = 0 : i64} {
      %g = graft.read @m::@head.gradient : tensor<3x8xf32>
      %w = graft.read @m::@head : tensor<3x8xf32>
      %m = graft.read @m::@head.first_moment : tensor<3x8xf32>
      %v = graft.read @m::@head.second_moment : tensor<3x8xf32>
      %w1, %m1, %v1 = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 0.899999976 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<3x8xf32>
      graft.write @m::@head, %w1 : tensor<3x8xf32>
      graft.write @m::@head.first_moment, %m1 : tensor<3x8xf32>
      graft.write @m::@head.second_moment, %v1 : tensor<3x8xf32>
      %zero = graft.constant 0.000000e+00 : tensor<3x8xf32>
      graft.write @m::@head.gradient, %zero : tensor<3x8xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect",
                           "::graft::exec::ExecDialect",
                           "::mlir::func::FuncDialect"];
}

#endif  // GRAFT_PASSES_TRANSFER_PASSES_TD
