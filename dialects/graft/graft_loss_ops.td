// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Losses: one value per row; weights and reductions are separate ops.

include "mlir/IR/BuiltinAttributes.td"
include "dialects/graft/graft_base.td"

def Graft_CrossEntropyOp : Graft_ComputeOp<"cross_entropy", "keep", "sK,s->s", [
    InferTypeOpAdaptor]> {
  let summary = "Cross-entropy of logits with class labels, one value per row";
  let description = [{
    `-sum_k q_k log softmax(logits)_k` with `q` the one-hot label, or, smoothed by
    e, `(1 - e) onehot + e / K` (Szegedy et al. 2016). A row whose label is
    `ignore_index` gives zero. Shapes: `logits` [S, K], `labels` [S], `loss` [S].

    - (C1) `logits` and `labels` have as many rows.

    Example:
    ```mlir
    func.func @example(%z: tensor<3x4xf32>, %y: tensor<3xi32>) -> tensor<3xf32> {
      %l = graft.cross_entropy %z, %y ignore -100 : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
      return %l : tensor<3xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$logits, Graft_IdTensor:$labels, OptionalAttr<I64Attr>:$ignore_index, DefaultValuedAttr<Graft_RateAttr, "0.0f">:$label_smoothing);
  let results = (outs Graft_Vector:$loss);
  let assemblyFormat = [{
    $logits `,` $labels (`ignore` $ignore_index^)? (`smoothing` $label_smoothing^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_MseOp : Graft_ComputeOp<"mse", "keep", "sK,sK->s", [
    AllTypesMatch<["prediction", "target"]>, InferTypeOpAdaptor]> {
  let summary = "Mean squared error of each row";
  let description = [{
    `mean_k (prediction_k - target_k)^2`.

    Example:
    ```mlir
    func.func @example(%p: tensor<3x4xf32>, %t: tensor<3x4xf32>) -> tensor<3xf32> {
      %l = graft.mse %p, %t : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
      return %l : tensor<3xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$prediction, Graft_Matrix:$target);
  let results = (outs Graft_Vector:$loss);
  let assemblyFormat = [{
    $prediction `,` $target attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_BinaryCrossEntropyOp : Graft_ComputeOp<"binary_cross_entropy", "keep", "sK,sK->s", [
    AllTypesMatch<["logits", "target"]>, InferTypeOpAdaptor]> {
  let summary = "Binary cross-entropy of logits with targets, mean of each row";
  let description = [{
    `mean_k max(z, 0) - z t + log(1 + exp(-|z|))` for logits z and targets t in
    [0, 1].

    Example:
    ```mlir
    func.func @example(%z: tensor<3x4xf32>, %t: tensor<3x4xf32>) -> tensor<3xf32> {
      %l = graft.binary_cross_entropy %z, %t : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
      return %l : tensor<3xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$logits, Graft_Matrix:$target);
  let results = (outs Graft_Vector:$loss);
  let assemblyFormat = [{
    $logits `,` $target attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_KlDivergenceOp : Graft_ComputeOp<"kl_divergence", "keep", "sK,sK->s", [
    AllTypesMatch<["logits", "target"]>, InferTypeOpAdaptor]> {
  let summary = "Kullback-Leibler divergence of softened logits, one value per row";
  let description = [{
    `temperature^2 sum_k p_k (log p_k - log q_k)` with `p = softmax(target /
    temperature)` and `q = softmax(logits / temperature)` (Hinton et al. 2015).

    - (C1) `temperature` is positive.

    Example:
    ```mlir
    func.func @example(%z: tensor<3x4xf32>, %t: tensor<3x4xf32>) -> tensor<3xf32> {
      %l = graft.kl_divergence %z, %t temperature 2.000000e+00 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
      return %l : tensor<3xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$logits, Graft_Matrix:$target, DefaultValuedAttr<F32Attr, "1.0f">:$temperature);
  let results = (outs Graft_Vector:$loss);
  let assemblyFormat = [{
    $logits `,` $target (`temperature` $temperature^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
