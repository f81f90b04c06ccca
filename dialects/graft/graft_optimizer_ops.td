// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The end of a phase: gradient norm, clipping and parameter updates.

include "mlir/IR/BuiltinAttributes.td"
include "dialects/graft/graft_base.td"

def Graft_GlobalNormOp : Graft_ComputeOp<"global_norm", "keep", ""> {
  let summary = "Euclidean norm of all gradients together";
  let description = [{
    `sqrt(sum of the squares of all elements of all operands)`.

    Example:
    ```mlir
    func.func @example(%g: tensor<3x4xf32>, %h: tensor<4xf32>) -> tensor<f32> {
      %n = graft.global_norm %g, %h : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<f32>
      return %n : tensor<f32>
    }
    ```
  }];
  let arguments = (ins Variadic<Graft_Tensor>:$gradients);
  let results = (outs Graft_Scalar:$norm);
  let assemblyFormat = [{
    $gradients attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_ClipFactorOp : Graft_ComputeOp<"clip_factor", "keep", "-->-"> {
  let summary = "Factor that clips gradients to a norm";
  let description = [{
    `min(1, limit / (norm + 1e-6))`, as in the field's trainers.

    Example:
    ```mlir
    func.func @example(%n: tensor<f32>) -> tensor<f32> {
      %c = graft.clip_factor %n limit 1.000000e+00 : (tensor<f32>) -> tensor<f32>
      return %c : tensor<f32>
    }
    ```
  }];
  let arguments = (ins Graft_Scalar:$norm, F32Attr:$limit);
  let results = (outs Graft_Scalar:$factor);
  let assemblyFormat = [{
    $norm `limit` $limit attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_SgdOp : Graft_ComputeOp<"sgd", "keep", "*,*,-,-->*", [
    OptimizerOpInterface,
    AllTypesMatch<["parameter", "gradient", "new_parameter"]>]> {
  let summary = "Step of one parameter against its gradient";
  let description = [{
    With g = `gradient` * `factor` (clipping; absent: 1) + decay w:
    `w - rate * rate_multiplier * g`, as PyTorch computes it.

    - (C1) `decay` and `rate_multiplier` are not negative.

    Example:
    ```mlir
    func.func @example(%w: tensor<4xf32>, %g: tensor<4xf32>, %lr: tensor<f32>) -> tensor<4xf32> {
      %w1 = graft.sgd %w, %g rate %lr decay 0.00999999977 : tensor<4xf32>
      return %w1 : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$parameter, Graft_Tensor:$gradient, Graft_Scalar:$rate, Optional<Graft_Scalar>:$factor, F32Attr:$decay, DefaultValuedAttr<F32Attr, "1.0f">:$rate_multiplier);
  let results = (outs Graft_Tensor:$new_parameter);
  let assemblyFormat = [{
    $parameter `,` $gradient `rate` $rate (`factor` $factor^)? `decay` $decay
    (`multiplier` $rate_multiplier^)? attr-dict `:` type($parameter)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getStep() { return {}; }
  }];
}

def Graft_MomentumOp : Graft_ComputeOp<"momentum", "keep", "*,*,*,-,-->*,*", [
    OptimizerOpInterface,
    AllTypesMatch<["parameter", "gradient", "velocity", "new_parameter", "new_velocity"]>]> {
  let summary = "Stochastic gradient descent with momentum";
  let description = [{
    With g = `gradient` * `factor` (clipping; absent: 1) + decay w, as PyTorch
    computes it: `v1 = momentum v + g`; `w1 = w - rate * rate_multiplier * v1`, or
    with `nesterov` (Nesterov's form) `w - rate * rate_multiplier * (g + momentum
    v1)`. Results: `w1`, `v1`.

    - (C1) `momentum` is in [0, 1).
    - (C2) `decay` and `rate_multiplier` are not negative.

    Example:
    ```mlir
    func.func @example(%w: tensor<4xf32>, %g: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f32>) -> tensor<4xf32> {
      %w1, %v1 = graft.momentum %w, %g, %v rate %lr momentum 9.000000e-01 nesterov decay 0.000000e+00 : tensor<4xf32>
      return %w1 : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$parameter, Graft_Tensor:$gradient, Graft_Tensor:$velocity, Graft_Scalar:$rate, Optional<Graft_Scalar>:$factor, F32Attr:$momentum, UnitAttr:$nesterov, F32Attr:$decay, DefaultValuedAttr<F32Attr, "1.0f">:$rate_multiplier);
  let results = (outs Graft_Tensor:$new_parameter, Graft_Tensor:$new_velocity);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $velocity `rate` $rate (`factor` $factor^)?
    `momentum` $momentum (`nesterov` $nesterov^)? `decay` $decay
    (`multiplier` $rate_multiplier^)? attr-dict `:` type($parameter)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getStep() { return {}; }
  }];
}

def Graft_AdamWOp : Graft_ComputeOp<"adamw", "keep", "*,*,*,*,-,-,-->*,*,*", [
    OptimizerOpInterface,
    AllTypesMatch<["parameter", "gradient", "first_moment", "second_moment", "new_parameter", "new_first_moment", "new_second_moment"]>]> {
  let summary = "AdamW or Adam update of one parameter";
  let description = [{
    Decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2) as PyTorch
    computes it, with g = `gradient` * `factor` (clipping; absent: 1), t = `step`
    (from 1) and lr = `rate` * `rate_multiplier`:
    `w1 = w (1 - lr decay)`; `m = beta1 m + (1 - beta1) g`;
    `v = beta2 v + (1 - beta2) g^2`;
    `w2 = w1 - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)`.
    Results: `w2`, `m`, `v`. With `coupled` it is Adam with an L2 penalty (Kingma and
    Ba 2015): decay w is added to g, and `w1 = w`.

    - (C1) `beta1` and `beta2` are in [0, 1), `epsilon` is positive.
    - (C2) `decay` and `rate_multiplier` are not negative.

    Example:
    ```mlir
    func.func @example(%w: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) -> tensor<4xf32> {
      %w1, %m1, %v1 = graft.adamw %w, %g, %m, %v rate %lr step %t beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<4xf32>
      return %w1 : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$parameter, Graft_Tensor:$gradient, Graft_Tensor:$first_moment, Graft_Tensor:$second_moment, Graft_Scalar:$rate, Graft_IntScalar:$step, Optional<Graft_Scalar>:$factor, F32Attr:$beta1, F32Attr:$beta2, F32Attr:$epsilon, UnitAttr:$coupled, F32Attr:$decay, DefaultValuedAttr<F32Attr, "1.0f">:$rate_multiplier);
  let results = (outs Graft_Tensor:$new_parameter, Graft_Tensor:$new_first_moment, Graft_Tensor:$new_second_moment);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $first_moment `,` $second_moment `rate` $rate
    `step` $step (`factor` $factor^)? `beta1` $beta1 `beta2` $beta2
    `epsilon` $epsilon (`coupled` $coupled^)? `decay` $decay
    (`multiplier` $rate_multiplier^)? attr-dict `:` type($parameter)
  }];
  let hasVerifier = 1;
}

def Graft_LambOp : Graft_ComputeOp<"lamb", "keep", "", [
    OptimizerOpInterface,
    AllTypesMatch<["parameter", "gradient", "first_moment", "second_moment", "new_parameter", "new_first_moment", "new_second_moment"]>]> {
  let summary = "LAMB update of one parameter";
  let description = [{
    Layer-wise adaptive moments (You et al. 2020, algorithm 2, with the norm itself
    for phi), with g = `gradient` * `factor` (clipping; absent: 1), t = `step` (from
    1) and `m`, `v` as in `graft.adamw`:
    `u = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay w`;
    `w1 = w - rate * rate_multiplier * |w| / |u| * u`, with Euclidean norms of the
    whole tensor; a ratio with a norm of 0 is 1. Results: `w1`, `m`, `v`.

    - (C1) `beta1` and `beta2` are in [0, 1), `epsilon` is positive.
    - (C2) `decay` and `rate_multiplier` are not negative.

    Example:
    ```mlir
    func.func @example(%w: tensor<4xf32>, %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) -> tensor<4xf32> {
      %w1, %m1, %v1 = graft.lamb %w, %g, %m, %v rate %lr step %t beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999997E-7 decay 0.00999999977 : tensor<4xf32>
      return %w1 : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$parameter, Graft_Tensor:$gradient, Graft_Tensor:$first_moment, Graft_Tensor:$second_moment, Graft_Scalar:$rate, Graft_IntScalar:$step, Optional<Graft_Scalar>:$factor, F32Attr:$beta1, F32Attr:$beta2, F32Attr:$epsilon, F32Attr:$decay, DefaultValuedAttr<F32Attr, "1.0f">:$rate_multiplier);
  let results = (outs Graft_Tensor:$new_parameter, Graft_Tensor:$new_first_moment, Graft_Tensor:$new_second_moment);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $first_moment `,` $second_moment `rate` $rate
    `step` $step (`factor` $factor^)? `beta1` $beta1 `beta2` $beta2
    `epsilon` $epsilon `decay` $decay (`multiplier` $rate_multiplier^)?
    attr-dict `:` type($parameter)
  }];
  let hasVerifier = 1;
}
