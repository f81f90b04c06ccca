// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Losses on relations between the tokens of a sequence, and their gradients: one value
// per sequence; weights and reductions are separate ops.

include "mlir/IR/BuiltinAttributes.td"
include "dialects/graft/graft_base.td"
include "dialects/graft/graft_enums.td"

def Graft_RelationDivergenceOp : Graft_ComputeOp<"relation_divergence", "keep",
    "tA,tA,tB,tB,ts->s; segmented t s", [
    InferTypeOpAdaptor]> {
  let summary = "How far relations of tokens are from those of a target, one value per sequence";
  let description = [{
    Compares two maps of scores, for instance the attention of two models. For each
    sequence, of L tokens, and head h, `a = query_h key_h^T / sqrt(A / heads)` are the
    scores of each token with each other and `b = target_query_h target_key_h^T /
    sqrt(B / heads)` those of the target, both [L, L]. The loss of a sequence is

    - `kl`: the mean over heads and tokens i of the divergence
      `sum_j p_ij (log p_ij - log q_ij)` with `p = softmax(b)` and `q = softmax(a)`,
      rows apart (MiniLM, Wang et al. 2020);
    - `mse`: the mean over heads and pairs of tokens of `(a - b)^2`, before any softmax
      (TinyBERT, Jiao et al. 2020).

    Head h consists of the columns [h * A / heads, (h + 1) * A / heads) of `query` and
    `key`, and likewise of the targets, which may have another width. `heads` need not be
    that of a model: relation heads (MiniLMv2, Wang et al. 2021) cut its columns anew.
    `query` and `key` may be one value, for relations such as `value value^T`. Scores and
    sums are f32, and so is `loss`.

    The target is constant. Differentiating with respect to `target_query` or
    `target_key` is an error: put `graft.stop_gradient` before them if they depend on
    what is trained. Shapes: `query` and `key` [T, A], `target_query` and `target_key`
    [T, B], `loss` [S].

    - (C1) `query` and `key` have one shape, and so have the targets.
    - (C2) All four have the segments' token dimension.
    - (C3) A and B are multiples of `heads`, where they are static.

    Example:
    ```mlir
    func.func @example(%q: tensor<?x8xf32, #graft.dims<T>>, %k: tensor<?x8xf32, #graft.dims<T>>, %r: tensor<?x12xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>> {
      %l = graft.relation_divergence kl %q, %k, %r, %r, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
      return %l : tensor<?xf32, #graft.dims<S>>
    }
    ```
  }];
  let arguments = (ins Graft_DivergenceKindAttr:$kind, Graft_Matrix:$query, Graft_Matrix:$key, Graft_Matrix:$target_query, Graft_Matrix:$target_key, Graft_SegmentsType:$segments, ConfinedAttr<I64Attr, [IntPositive]>:$heads);
  let results = (outs Graft_Vector:$loss);
  let assemblyFormat = [{
    $kind $query `,` $key `,` $target_query `,` $target_key `,` $segments `heads` $heads
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Projections are read as they are; only differences of scores need f32.
    ::graft::PrecisionClass getOperandPrecision(unsigned) {
      return ::graft::PrecisionClass::follow;
    }
  }];
}

def Graft_RelationDivergenceGradientOp : Graft_ComputeOp<"relation_divergence_gradient", "keep",
    "s,tA,tA,tB,tB,ts->tA,tA; segmented s t; linear 0", [
    InferTypeOpAdaptor]> {
  let summary = "Gradients of the divergence of relations";
  let description = [{
    Gradients with respect to `query` and `key` of `graft.relation_divergence` with the
    same attributes; the targets have none. Scores are computed again. With `gradient`
    g of a sequence of L tokens, in each head of width D the scores get `da = g / (heads
    L) (q - p)` (`kl`) or `da = 2 g / (heads L^2) (a - b)` (`mse`), and `query_gradient
    = da key / sqrt(D)`, `key_gradient = da^T query / sqrt(D)`. Both are f32.

    - (C1) `query` and `key` have one shape, and so have the targets.
    - (C2) All four have the segments' token dimension, and `gradient` its sequences.
    - (C3) The widths are multiples of `heads`, where they are static.

    Example:
    ```mlir
    func.func @example(%dl: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #graft.dims<T>>, %r: tensor<?x12xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %dq, %dk = graft.relation_divergence_gradient mse %dl, %q, %q, %r, %r, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
      return %dq : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_DivergenceKindAttr:$kind, Graft_Vector:$gradient, Graft_Matrix:$query, Graft_Matrix:$key, Graft_Matrix:$target_query, Graft_Matrix:$target_key, Graft_SegmentsType:$segments, ConfinedAttr<I64Attr, [IntPositive]>:$heads);
  let results = (outs Graft_Matrix:$query_gradient, Graft_Matrix:$key_gradient);
  let assemblyFormat = [{
    $kind $gradient `,` $query `,` $key `,` $target_query `,` $target_key `,` $segments
    `heads` $heads attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // As graft.relation_divergence; its own gradient is f32.
    ::graft::PrecisionClass getOperandPrecision(unsigned operand) {
      return operand == 0 ? ::graft::PrecisionClass::keep
                          : ::graft::PrecisionClass::follow;
    }
  }];
}

def Graft_RelationDivergenceSecondGradientOp : Graft_ComputeOp<"relation_divergence_second_gradient", "keep",
    "tA,tA,s,tA,tA,tB,tB,ts->s,tA,tA; segmented s t; linear 0+1", [
    InferTypeOpAdaptor]> {
  let summary = "Gradients of the gradients of the divergence of relations";
  let description = [{
    Gradients with respect to `gradient`, `query` and `key` of
    `graft.relation_divergence_gradient` with the same attributes, from the incoming
    gradients i and j of its two results; the targets have none. Scores are computed
    again. For a sequence of L tokens and a head of width D, with `n` = heads L (`kl`) or
    heads L^2 (`mse`) and `da` the gradient of the scores:

    ```text
    w = (i key^T + query j^T) / sqrt(D)
    gradient_gradient = sum over heads and pairs of w (q - p) / n   (kl)
                        sum over heads and pairs of 2 w (a - b) / n   (mse)
    c = gradient / n q (w - rowsum(q w))   (kl), 2 gradient / n w   (mse)
    query_gradient = (c key + da j) / sqrt(D)
    key_gradient = (c^T query + da^T i) / sqrt(D)
    ```

    All are f32. The op itself has no gradient: a third derivative is an error.

    - (C1) `query` and `key` have one shape, which is that of the incoming gradients, and
      the targets have one shape.
    - (C2) All of them have the segments' token dimension, and `gradient` its sequences.
    - (C3) The widths are multiples of `heads`, where they are static.

    Example:
    ```mlir
    func.func @example(%i: tensor<?x8xf32, #graft.dims<T>>, %dl: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #graft.dims<T>>, %r: tensor<?x12xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %dg, %dq, %dk = graft.relation_divergence_second_gradient kl %i, %i, %dl, %q, %q, %r, %r, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
      return %dq : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_DivergenceKindAttr:$kind, Graft_Matrix:$incoming_query, Graft_Matrix:$incoming_key, Graft_Vector:$gradient, Graft_Matrix:$query, Graft_Matrix:$key, Graft_Matrix:$target_query, Graft_Matrix:$target_key, Graft_SegmentsType:$segments, ConfinedAttr<I64Attr, [IntPositive]>:$heads);
  let results = (outs Graft_Vector:$gradient_gradient, Graft_Matrix:$query_gradient, Graft_Matrix:$key_gradient);
  let assemblyFormat = [{
    $kind $incoming_query `,` $incoming_key `,` $gradient `,` $query `,` $key `,`
    $target_query `,` $target_key `,` $segments `heads` $heads
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // As graft.relation_divergence_gradient, whose results are f32.
    ::graft::PrecisionClass getOperandPrecision(unsigned operand) {
      return operand <= 2 ? ::graft::PrecisionClass::keep
                          : ::graft::PrecisionClass::follow;
    }
  }];
}
