// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What a step keeps for its phases, and numbers that a run measures and remembers: for
// phases that learn from what others have brought about.

include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/graft/graft_base.td"
include "dialects/transfer/transfer_dialect.td"

def Transfer_KeepOp : Transfer_Op<"keep", [
    Pure, HasParent<"StrategyOp">, AllTypesMatch<["input", "output"]>]> {
  let summary = "Compute a value once in each step, for all of its phases";
  let description = [{
    `input` is computed for each example of the batch when a step begins, with the
    parameters of that moment, and with dropout and random numbers as in training: a
    sample stays what it is. All turns of the step read that value, whatever they have
    changed since. It is a constant in their gradients. The entry `keep`, of several
    streams `keep_<stream>`, computes all kept values of a stream.

    Example, a policy that selects texts at random, and learns which were worth it:
    ```mlir
    #S = #graft.dims<S>
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @w : tensor<100x3xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
        %w = graft.read @w : tensor<100x3xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
        return %z : tensor<?x3xf32, #S>
      }
    }
    graft.model @policy {
      graft.parameter @v : tensor<1x3xf32> initial "zeros"
      func.func @score(%x: tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S> {
        %v = graft.read @v : tensor<1x3xf32>
        %z = graft.linear %x, %v : (tensor<?x3xf32, #S>, tensor<1x3xf32>) -> tensor<?x1xf32, #S>
        return %z : tensor<?x1xf32, #S>
      }
      func.func @choose(%z: tensor<?x1xf32, #S>, %seq: !graft.segments<T, S>) -> tensor<?x1xf32, #S> {
        %p = graft.sigmoid %z : tensor<?x1xf32, #S>
        %u = graft.uniform %seq id 0 : (!graft.segments<T, S>) -> tensor<?x1xf32, #S>
        %a = graft.step %p, %u : tensor<?x1xf32, #S>
        return %a : tensor<?x1xf32, #S>
      }
    }
    transfer.strategy @select {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      transfer.group @chooser of @policy
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
      %seen = graft.stop_gradient %logits : tensor<?x3xf32, #S>
      %state = transfer.keep @state %seen : tensor<?x3xf32, #S>
      %score = transfer.call @policy::@score(%state) : (tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S>
      %chosen = transfer.call @policy::@choose(%score, %segments) : (tensor<?x1xf32, #S>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
      %action = transfer.keep @action %chosen : tensor<?x1xf32, #S>
      %taken = graft.reshape %action : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
      %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
      %selected = graft.mul %each, %taken : tensor<?xf32, #S>
      %loss = transfer.mean %selected : tensor<?xf32, #S>
      %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
      %said = transfer.loss binary_cross_entropy %score, %action mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
      transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
      transfer.phase @learn minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.phase @choose minimise %said over [@chooser] with sgd rate constant 1.000000e-02
      transfer.schedule epochs 3 of [@learn, @choose]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = "$sym_name $input attr-dict `:` type($input)";
}

def Transfer_RewardOp : Transfer_Op<"reward", [Symbol, HasParent<"StrategyOp">]> {
  let summary = "A measurement on data that no loss reads";
  let description = [{
    When its turn comes in the list of a `transfer.schedule`, the prediction (of several
    that of `head`) is evaluated on all examples of `stream`. The value is that of
    `measure`: `score`, or `loss`, the mean of the loss that evaluates with the other
    sign, so that more is better in both. Rates of phases and factors name it as
    `@sym_name`; before its first turn it is 0. It is a number that the run computes,
    so no gradient goes through it. Checkpoints hold it.

    - (C1) `measure` is `score` or `loss`.
    - (C2) The name consists of letters, digits and `_`.

    Example, a rate that is what the last two measurements differ by, less their mean so
    far:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @w : tensor<100x3xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @w : tensor<100x3xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @measured {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1, %labels_2 = transfer.stream @validation of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x3xf32, #graft.dims<S>>
      transfer.reward @now score on @validation
      transfer.register @before = 0.000000e+00 becomes @now
      transfer.register @usual = 0.000000e+00 becomes "0.9 * @usual + 0.1 * (@now - @before)"
      transfer.phase @step minimise %loss over [@all] with sgd rate constant "0.1 * (@now - @before - @usual)"
      transfer.schedule epochs 3 of [@now every 2, @step, @usual, @before]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Transfer_TextAttr:$measure,
    OptionalAttr<FlatSymbolRefAttr>:$head, FlatSymbolRefAttr:$stream);
  let assemblyFormat = [{
    $sym_name custom<Word>($measure) (`of` $head^)? `on` $stream attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The data that it measures on, and what it measures; null if the strategy
    // does not have them, or several predictions and the op names none.
    StreamOp getData();
    PredictOp getMeasured();
  }];
}

def Transfer_RegisterOp : Transfer_Op<"register", [
    Symbol, HasParent<"StrategyOp">]> {
  let summary = "A number that a run remembers";
  let description = [{
    It begins with `initial` and becomes the value of `next` when its turn comes in the
    list of a `transfer.schedule`. Rates of phases, factors, and other registers name it
    as `@sym_name`. A value that is not finite ends the run. Checkpoints hold it.

    - (C1) `initial` does not change.
    - (C2) The name consists of letters, digits and `_`.

    A part of `transfer.reward`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Transfer_NumberAttr:$initial,
    Transfer_NumberAttr:$next);
  let assemblyFormat = [{
    $sym_name `=` custom<Number>($initial) `becomes` custom<Number>($next) attr-dict
  }];
  let hasVerifier = 1;
}
