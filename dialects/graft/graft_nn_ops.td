// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Layers of a BERT-class encoder over packed sequences. Shapes: T rows are
// tokens, S rows are sequences, H is a feature width.

include "mlir/IR/BuiltinAttributes.td"
include "dialects/graft/graft_base.td"
include "dialects/graft/graft_enums.td"

def Graft_LinearOp : Graft_ComputeOp<"linear", "low", "ti,oi,o->to; addend 2; linear 0+2 1+2", [
    FusionOpInterface, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Affine map of each row";
  let description = [{
    Computes `output = input weight^T + bias`. Shapes: `input` [T, in], `weight`
    [out, in], `bias` [out], `output` [T, out]. Sums are taken in f32 and rounded
    once, to the type of `input`, or not at all if `output` is f32.

    - (C1) `input` and `weight` share the input dimension.
    - (C2) `bias` has one value per output feature.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<2x4xf32>, %b: tensor<2xf32>) -> tensor<?x2xf32, #graft.dims<T>> {
      %y = graft.linear %x, %w, %b : (tensor<?x4xf32, #graft.dims<T>>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<?x2xf32, #graft.dims<T>>
      return %y : tensor<?x2xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_Matrix:$weight, Optional<Graft_Vector>:$bias);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The bias is part of the sum.
    ::graft::PrecisionClass getOperandPrecision(unsigned operand) {
      return operand < 2 ? ::graft::PrecisionClass::low
                         : ::graft::PrecisionClass::follow;
    }
    bool takesAddend() { return !getBias(); }
    bool takesEpilogue() { return true; }
  }];
}

def Graft_MatmulOp : Graft_ComputeOp<"matmul", "low", "", [
    FusionOpInterface, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Matrix multiplication with optional transposes";
  let description = [{
    Computes `output = op(lhs) op(rhs)` where `op` transposes if the flag is given:
    forward (`transpose_rhs`), input gradient (no flag) and weight gradient
    (`transpose_lhs`) of a linear layer. Sums are taken in f32 and rounded once, to
    the type of `lhs`, or not at all if `output` is f32.

    - (C1) The contracted dimensions are equal.

    Example:
    ```mlir
    func.func @example(%dy: tensor<?x2xf32, #graft.dims<T>>, %x: tensor<?x4xf32, #graft.dims<T>>) -> tensor<2x4xf32> {
      %dw = graft.matmul %dy, %x transpose_lhs : (tensor<?x2xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) -> tensor<2x4xf32>
      return %dw : tensor<2x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$lhs, Graft_Matrix:$rhs, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transpose_lhs` $transpose_lhs^)? (`transpose_rhs` $transpose_rhs^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool takesAddend() { return true; }
    bool takesEpilogue() { return true; }
  }];
}

def Graft_EmbeddingOp : Graft_ComputeOp<"embedding", "follow", "t,Vh->th; linear 1", [
    InferTypeOpAdaptor]> {
  let summary = "Rows of a table by id";
  let description = [{
    Row t of `output` is row `ids[t]` of `table`. An id outside of the table is an
    error of the data, found by the runtime before the program starts. Shapes:
    `ids` [T], `table` [V, H], `output` [T, H].

    Example:
    ```mlir
    func.func @example(%ids: tensor<?xi32, #graft.dims<T>>, %w: tensor<10x4xf32>) -> tensor<?x4xf32, #graft.dims<T>> {
      %y = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<10x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
      return %y : tensor<?x4xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_IdTensor:$ids, Graft_Matrix:$table);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $ids `,` $table attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_PositionsOp : Graft_ComputeOp<"positions", "keep", "ts->t; segmented t s", [
    InferTypeOpAdaptor]> {
  let summary = "Position of each token inside its sequence";
  let description = [{
    Counts 0, 1, ... from the start of each sequence.

    Example:
    ```mlir
    func.func @example(%seq: !graft.segments<T, S>) -> tensor<?xi32, #graft.dims<T>> {
      %p = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #graft.dims<T>>
      return %p : tensor<?xi32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_SegmentsType:$segments);
  let results = (outs Graft_IdTensor:$positions);
  let assemblyFormat = [{
    $segments attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_LayerNormOp : Graft_ComputeOp<"layer_norm", "keep", "tH,H,H->tH; linear 1+2", [
    FusionOpInterface, InferTypeOpAdaptor]> {
  let summary = "Normalise each row to mean 0 and variance 1, then scale and shift";
  let description = [{
    `output = (input - mean) / sqrt(variance + epsilon) * scale + shift`, with the
    biased variance of the row (Ba et al. 2016). Shapes: `input` [T, H], `scale`
    and `shift` [H].

    - (C1) `scale` and `shift` have the row's width.
    - (C2) `epsilon` is positive.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>, %g: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<3x4xf32> {
      %y = graft.layer_norm %x, %g, %b epsilon 9.99999996E-13 : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_Vector:$scale, Graft_Vector:$shift, F32Attr:$epsilon);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input `,` $scale `,` $shift `epsilon` $epsilon attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool normalizesRows() { return true; }
  }];
}

def Graft_AttentionOp : Graft_ComputeOp<"attention", "low",
    "t(hD),t(hD),t(hD),ts->t(hD); h = heads; segmented t s; linear 2; random head h", [
    AllTypesMatch<["query", "key", "value"]>, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Multi-head self-attention inside each sequence";
  let description = [{
    For each sequence and head: `softmax(scale query key^T) value`, with dropout of
    rate `dropout` on the probabilities (Vaswani et al. 2017, 3.2). Tokens attend to
    tokens of their own sequence only. Head h consists of the columns [h * H / heads,
    (h + 1) * H / heads). `scale` is 1 / sqrt(H / heads) unless given. Random bits are
    keyed as in `graft.dropout`, with the head and the query as row and the key
    position as element. Scores, probabilities and sums are f32; `output` has the
    type of `query`, or is f32. Shapes: `query`, `key`, `value`, `output` [T, H].

    - (C1) H is static and a multiple of `heads`.
    - (C2) `query`, `key` and `value` have the segments' token dimension.
    - (C3) `random_id` is given when `dropout` is above zero.

    Example:
    ```mlir
    func.func @example(%q: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %y = graft.attention %q, %q, %q, %seq heads 2 dropout 1.000000e-01 id 3 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
      return %y : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$query, Graft_Matrix:$key, Graft_Matrix:$value, Graft_SegmentsType:$segments, ConfinedAttr<I64Attr, [IntPositive]>:$heads, OptionalAttr<F32Attr>:$scale, DefaultValuedAttr<Graft_RateAttr, "0.0f">:$dropout, OptionalAttr<I64Attr>:$random_id, DefaultValuedAttr<I64Attr, "0">:$draw);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $segments `heads` $heads (`scale` $scale^)?
    (`dropout` $dropout^)? (`id` $random_id^)? (`draw` $draw^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_DropoutOp : Graft_ComputeOp<"dropout", "follow", "", [
    InferTypeOpAdaptor]> {
  let summary = "Zero elements at random and scale the rest";
  let description = [{
    Zeroes an element if its counter-based random bits (Philox 4x32-10, layout in
    docs/formats/randomness.md) are below `rate`, else multiplies it by
    1 / (1 - rate), both with the rate rounded to 1/65536. The bits depend only on the
    seed, the step, the phase, `random_id`, `draw`, the example's ordinal and the
    position in the example, so the op is pure and is its own gradient. Rows are
    tokens or sequences, by the name of the first dimension.

    - (C1) Rows are the segments' tokens or sequences.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
      %y = graft.dropout %x, %seq rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
      return %y : tensor<?x8xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_SegmentsType:$segments, Graft_RateAttr:$rate, I64Attr:$random_id, DefaultValuedAttr<I64Attr, "0">:$draw);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input `,` $segments `rate` $rate `id` $random_id (`draw` $draw^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Graft_UniformOp : Graft_ComputeOp<"uniform", "keep", "", []> {
  let summary = "Random numbers in [0, 1)";
  let description = [{
    Each element is one of 2^24 equally likely numbers, k / 2^24. The bits are keyed as in
    `graft.dropout` (docs/formats/randomness.md), with which they share none, so the op
    is pure: ops of one `random_id` and `draw` give the same numbers. Its value is a
    constant in gradients. Rows are tokens or sequences, by the name of the first
    dimension. It has no deterministic form, so that predictions, evaluations and
    `deterministic` calls have none. In a strategy the segments may be those of a
    `!transfer.text`.

    - (C1) Rows are the segments' tokens or sequences.

    Example:
    ```mlir
    func.func @example(%seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
      %u = graft.uniform %seq id 7 : (!graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      return %u : tensor<?x3xf32, #graft.dims<S>>
    }
    ```
  }];
  let arguments = (ins Graft_SegmentsOrText:$segments, I64Attr:$random_id, DefaultValuedAttr<I64Attr, "0">:$draw);
  let results = (outs TensorRankOf<[F32], [1, 2]>:$output);
  let assemblyFormat = [{
    $segments `id` $random_id (`draw` $draw^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_SoftmaxOp : Graft_ComputeOp<"softmax", "keep", "...K->...K", [
    InferTypeOpAdaptor]> {
  let summary = "Softmax of the last dimension";
  let description = [{
    `exp(x - max) / sum(exp(x - max))` of each row; with `log`, its logarithm.

    - (C1) `input` has at least one dimension.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.softmax %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, UnitAttr:$log);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input (`log` $log^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_SegmentPoolOp : Graft_ComputeOp<"segment_pool", "follow", "", [
    InferTypeOpAdaptor]> {
  let summary = "One row a sequence: its first token, mean or maximum";
  let description = [{
    Shapes: `input` [T, H], `output` [S, H]. Sequences are never empty.

    - (C1) `input` has the segments' token dimension.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>> {
      %y = graft.segment_pool first %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      return %y : tensor<?x8xf32, #graft.dims<S>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_SegmentsType:$segments, Graft_PoolKindAttr:$kind);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $kind $input `,` $segments attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_GeluOp : Graft_ComputeOp<"gelu", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Gaussian error linear unit";
  let description = [{
    `x * Phi(x)`: exact with `erf`, or `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715
    x^3)))` with `tanh` (Hendrycks and Gimpel 2016).

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.gelu erf %x : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, Graft_GeluFormAttr:$form);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $form $input attr-dict `:` type($input)
  }];
}
