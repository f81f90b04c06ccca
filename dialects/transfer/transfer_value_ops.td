// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Values of a strategy: calls of models and what is behind them, caches, derivatives, and
// the predictions.

include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/graft/graft_base.td"
include "dialects/graft/graft_enums.td"
include "dialects/transfer/transfer_dialect.td"

def Transfer_CallOp : Transfer_Op<"call", [
    Pure, AttrSizedOperandSegments, HasParent<"StrategyOp">]> {
  let summary = "Call a function of a model on a batch";
  let description = [{
    Two calls of one function, or of functions of one name in two models, use
    different random numbers. A `deterministic` call uses none, as for a teacher or a
    cached value. Prediction and evaluation are always deterministic.

    A call of layers (`!transfer.layers`) is a call for each: of the first layer of
    each operand, of the second, and so on. Operands that are no layers are the same
    in all of them.

    A call `at` the result of a `transfer.inner` is one of the model where its
    parameters have been led.

    - (C1) The results of a call are layers where an operand is, and else none is.

    A part of `transfer.strategy`; see there for an example, and `transfer.tap` for
    one with layers.
  }];
  let arguments = (ins SymbolRefAttr:$callee, Variadic<AnyType>:$arguments,
    Optional<Transfer_ParametersType>:$at, UnitAttr:$deterministic);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    (`deterministic` $deterministic^)? $callee `(` $arguments `)` (`at` $at^)?
    attr-dict `:` functional-type($arguments, $results)
  }];
  let hasVerifier = 1;
}

def Transfer_ReadParameterOp : Transfer_Op<"read", [Pure, HasParent<"StrategyOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Values of parameters";
  let description = [{
    As a call of a function of the model that returns them, which it becomes: gradients
    reach the parameters.

    - (C1) The model has parameters of these names, and there is a result for each. A
      model that is imported is not known before.
    - (C2) A result has the type of its parameter, where sizes of a strategy may still be
      names.

    Example, the sum of the rows of each class (see `transfer.total`):
    ```mlir
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @w : tensor<3x8xf32>
      func.func @logits(%x: tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @w : tensor<3x8xf32>
        %z = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    graft.model @classes {
      graft.parameter @sum : tensor<3x8xf32> initial "zeros"
    }
    transfer.strategy @sums {
      %x, %labels = transfer.stream @train of features<8>, labels<3> in @S, @S
      transfer.group @head of @model
      transfer.group @memory of @classes
      %c = transfer.read @classes [@sum] : tensor<3x8xf32>
      %added = graft.formula "y[s], x[s, h], c[k, h] -> [s]: -sum h (x * sum k (is(y, k) * c))" (%labels, %x, %c) : (tensor<?xi32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?xf32, #graft.dims<S>>
      %total = transfer.total %added : tensor<?xf32, #graft.dims<S>>
      %logits = transfer.call @model::@logits(%x) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @collect minimise %total over [@memory] with sgd rate constant 1.000000e+00
      transfer.phase @learn minimise %loss over [@head] with adamw rate linear 1.000000e-03
      transfer.schedule epochs 1 of [@collect]
      transfer.schedule epochs 3 of [@learn]
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$model,
    FlatSymbolRefArrayAttr:$parameters);
  let results = (outs Variadic<Graft_Tensor>:$values);
  let assemblyFormat = "$model $parameters attr-dict `:` type($values)";
}

def Transfer_TapOp : Transfer_Op<"tap", [Pure, HasParent<"StrategyOp">]> {
  let summary = "Values of the layers behind a result of a call";
  let description = [{
    The values that the model of the call names `kind` (`graft.tap`), from the
    computation of `source` itself, which is not repeated. Layers count from 1, and
    the "hidden" value 0 is what the first layer reads; negative numbers count from
    the last layer, -1. `layer` is one of them, a tensor. Otherwise the result has
    all of them in their order, or with `layers` those from `first` to `last`.

    With `matching` it has as many as another tap: for the other's layer m of M the
    layer m N / M of N, so that the last layers match (Jiao et al. 2020). N is a
    multiple of M.

    - (C1) `source` is a result of a `transfer.call`.
    - (C2) There is one of `layer`, `layers` and `matching` at most. With `layer` the
      result is a tensor, else it is layers.
    - (C3) `matching` is the result of a `transfer.tap`.
    - (C4) The numbers are integers that do not change, and `layers` has both.

    Example, a student of 1 layer that learns from a teacher of 2:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @teacher {
      graft.parameter @words : tensor<100x8xf32>
      graft.layers @layer count 2 {
        graft.parameter @w : tensor<8x8xf32>
      }
      func.func @encode(%ids: tensor<?xi32, #graft.dims<T>>) -> tensor<?x8xf32, #graft.dims<T>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        graft.tap "hidden" %x : tensor<?x8xf32, #graft.dims<T>>
        %y = graft.repeat 2 scope @layer (%h = %x) : tensor<?x8xf32, #graft.dims<T>> {
          %v = graft.read layer @w : tensor<8x8xf32>
          %z = graft.linear %h, %v : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
          graft.tap "hidden" %z : tensor<?x8xf32, #graft.dims<T>>
          graft.yield %z : tensor<?x8xf32, #graft.dims<T>>
        }
        return %y : tensor<?x8xf32, #graft.dims<T>>
      }
    }
    graft.model @student {
      graft.parameter @words : tensor<100x4xf32>
      graft.layers @layer count 1 {
        graft.parameter @w : tensor<4x4xf32>
      }
      func.func @encode(%ids: tensor<?xi32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>> {
        %w = graft.read @words : tensor<100x4xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
        graft.tap "hidden" %x : tensor<?x4xf32, #graft.dims<T>>
        %y = graft.repeat 1 scope @layer (%h = %x) : tensor<?x4xf32, #graft.dims<T>> {
          %v = graft.read layer @w : tensor<4x4xf32>
          %z = graft.linear %h, %v : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
          graft.tap "hidden" %z : tensor<?x4xf32, #graft.dims<T>>
          graft.yield %z : tensor<?x4xf32, #graft.dims<T>>
        }
        return %y : tensor<?x4xf32, #graft.dims<T>>
      }
    }
    graft.model @fit {
      graft.parameter @w : tensor<8x4xf32> initial "normal" deviation 2.000000e-02
      func.func @apart(%x: tensor<?x4xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x1xf32, #graft.dims<S>> {
        %w = graft.read @w : tensor<8x4xf32>
        %z = graft.linear %x, %w : (tensor<?x4xf32, #graft.dims<T>>, tensor<8x4xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %e = graft.mse %z, %y : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<?xf32, #graft.dims<T>>
        %c = graft.reshape %e : (tensor<?xf32, #graft.dims<T>>) -> tensor<?x1xf32, #graft.dims<T>>
        %m = graft.segment_pool mean %c, %seq : (tensor<?x1xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x1xf32, #graft.dims<S>>
        return %m : tensor<?x1xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @states {
      %ids, %segments = transfer.stream @train of ids, segments in @T, @S
      transfer.group @frozen of @teacher frozen
      transfer.group @all of @student
      transfer.group @map of @fit
      %said = transfer.call deterministic @teacher::@encode(%ids) : (tensor<?xi32, #graft.dims<T>>) -> tensor<?x8xf32, #graft.dims<T>>
      %own = transfer.call @student::@encode(%ids) : (tensor<?xi32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>>
      %mine = transfer.tap "hidden" of %own : tensor<?x4xf32, #graft.dims<T>> -> !transfer.layers<tensor<?x4xf32, #graft.dims<T>>>
      %theirs = transfer.tap "hidden" of %said matching %mine : tensor<?x8xf32, #graft.dims<T>>, !transfer.layers<tensor<?x4xf32, #graft.dims<T>>> -> !transfer.layers<tensor<?x8xf32, #graft.dims<T>>>
      %each = transfer.call @fit::@apart(%mine, %theirs, %segments) : (!transfer.layers<tensor<?x4xf32, #graft.dims<T>>>, !transfer.layers<tensor<?x8xf32, #graft.dims<T>>>, !graft.segments<T, S>) -> !transfer.layers<tensor<?x1xf32, #graft.dims<S>>>
      %sum = transfer.sum %each : !transfer.layers<tensor<?x1xf32, #graft.dims<S>>>
      %apart = graft.reshape %sum : (tensor<?x1xf32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
      %loss = transfer.mean %apart : tensor<?xf32, #graft.dims<S>>
      %rows = graft.segment_pool first %own, %segments : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
      transfer.predict %rows evaluate %loss : tensor<?x4xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all, @map] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins StrAttr:$kind, Graft_Tensor:$source,
    Optional<Transfer_LayersType>:$matching,
    OptionalAttr<Transfer_NumberAttr>:$layer,
    OptionalAttr<Transfer_NumberAttr>:$first,
    OptionalAttr<Transfer_NumberAttr>:$last);
  let results = (outs AnyTypeOf<[Graft_Tensor, Transfer_LayersType]>:$values);
  let assemblyFormat = [{
    $kind (`layer` custom<Number>($layer)^)?
    (`layers` custom<Number>($first)^ `to` custom<Number>($last))?
    `of` $source (`matching` $matching^)? attr-dict `:` type(operands) `->`
    type($values)
  }];
  let hasVerifier = 1;
}

def Transfer_SumOp : Transfer_Op<"sum", [Pure, HasParent<"StrategyOp">,
    TypesMatchWith<"the sum is a tensor like those of the layers", "layers",
                   "sum", "::llvm::cast<LayersType>($_self).getTensor()">]> {
  let summary = "Sum over layers";
  let description = [{
    Adds up the tensors of all layers.

    A part of `transfer.tap`; see there for an example.
  }];
  let arguments = (ins Transfer_LayersType:$layers);
  let results = (outs Graft_Tensor:$sum);
  let assemblyFormat = "$layers attr-dict `:` type($layers)";
}

def Transfer_RelationDivergenceOp : Transfer_Op<"relation_divergence", [
    Pure, HasParent<"StrategyOp">]> {
  let summary = "How far relations of tokens are from those of a target";
  let description = [{
    Compares how the tokens of a text relate to each other in two models, one value per
    text, as `graft.relation_divergence` does: `kl` softmaxed scores (MiniLM), `mse`
    scores (TinyBERT). First come `query` and `key` of what learns, which may be one
    value, then those of the target, whose width may be another. Of layers
    (`transfer.tap`) it compares the first with the first, the second with the second,
    and so on.

    `heads` is the number of parts that both widths are cut into. Without it, or if it
    is 0, they are the heads of the attention that reads the values: then each is a
    query, key or value that a `transfer.tap` reads, and both models have as many heads.

    - (C1) All of `query`, `key`, `target_query`, `target_key` and the result are
      layers, or none is.
    - (C2) `query` and `key` have one type, and so have the targets.
    - (C3) `heads` is an integer that is not negative and does not change.

    Example, the values of a student's last layer beside those of a teacher of another
    width, in as many heads:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @teacher {
      graft.parameter @words : tensor<100x8xf32>
      func.func @encode(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        graft.tap "value" %x layer 1 : tensor<?x8xf32, #graft.dims<T>>
        %y = graft.attention %x, %x, %x, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
        return %y : tensor<?x8xf32, #graft.dims<T>>
      }
    }
    graft.model @student {
      graft.parameter @words : tensor<100x4xf32>
      func.func @encode(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
        %w = graft.read @words : tensor<100x4xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
        graft.tap "value" %x layer 1 : tensor<?x4xf32, #graft.dims<T>>
        %y = graft.attention %x, %x, %x, %seq heads 2 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
        return %y : tensor<?x4xf32, #graft.dims<T>>
      }
    }
    transfer.strategy @relations {
      %ids, %segments = transfer.stream @train of ids, segments in @T, @S
      transfer.group @frozen of @teacher frozen
      transfer.group @all of @student
      %said = transfer.call deterministic @teacher::@encode(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
      %own = transfer.call @student::@encode(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
      %mine = transfer.tap "value" layer -1 of %own : tensor<?x4xf32, #graft.dims<T>> -> tensor<?x4xf32, #graft.dims<T>>
      %theirs = transfer.tap "value" layer -1 of %said : tensor<?x8xf32, #graft.dims<T>> -> tensor<?x8xf32, #graft.dims<T>>
      %apart = transfer.relation_divergence kl %mine, %mine, %theirs, %theirs over %segments : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
      %loss = transfer.mean %apart : tensor<?xf32, #graft.dims<S>>
      %rows = graft.segment_pool first %own, %segments : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
      transfer.predict %rows evaluate %loss : tensor<?x4xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Graft_DivergenceKindAttr:$kind,
    AnyTypeOf<[Graft_Matrix, Transfer_LayersType]>:$query,
    AnyTypeOf<[Graft_Matrix, Transfer_LayersType]>:$key,
    AnyTypeOf<[Graft_Matrix, Transfer_LayersType]>:$target_query,
    AnyTypeOf<[Graft_Matrix, Transfer_LayersType]>:$target_key,
    AnyTypeOf<[Transfer_TextType, Graft_SegmentsType]>:$text,
    OptionalAttr<Transfer_NumberAttr>:$heads);
  let results = (outs AnyTypeOf<[Graft_Vector, Transfer_LayersType]>:$divergence);
  let assemblyFormat = [{
    $kind $query `,` $key `,` $target_query `,` $target_key `over` $text
    (`heads` custom<Number>($heads)^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Transfer_CacheOp : Transfer_Op<"cache", [
    Pure, HasParent<"StrategyOp">, AllTypesMatch<["input", "output"]>]> {
  let summary = "Compute a value once per example, and reuse it";
  let description = [{
    The runtime computes `input` once for each example, with the entry
    `sym_name`, and feeds the rows back under the name `cached.<sym_name>`. The
    gradient stops here. Of layers (`transfer.tap`), which are matrices with one row
    per example, it keeps the rows side by side.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @teacher {
      graft.parameter @w : tensor<100x3xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @w : tensor<100x3xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    graft.model @student {
      graft.parameter @w : tensor<100x3xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @w : tensor<100x3xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
        %z = graft.segment_pool first %x, %seq : (tensor<?x3xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @distill {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @frozen of @teacher frozen
      transfer.group @all of @student
      %said = transfer.call deterministic @teacher::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %kept = transfer.cache @teacher_logits %said : tensor<?x3xf32, #graft.dims<S>>
      %logits = transfer.call @student::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %soft = transfer.loss kl_divergence %logits, %kept temperature 2.000000e+00 mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.combine 5.000000e-01 * %hard + 5.000000e-01 * %soft
      transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05 clip 1.000000e+00
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    AnyTypeOf<[Graft_Tensor, Transfer_LayersType]>:$input);
  let results = (outs AnyTypeOf<[Graft_Tensor, Transfer_LayersType]>:$output);
  let assemblyFormat = "$sym_name $input attr-dict `:` type($input)";
}

def Transfer_ScaleGradientOp : Transfer_Op<"scale_gradient", [
    Pure, HasParent<"StrategyOp">, AllTypesMatch<["input", "output"]>]> {
  let summary = "Multiply the gradient that flows back";
  let description = [{
    The result is `input`; its gradient is multiplied by `factor`. A negative factor
    reverses it: what is below learns to make the loss above worse (Ganin and
    Lempitsky 2015). A factor with `step`, `epoch` or `progress` is computed before
    each step of the optimiser.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32>
      graft.parameter @label : tensor<3x8xf32>
      func.func @pooled(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        return %z : tensor<?x8xf32, #graft.dims<S>>
      }
      func.func @classify(%x: tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @label : tensor<3x8xf32>
        %z = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    graft.model @domain {
      graft.parameter @w : tensor<1x8xf32>
      func.func @logits(%x: tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x1xf32, #graft.dims<S>> {
        %w = graft.read @w : tensor<1x8xf32>
        %z = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<1x8xf32>) -> tensor<?x1xf32, #graft.dims<S>>
        return %z : tensor<?x1xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @reversal {
      %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
      transfer.group @all of @model
      transfer.group @critic of @domain
      %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %ft = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %logits = transfer.call @model::@classify(%fs) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
      %rs = transfer.scale_gradient %fs by "-(2 / (1 + exp(-10 * progress)) - 1)" : tensor<?x8xf32, #graft.dims<S>>
      %rt = transfer.scale_gradient %ft by "-(2 / (1 + exp(-10 * progress)) - 1)" : tensor<?x8xf32, #graft.dims<S>>
      %ds = transfer.call @domain::@logits(%rs) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x1xf32, #graft.dims<S>>
      %dt = transfer.call @domain::@logits(%rt) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x1xf32, #graft.dims<S>>
      %zero = graft.constant 0.000000e+00 : tensor<?x1xf32, #graft.dims<S>>
      %one = graft.constant 1.000000e+00 : tensor<?x1xf32, #graft.dims<S>>
      %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #graft.dims<S>>, tensor<?x1xf32, #graft.dims<S>>
      %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #graft.dims<S>>, tensor<?x1xf32, #graft.dims<S>>
      %loss = transfer.combine 1.000000e+00 * %label + 5.000000e-01 * %source + 5.000000e-01 * %target
      transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all, @critic] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, Transfer_NumberAttr:$factor);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = "$input `by` custom<Number>($factor) attr-dict `:` type($output)";
  let hasVerifier = 1;
}

def Transfer_GradientOp : Transfer_Op<"gradient", [
    Pure, HasParent<"StrategyOp">, AllTypesMatch<["wrt", "gradient"]>]> {
  let summary = "Derivative of a value of each example";
  let description = [{
    The derivative of the sum of all elements of `values` with respect to `wrt`. Where
    each row of `values` is computed from the row of `wrt` of the same example, a row
    of the result is the derivative for that example. It is a value like others: a loss
    may use it, and is then differentiated twice. Ops between `wrt` and `values`
    need second derivatives where a loss does that, which all ops of a model have.

    - (C1) `values` depends on `wrt`, through no `graft.stop_gradient` and no cache.

    Example, a critic whose gradient shall have length 1 (Gulrajani et al. 2017):
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32>
      graft.parameter @label : tensor<3x8xf32>
      func.func @pooled(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        return %z : tensor<?x8xf32, #graft.dims<S>>
      }
      func.func @classify(%x: tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @label : tensor<3x8xf32>
        %z = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @smooth {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %logits = transfer.call @model::@classify(%f) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
      %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %slope = transfer.gradient %logits wrt %f : tensor<?x3xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<S>>
      %squares = graft.mul %slope, %slope : tensor<?x8xf32, #graft.dims<S>>
      %length = graft.reduce sum %squares over [1] : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
      %steep = transfer.mean %length : tensor<?xf32, #graft.dims<S>>
      %loss = transfer.combine 1.000000e+00 * %label + 1.000000e-01 * %steep
      transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$values, Graft_Tensor:$wrt);
  let results = (outs Graft_Tensor:$gradient);
  let assemblyFormat = "$values `wrt` $wrt attr-dict `:` type($values) `,` type($wrt)";
  let hasVerifier = 1;
}

def Transfer_InnerOp : Transfer_Op<"inner", [Pure, HasParent<"StrategyOp">]> {
  let summary = "Parameters after some steps of an inner loop";
  let description = [{
    Begins with the parameters of `groups` and takes `times` steps of gradient descent
    on `loss`, w - `rate` dloss/dw, in each of which the calls behind `loss` are
    computed again where the parameters have come. The parameters themselves stay as they are; a
    `transfer.call` may be `at` the result. With `from` another inner loop has led
    there: then steps go on where that one ended, and the calls behind `loss` are `at` it.

    A loss behind such a call depends on the parameters through all steps. Its gradient
    has derivatives of second order where `order` is 2 (MAML, Finn et al. 2017); where it is 1
    each step counts as a constant that is added to the parameters.

    All examples of a batch take part in each step, so that no batch is cut.

    - (C1) `rate` is not negative and may change; `times` is an integer from 1
      to 100, `order` 1 or 2.
    - (C2) Groups exist, once each, are neither frozen nor track a model, and `loss`
      depends on a parameter of each.
    - (C3) Calls behind `loss` that read these parameters are `at` `from`, or at nothing
      without `from`.

    Example, a model of which one step on texts of one domain shall help in another:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.size @U bound 4096
    graft.size @R bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32>
      graft.parameter @label : tensor<3x8xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %p = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        %v = graft.read @label : tensor<3x8xf32>
        %z = graft.linear %p, %v : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @meta {
      %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1, %labels_2 = transfer.stream @query of ids, segments, labels<3> in @U, @R
      transfer.group @all of @model
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %learnt = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %fast = transfer.inner minimise %learnt over [@all] rate 1.000000e-02 times 2 order 2
      %others = transfer.call @model::@logits(%ids_0, %segments_1) at %fast : (tensor<?xi32, #graft.dims<U>>, !graft.segments<U, R>) -> tensor<?x3xf32, #graft.dims<R>>
      %loss = transfer.loss cross_entropy %others, %labels_2 mean : tensor<?x3xf32, #graft.dims<R>>, tensor<?xi32, #graft.dims<R>>
      transfer.predict %logits softmax evaluate %learnt : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Graft_Scalar:$loss,
    Optional<Transfer_ParametersType>:$from, FlatSymbolRefArrayAttr:$groups,
    Transfer_NumberAttr:$rate, Transfer_NumberAttr:$times,
    Transfer_NumberAttr:$order);
  let results = (outs Transfer_ParametersType:$parameters);
  let extraClassDeclaration = [{
    // The loop that this one goes on from; null if there is none.
    InnerOp getPrevious() {
      return getFrom() ? getFrom().getDefiningOp<InnerOp>() : InnerOp();
    }
  }];
  let assemblyFormat = [{
    (`from` $from^)? `minimise` $loss `over` $groups `rate` custom<Number>($rate)
    `times` custom<Number>($times) `order` custom<Number>($order) attr-dict
  }];
  let hasVerifier = 1;
}

def Transfer_DistanceOp : Transfer_Op<"distance", [Pure, HasParent<"StrategyOp">]> {
  let summary = "How far an inner loop has led";
  let description = [{
    Half of the sum of squared differences between parameters where they are and where
    `transfer.inner` has led them, which counts as a constant. So its derivative by a
    parameter is the difference itself, and a step of gradient descent goes a part of
    the way (Reptile, Nichol et al. 2018).

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x3xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x3xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @reptile {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %fast = transfer.inner minimise %label over [@all] rate 1.000000e-02 times 5 order 1
      %far = transfer.distance %fast : tensor<f32>
      transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %far over [@all] with sgd rate constant 1.000000e-01
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Transfer_ParametersType:$parameters);
  let results = (outs Graft_Scalar:$distance);
  let assemblyFormat = "$parameters attr-dict `:` type($distance)";
}

def Transfer_NumberOp : Transfer_Op<"number", [Pure, HasParent<"StrategyOp">]> {
  let summary = "A number of the recipe as a tensor";
  let description = [{
    All elements are `number`, such as a declared parameter, for computing ops to use. A
    number with `step`, `epoch` or `progress` is computed before each turn of a phase.

    - (C1) The result is of f32.

    Example:
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
    transfer.strategy @hinge {
      transfer.parameter @enough = 1.000000e-01 in [0.000000e+00, 1.000000e+01] "loss below which an example is learnt"
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %ce = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
      %enough = transfer.number @enough : tensor<?xf32, #graft.dims<S>>
      %hard = graft.max %ce, %enough : tensor<?xf32, #graft.dims<S>>
      %loss = transfer.mean %hard : tensor<?xf32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Transfer_NumberAttr:$number);
  let results = (outs Graft_Tensor:$tensor);
  let assemblyFormat = "custom<Number>($number) attr-dict `:` type($tensor)";
  let hasVerifier = 1;
}

def Transfer_PredictOp : Transfer_Op<"predict", [HasParent<"StrategyOp">, AttrSizedOperandSegments]> {
  let summary = "A prediction of the adapted model";
  let description = [{
    The entry `predict` returns `prediction` as `logits` and, with `softmax`, also
    `probabilities`, of one label for each example. With `sigmoid` they are those of
    any number of labels, each by itself. The entry `evaluate` returns the logits and
    the loss of each example: the loss `evaluate` if given, else the loss of the phase. Of a `head`
    the entries are called `predict_<head>` and `evaluate_<head>`.

    Data without labels are evaluated by the loss that follows `or`, such as the entropy
    of the prediction, in an entry `evaluate_unlabelled` or `evaluate_<head>_unlabelled`.

    In a strategy that predicts alone, without phases, one entry `predict` returns
    all predictions: of a `head` as `logits.<head>` and `probabilities.<head>`.

    - (C1) The name of a head consists of letters, digits and `_`.
    - (C2) `or` follows `evaluate`.
    - (C3) A prediction has `softmax` or `sigmoid`, or neither; `sigmoid` is for at least
      2 columns. That of a stream with `multi_hot` has `sigmoid`, that of one with
      `labels` does not.

    A part of `transfer.cache`; see there for an example.
  }];
  let arguments = (ins OptionalAttr<SymbolNameAttr>:$head,
    Graft_Matrix:$prediction, UnitAttr:$softmax, UnitAttr:$sigmoid,
    Optional<Graft_Scalar>:$evaluate, Optional<Graft_Scalar>:$unlabelled);
  let assemblyFormat = [{
    ($head^)? $prediction (`softmax` $softmax^)? (`sigmoid` $sigmoid^)?
    (`evaluate` $evaluate^)? (`or` $unlabelled^)? attr-dict `:` type($prediction)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The names of the entries: "predict" or "predict_<head>".
    std::string getPredictEntry();
    std::string getEvaluateEntry();
    std::string getUnlabelledEntry();
  }];
}
