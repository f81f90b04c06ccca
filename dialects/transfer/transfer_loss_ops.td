// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Losses of a strategy, and their sums.

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/graft/graft_base.td"
include "dialects/graft/graft_enums.td"
include "dialects/transfer/transfer_dialect.td"

def Transfer_LossOp : Transfer_Op<"loss", [Pure, HasParent<"StrategyOp">]> {
  let summary = "Loss of predictions against targets";
  let description = [{
    Computes a loss per example: `cross_entropy` of logits with class labels
    (`smoothing`, `ignore` as in `graft.cross_entropy`), `mse` of predictions with
    real numbers, or `kl_divergence` of logits from a teacher's, both softened by
    `temperature` and scaled by its square (as in `graft.kl_divergence`),
    `binary_cross_entropy` of logits with probabilities, or `contrastive`: row i of
    `target` is the positive of row i of `prediction`, and all other rows of the
    batch are negatives, `-log softmax_j(cos(prediction_i, target_j) /
    temperature)[i]` (van den Oord et al. 2018). A contrastive loss relates the
    examples of a batch, which is then never cut into parts.

    `mean` reduces them to `sum(weight * loss) / total`, where `total` is the sum of
    weights (without `weight`, the number) of the examples of the whole optimiser
    batch, so that the losses of micro-batches add up to that of the batch; `sum`
    does not divide. With `ignore`, only examples with another label count, so a
    batch may contain unlabelled examples. A total of 0 divides by 1.

    - (C1) `prediction` and `target` fit the kind: [S, K] and labels [S], else
      both the same.
    - (C2) `smoothing` and `ignore` are for `cross_entropy`, `temperature` for
      `kl_divergence` and `contrastive`.
    - (C3) `weight` has one value per row of `prediction`.

    A part of `transfer.cache`; see there for an example.
  }];
  let arguments = (ins Transfer_LossKindAttr:$kind, Graft_Matrix:$prediction,
    Graft_AnyTensor:$target, Optional<Graft_Vector>:$weight,
    OptionalAttr<Transfer_NumberAttr>:$temperature,
    OptionalAttr<Transfer_NumberAttr>:$smoothing,
    OptionalAttr<I64Attr>:$ignore, Transfer_ReductionAttr:$reduction);
  let results = (outs Graft_Scalar:$loss);
  let assemblyFormat = [{
    $kind $prediction `,` $target (`weight` $weight^)?
    (`temperature` custom<Number>($temperature)^)?
    (`smoothing` custom<Number>($smoothing)^)?
    (`ignore` $ignore^)? $reduction attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

def Transfer_MeanOp : Transfer_Op<"mean", [Pure, HasParent<"StrategyOp">]> {
  let summary = "Mean of a value that each example has";
  let description = [{
    A loss of one's own: `sum(weight * values) / total`, where `total` is the sum of
    weights (without `weight`, the number) of the examples of the whole optimiser
    batch, as in `transfer.loss`. `values` has one element per example of a stream.

    - (C1) `weight` has one value per element of `values`.

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
    transfer.strategy @squared {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %ce = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
      %hard = graft.mul %ce, %ce : tensor<?xf32, #graft.dims<S>>
      %loss = transfer.mean %hard : tensor<?xf32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Graft_Vector:$values, Optional<Graft_Vector>:$weight);
  let results = (outs Graft_Scalar:$loss);
  let assemblyFormat = "$values (`weight` $weight^)? attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Transfer_TotalOp : Transfer_Op<"total", [Pure, HasParent<"StrategyOp">]> {
  let summary = "Sum of a value that each example has";
  let description = [{
    `sum(weight * values)` over the examples of the optimiser batch, which is not divided
    by their number; without `weight` each counts once. `values` has one element per
    example of a stream. Where the value is `-sum(w x)` for a parameter w that begins
    with zeros, a phase that minimises the total with `sgd` at a constant rate of 1.0 for
    one epoch makes w the sum of x over all examples: so parameters hold statistics of
    the data.

    - (C1) `weight` has one value per element of `values`.

    Example, the number of examples of each class:
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
    graft.model @classes {
      graft.parameter @count : tensor<3xf32> initial "zeros"
      func.func @add(%y: tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>> {
        %n = graft.read @count : tensor<3xf32>
        %each = graft.broadcast %n along [0] : (tensor<3xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        %r = graft.one_hot %y : (tensor<?xi32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
        %own = graft.mul %each, %r : tensor<?x3xf32, #graft.dims<S>>
        %sum = graft.reduce sum %own over [1] : (tensor<?x3xf32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
        %less = graft.scale %sum by -1.000000e+00 : tensor<?xf32, #graft.dims<S>>
        return %less : tensor<?xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @counted {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model
      transfer.group @counts of @classes
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %added = transfer.call @classes::@add(%labels) : (tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
      %total = transfer.total %added : tensor<?xf32, #graft.dims<S>>
      transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @count minimise %total over [@counts] with sgd rate constant 1.000000e+00
      transfer.phase @step minimise %hard over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 1 of [@count]
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Graft_Vector:$values, Optional<Graft_Vector>:$weight);
  let results = (outs Graft_Scalar:$loss);
  let assemblyFormat = "$values (`weight` $weight^)? attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Transfer_PenaltyOp : Transfer_Op<"penalty", [Pure, HasParent<"StrategyOp">]> {
  let summary = "Distance between the rows of two batches";
  let description = [{
    | kind | value |
    |---|---|
    | `mmd` | squared maximum mean discrepancy, `mean k(a, a') + mean k(b, b') - 2 mean k(a, b)` over all pairs, with the sum of five Gaussian kernels `exp(-d^2 / (w m))`, w in 1/4, 1/2, 1, 2, 4, of the squared distance d^2; m is the mean of d^2 over all pairs of different rows of both batches, through which no gradient flows (Long et al. 2015) |
    | `coral` | `1 / (4 h^2)` times the squared Frobenius norm of the difference of the covariances (divided by n - 1) of the h columns (Sun and Saenko 2016) |

    Both are zero for equal batches. A penalty relates all examples of both
    batches, which are then never cut into parts. Both are computed in f32.

    - (C1) Both operands have rows of one width, counted by sizes of different
      names.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.size @U bound 4096
    graft.size @R bound 512
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
    transfer.strategy @adapt {
      %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1 = transfer.stream @target of ids, segments in @U, @R
      transfer.group @all of @model
      %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %ft = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #graft.dims<U>>, !graft.segments<U, R>) -> tensor<?x8xf32, #graft.dims<R>>
      %logits = transfer.call @model::@classify(%fs) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
      %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %apart = transfer.penalty mmd %fs, %ft : tensor<?x8xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<R>>
      %loss = transfer.combine 1.000000e+00 * %label + 5.000000e-01 * %apart
      transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Transfer_PenaltyKindAttr:$kind, Graft_Matrix:$first,
    Graft_Matrix:$second);
  let results = (outs Graft_Scalar:$penalty);
  let assemblyFormat = "$kind $first `,` $second attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Transfer_CombineOp : Transfer_Op<"combine", [
    Pure, HasParent<"StrategyOp">]> {
  let summary = "Weighted sum of losses";
  let description = [{
    `factor * loss + factor * loss + ...`. A factor with `step`, `epoch` or
    `progress` is computed before each step of the optimiser.

    - (C1) There is a factor for each loss, and at least one.

    A part of `transfer.cache`; see there for an example.
  }];
  let arguments = (ins TypedArrayAttrBase<Transfer_NumberAttr,
      "numbers">:$factors,
    Variadic<Graft_Scalar>:$losses);
  let results = (outs Graft_Scalar:$loss);
  let assemblyFormat = "custom<Terms>($factors, $losses) attr-dict";
  let hasVerifier = 1;
}
