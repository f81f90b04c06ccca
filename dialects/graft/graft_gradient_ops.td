// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients that are single ops because they are faster than their decomposition.
// The incoming gradients are the first operands of each.

include "mlir/IR/BuiltinAttributes.td"
include "dialects/graft/graft_base.td"
include "dialects/graft/graft_enums.td"

def Graft_EmbeddingGradientOp : Graft_ComputeOp<"embedding_gradient", "keep", "t,th->Vh; linear 1", [
    FusionOpInterface, InferTypeOpAdaptor]> {
  let summary = "Gradient of an embedding table";
  let description = [{
    Row v of `output` is the sum of the rows t of `gradient` with `ids[t] = v`, in
    ascending t; the others are zero. `rows` is the table's height V.

    - (C1) `ids` and `gradient` have as many rows.

    Example:
    ```mlir
    func.func @example(%ids: tensor<?xi32, #graft.dims<T>>, %dy: tensor<?x8xf32, #graft.dims<T>>) -> tensor<10x8xf32> {
      %dw = graft.embedding_gradient %ids, %dy rows 10 : (tensor<?xi32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<10x8xf32>
      return %dw : tensor<10x8xf32>
    }
    ```
  }];
  let arguments = (ins Graft_IdTensor:$ids, Graft_Matrix:$gradient, ConfinedAttr<I64Attr, [IntPositive]>:$rows);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $ids `,` $gradient `rows` $rows attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool takesAddend() { return true; }
  }];
}

def Graft_LayerNormGradientOp : Graft_ComputeOp<"layer_norm_gradient", "keep", "tH,tH,H->tH,H,H; linear 0", [
    AllTypesMatch<["gradient", "input"]>, InferTypeOpAdaptor]> {
  let summary = "Gradients of layer normalisation";
  let description = [{
    With `n = (input - mean) / sqrt(variance + epsilon)` and `g = gradient * scale`:
    `input_gradient = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon)`,
    `scale_gradient = sum over rows of gradient * n`, `shift_gradient = sum over
    rows of gradient`. Row statistics are computed again from `input`.

    - (C1) `scale` has the row's width.
    - (C2) `epsilon` is positive.

    Example:
    ```mlir
    func.func @example(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>, %g: tensor<4xf32>) -> tensor<4xf32> {
      %dx, %dg, %db = graft.layer_norm_gradient %dy, %x, %g epsilon 9.99999996E-13 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>)
      return %dg : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$gradient, Graft_Matrix:$input, Graft_Vector:$scale, F32Attr:$epsilon);
  let results = (outs Graft_Matrix:$input_gradient, Graft_Vector:$scale_gradient, Graft_Vector:$shift_gradient);
  let assemblyFormat = [{
    $gradient `,` $input `,` $scale `epsilon` $epsilon attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_AttentionGradientOp : Graft_ComputeOp<"attention_gradient", "low",
    "t(hD),t(hD),t(hD),t(hD),ts->t(hD),t(hD),t(hD); h = heads; segmented t s; linear 0; random head h", [
    AllTypesMatch<["gradient", "query", "key", "value"]>, InferTypeOpAdaptor]> {
  let summary = "Gradients of multi-head attention";
  let description = [{
    Gradients with respect to `query`, `key` and `value` of `graft.attention` with
    the same attributes; probabilities and dropout masks are computed again. The
    gradients are sums over blocks of tokens, and f32.

    - (C1) H is static and a multiple of `heads`.
    - (C2) Operands have the segments' token dimension.
    - (C3) `random_id` is given when `dropout` is above zero.

    Example:
    ```mlir
    func.func @example(%q: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %dq, %dk, %dv = graft.attention_gradient %q, %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
      return %dq : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$gradient, Graft_Matrix:$query, Graft_Matrix:$key, Graft_Matrix:$value, Graft_SegmentsType:$segments, ConfinedAttr<I64Attr, [IntPositive]>:$heads, OptionalAttr<F32Attr>:$scale, DefaultValuedAttr<Graft_RateAttr, "0.0f">:$dropout, OptionalAttr<I64Attr>:$random_id, DefaultValuedAttr<I64Attr, "0">:$draw);
  let results = (outs Graft_Matrix:$query_gradient, Graft_Matrix:$key_gradient, Graft_Matrix:$value_gradient);
  let assemblyFormat = [{
    $gradient `,` $query `,` $key `,` $value `,` $segments `heads` $heads
    (`scale` $scale^)? (`dropout` $dropout^)? (`id` $random_id^)? (`draw` $draw^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_AttentionSecondGradientOp : Graft_ComputeOp<"attention_second_gradient", "low",
    "t(hD),t(hD),t(hD),t(hD),t(hD),t(hD),t(hD),ts->t(hD),t(hD),t(hD),t(hD); h = heads; segmented t s; linear 0+1+2; random head h", [
    AllTypesMatch<["incoming_query", "incoming_key", "incoming_value", "gradient", "query", "key", "value"]>, InferTypeOpAdaptor]> {
  let summary = "Gradients of the gradients of multi-head attention";
  let description = [{
    Gradients with respect to `gradient`, `query`, `key` and `value` of
    `graft.attention_gradient` with the same attributes, from the incoming gradients of
    its three results. Probabilities and dropout masks are computed again. For each
    sequence and head, with `p` the probabilities, `d` the mask with its factor, `a = d
    p`, `s` = `scale`, `x = d (gradient value^T)`, `r` the row sums of `p x`, `ds = p (x
    - r)`, and the incoming gradients `i`, `j` and `l`:

    ```text
    w = s (i key^T + query j^T)   e = p (w - rowsum(p w))
    b = w (x - r) - rowsum(p w) x + d (gradient l^T)   c = p (b - rowsum(p b))
    gradient_gradient = (d e) value + a l     query_gradient = s (c key + ds j)
    key_gradient = s (c^T query + ds^T i)     value_gradient = (d e)^T gradient
    ```

    All are f32. The op itself has no gradient: a third derivative of attention is an
    error.

    - (C1) H is static and a multiple of `heads`.
    - (C2) Operands have the segments' token dimension.
    - (C3) `random_id` is given when `dropout` is above zero.

    Example:
    ```mlir
    func.func @example(%i: tensor<?x8xf32, #graft.dims<T>>, %q: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %dg, %dq, %dk, %dv = graft.attention_second_gradient %i, %i, %i, %q, %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
      return %dq : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$incoming_query, Graft_Matrix:$incoming_key, Graft_Matrix:$incoming_value, Graft_Matrix:$gradient, Graft_Matrix:$query, Graft_Matrix:$key, Graft_Matrix:$value, Graft_SegmentsType:$segments, ConfinedAttr<I64Attr, [IntPositive]>:$heads, OptionalAttr<F32Attr>:$scale, DefaultValuedAttr<Graft_RateAttr, "0.0f">:$dropout, OptionalAttr<I64Attr>:$random_id, DefaultValuedAttr<I64Attr, "0">:$draw);
  let results = (outs Graft_Matrix:$gradient_gradient, Graft_Matrix:$query_gradient, Graft_Matrix:$key_gradient, Graft_Matrix:$value_gradient);
  let assemblyFormat = [{
    $incoming_query `,` $incoming_key `,` $incoming_value `,` $gradient `,` $query `,` $key
    `,` $value `,` $segments `heads` $heads
    (`scale` $scale^)? (`dropout` $dropout^)? (`id` $random_id^)? (`draw` $draw^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_SoftmaxGradientOp : Graft_ComputeOp<"softmax_gradient", "keep", "...K,...K->...K; linear 0", [
    SameOperandsAndResultType]> {
  let summary = "Gradient of softmax from its output";
  let description = [{
    Of each row, with `y` = `output` of the softmax: `y * (gradient - sum(gradient
    * y))`; with `log`, where `y` is the log-softmax: `gradient - exp(y)
    sum(gradient)`.

    - (C1) Tensors have at least one dimension.

    Example:
    ```mlir
    func.func @example(%dy: tensor<3x4xf32>, %y: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %dx = graft.softmax_gradient %dy, %y : tensor<3x4xf32>
      return %dx : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$gradient, Graft_Tensor:$output, UnitAttr:$log);
  let results = (outs Graft_Tensor:$input_gradient);
  let assemblyFormat = [{
    $gradient `,` $output (`log` $log^)? attr-dict `:` type($gradient)
  }];
  let hasVerifier = 1;
}

def Graft_GeluGradientOp : Graft_ComputeOp<"gelu_gradient", "follow", "*,*->*; linear 0", [
    SameOperandsAndResultType]> {
  let summary = "Gradient of GELU";
  let description = [{
    `gradient * (Phi(x) + x phi(x))` for `erf`, and the derivative of the tanh form
    for `tanh`.

    Example:
    ```mlir
    func.func @example(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %dx = graft.gelu_gradient erf %dy, %x : tensor<3x4xf32>
      return %dx : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$gradient, Graft_Tensor:$input, Graft_GeluFormAttr:$form);
  let results = (outs Graft_Tensor:$input_gradient);
  let assemblyFormat = [{
    $form $gradient `,` $input attr-dict `:` type($input)
  }];
}

def Graft_SegmentPoolGradientOp : Graft_ComputeOp<"segment_pool_gradient", "follow", "sh,th,ts->th; segmented t s; linear 0", [
    InferTypeOpAdaptor]> {
  let summary = "Gradient of pooling";
  let description = [{
    Gradient with respect to `input` of `graft.segment_pool`: the row of the
    sequence goes to its first token, in equal shares to all, or (each feature) to
    the first token with the maximum.

    - (C1) `input` has the segments' tokens as rows, `gradient` its sequences.
    - (C2) `gradient` and `input` have the same width.

    Example:
    ```mlir
    func.func @example(%dy: tensor<?x8xf32, #graft.dims<S>>, %x: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %dx = graft.segment_pool_gradient mean %dy, %x, %seq : (tensor<?x8xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
      return %dx : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$gradient, Graft_Matrix:$input, Graft_SegmentsType:$segments, Graft_PoolKindAttr:$kind);
  let results = (outs Graft_Matrix:$input_gradient);
  let assemblyFormat = [{
    $kind $gradient `,` $input `,` $segments attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_CrossEntropyGradientOp : Graft_ComputeOp<"cross_entropy_gradient", "keep", "s,sK,s->sK; linear 0", [
    InferTypeOpAdaptor]> {
  let summary = "Gradient of the cross-entropy";
  let description = [{
    Gradient with respect to the logits of `graft.cross_entropy` with the same
    attributes; `gradient` has one value per row.

    - (C1) `gradient`, `logits` and `labels` have as many rows.

    Example:
    ```mlir
    func.func @example(%dl: tensor<3xf32>, %z: tensor<3x4xf32>, %y: tensor<3xi32>) -> tensor<3x4xf32> {
      %dz = graft.cross_entropy_gradient %dl, %z, %y : (tensor<3xf32>, tensor<3x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
      return %dz : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Vector:$gradient, Graft_Matrix:$logits, Graft_IdTensor:$labels, OptionalAttr<I64Attr>:$ignore_index, DefaultValuedAttr<Graft_RateAttr, "0.0f">:$label_smoothing);
  let results = (outs Graft_Matrix:$logits_gradient);
  let assemblyFormat = [{
    $gradient `,` $logits `,` $labels (`ignore` $ignore_index^)? (`smoothing` $label_smoothing^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
