// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Elementwise, reduction, shape and indexing primitives.

include "mlir/IR/BuiltinAttributes.td"
include "dialects/graft/graft_base.td"
include "dialects/graft/graft_enums.td"

def Graft_AddOp : Graft_ComputeOp<"add", "follow", "*,*->*; linear 0+1", [
    SameOperandsAndResultType]> {
  let summary = "Sum of two tensors";
  let description = [{
    `lhs + rhs`; adding zero folds.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.add %a, %b : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$lhs, Graft_Tensor:$rhs);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($output)
  }];
  let hasFolder = 1;
}

def Graft_SubOp : Graft_ComputeOp<"sub", "follow", "*,*->*; linear 0+1", [
    SameOperandsAndResultType]> {
  let summary = "Difference of two tensors";
  let description = [{
    `lhs - rhs`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.sub %a, %b : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$lhs, Graft_Tensor:$rhs);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($output)
  }];
}

def Graft_MulOp : Graft_ComputeOp<"mul", "follow", "*,*->*; linear 0 1", [
    SameOperandsAndResultType]> {
  let summary = "Product of two tensors, element by element";
  let description = [{
    `lhs * rhs`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.mul %a, %b : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$lhs, Graft_Tensor:$rhs);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($output)
  }];
}

def Graft_DivOp : Graft_ComputeOp<"div", "follow", "*,*->*; linear 0", [
    SameOperandsAndResultType]> {
  let summary = "Quotient of two tensors, element by element";
  let description = [{
    `lhs / rhs`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.div %a, %b : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$lhs, Graft_Tensor:$rhs);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($output)
  }];
}

def Graft_MaxOp : Graft_ComputeOp<"max", "follow", "*,*->*", [
    SameOperandsAndResultType]> {
  let summary = "Larger of two tensors, element by element";
  let description = [{
    `max(lhs, rhs)`; NaN if either is NaN. Where they are equal the gradient goes to `lhs`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.max %a, %b : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$lhs, Graft_Tensor:$rhs);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($output)
  }];
}

def Graft_StepOp : Graft_ComputeOp<"step", "follow", "*,*->*", [
    SameOperandsAndResultType]> {
  let summary = "One where lhs >= rhs, else zero";
  let description = [{
    The derivative of `max` with respect to `lhs`; has gradient zero.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.step %a, %b : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$lhs, Graft_Tensor:$rhs);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($output)
  }];
}

def Graft_ExpOp : Graft_ComputeOp<"exp", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Exponential";
  let description = [{
    `e^x`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.exp %a : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_LogOp : Graft_ComputeOp<"log", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Natural logarithm";
  let description = [{
    `log x`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.log %a : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_SqrtOp : Graft_ComputeOp<"sqrt", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Square root";
  let description = [{
    `sqrt x`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.sqrt %a : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_TanhOp : Graft_ComputeOp<"tanh", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Hyperbolic tangent";
  let description = [{
    `tanh x`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.tanh %a : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_SigmoidOp : Graft_ComputeOp<"sigmoid", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Logistic function";
  let description = [{
    `1 / (1 + exp(-x))`.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.sigmoid %a : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_ReluOp : Graft_ComputeOp<"relu", "follow", "*->*", [
    SameOperandsAndResultType]> {
  let summary = "Rectified linear unit";
  let description = [{
    `max(x, 0)`; the gradient at 0 is 0.

    Example:
    ```mlir
    func.func @example(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.relu %a : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_ScaleOp : Graft_ComputeOp<"scale", "follow", "*->*; linear 0", [
    SameOperandsAndResultType]> {
  let summary = "Multiply by a constant";
  let description = [{
    `input * factor`; a factor of one folds.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.scale %x by 5.000000e-01 : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, F32Attr:$factor);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input `by` $factor attr-dict `:` type($output)
  }];
  let hasFolder = 1;
}

def Graft_ConstantOp : Graft_ComputeOp<"constant", "follow", "->*"> {
  let summary = "Tensor filled with one value";
  let description = [{
    Every element is `value`; a dynamic dimension takes its named size.

    Example:
    ```mlir
    func.func @example() -> tensor<?x4xf32, #graft.dims<T>> {
      %y = graft.constant 0.000000e+00 : tensor<?x4xf32, #graft.dims<T>>
      return %y : tensor<?x4xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins F32Attr:$value);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $value attr-dict `:` type($output)
  }];
}

def Graft_CastOp : Graft_ComputeOp<"cast", "keep", "", [
    SameOperandsAndResultShape]> {
  let summary = "Round to another floating-point type";
  let description = [{
    Rounds to nearest even; values that are too large become infinity, and NaN stays
    NaN. No pass removes a cast that may round. Only a cast to its own type, and a
    cast back after an exact cast, are removed.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<3x4xbf16> {
      %y = graft.cast %x : tensor<3x4xf32> to tensor<3x4xbf16>
      return %y : tensor<3x4xbf16>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `to` type($output)
  }];
  let hasFolder = 1;
}

def Graft_ReduceOp : Graft_ComputeOp<"reduce", "keep", "", [
    FusionOpInterface, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Reduce over dimensions";
  let description = [{
    Sum or maximum over `dimensions`, which disappear. A sum over rows is taken in
    chunks of fixed size combined in a fixed tree, so that it does not depend on
    the number of threads. The result may be f32 whatever the input is. The
    gradient of a maximum goes in equal shares to the elements that have it.

    - (C1) `dimensions` are ascending and inside the input's rank.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x4xf32, #graft.dims<T>>) -> tensor<4xf32> {
      %y = graft.reduce sum %x over [0] : (tensor<?x4xf32, #graft.dims<T>>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, Graft_ReduceKindAttr:$kind, DenseI64ArrayAttr:$dimensions);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $kind $input `over` $dimensions attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Sums widen what they read.
    ::graft::PrecisionClass getOperandPrecision(unsigned) {
      return ::graft::PrecisionClass::follow;
    }
    // Sums over rows that have columns.
    bool takesAddend() {
      return getKind() == ::graft::ReduceKind::sum &&
             getDimensions().front() == 0 &&
             getOutput().getType().getRank() > 0;
    }
  }];
}

def Graft_BroadcastOp : Graft_ComputeOp<"broadcast", "follow", ""> {
  let summary = "Repeat along new dimensions";
  let description = [{
    The inverse of `graft.reduce`: `dimensions` are those of the result that the
    input does not have.

    - (C1) The result without `dimensions` has the input's shape.
    - (C2) Input and result have one element type.

    Example:
    ```mlir
    func.func @example(%x: tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>> {
      %y = graft.broadcast %x along [0] : (tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
      return %y : tensor<?x4xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, DenseI64ArrayAttr:$dimensions);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input `along` $dimensions attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_ReshapeOp : Graft_ComputeOp<"reshape", "follow", ""> {
  let summary = "Same elements, other static trailing shape";
  let description = [{
    Row-major order is kept. Dynamic dimensions must be the same in input and
    result, so only static dimensions change; rank may change.

    - (C1) Input and result have as many elements.
    - (C2) Input and result have one element type.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x1xf32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>> {
      %y = graft.reshape %x : (tensor<?x1xf32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
      return %y : tensor<?xf32, #graft.dims<S>>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_TransposeOp : Graft_ComputeOp<"transpose", "follow", "ij->ji; linear 0", [
    InferTypeOpAdaptor]> {
  let summary = "Swap rows and columns";
  let description = [{
    Of a matrix.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<4x3xf32> {
      %y = graft.transpose %x : (tensor<3x4xf32>) -> tensor<4x3xf32>
      return %y : tensor<4x3xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_ConcatOp : Graft_ComputeOp<"concat", "follow", "", [
    InferTypeOpAdaptor]> {
  let summary = "Join matrices along the columns";
  let description = [{
    Column blocks in order.

    - (C1) There is an input, and all have the same rows.
    - (C2) Widths are static.
    - (C3) All inputs have one element type.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>, %y: tensor<3x2xf32>) -> tensor<3x6xf32> {
      %z = graft.concat %x, %y : (tensor<3x4xf32>, tensor<3x2xf32>) -> tensor<3x6xf32>
      return %z : tensor<3x6xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Graft_Matrix>:$inputs);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $inputs attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_SliceOp : Graft_ComputeOp<"slice", "follow", "", [
    InferTypeOpAdaptor]> {
  let summary = "Block of columns";
  let description = [{
    Columns [`offset`, `offset` + `size`) of a matrix.

    - (C1) The block lies inside the input.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
      %y = graft.slice %x columns 1 size 2 : (tensor<3x4xf32>) -> tensor<3x2xf32>
      return %y : tensor<3x2xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, ConfinedAttr<I64Attr, [IntNonNegative]>:$offset, ConfinedAttr<I64Attr, [IntPositive]>:$size);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input `columns` $offset `size` $size attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_GatherOp : Graft_ComputeOp<"gather", "follow", "", [
    InferTypeOpAdaptor]> {
  let summary = "Rows of an activation by index";
  let description = [{
    Row p of the result is row `indices[p]` of `input`.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x4xf32, #graft.dims<T>>, %i: tensor<?xi32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<P>> {
      %y = graft.gather %x, %i : (tensor<?x4xf32, #graft.dims<T>>, tensor<?xi32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<P>>
      return %y : tensor<?x4xf32, #graft.dims<P>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_IdTensor:$indices);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input `,` $indices attr-dict `:` functional-type(operands, results)
  }];
}

def Graft_OneHotOp : Graft_ComputeOp<"one_hot", "keep", "s->sK"> {
  let summary = "A row for each label: one at its class, else zero";
  let description = [{
    `output[i][k] = 1` if `labels[i] = k`, else 0. The row of a label that is
    `ignore_index` is zero; any other label that is no class is an error of the data,
    found by the runtime before the program starts. Classes become values: the
    transpose times features is a sum per class, and the rows of two batches times
    each other are 1 where labels are equal. Shapes: `labels` [S], `output` [S, K].

    - (C1) `output` has a row for each label.

    Example:
    ```mlir
    func.func @example(%y: tensor<?xi32, #graft.dims<S>>) -> tensor<?x4xf32, #graft.dims<S>> {
      %r = graft.one_hot %y ignore -100 : (tensor<?xi32, #graft.dims<S>>) -> tensor<?x4xf32, #graft.dims<S>>
      return %r : tensor<?x4xf32, #graft.dims<S>>
    }
    ```
  }];
  let arguments = (ins Graft_IdTensor:$labels, OptionalAttr<I64Attr>:$ignore_index);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $labels (`ignore` $ignore_index^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_ScatterAddOp : Graft_ComputeOp<"scatter_add", "keep", "", [
    AllTypesMatch<["input", "output"]>]> {
  let summary = "Add rows into an activation by index";
  let description = [{
    `input` with row p of `updates` added to row `indices[p]`, in ascending p.

    - (C1) `indices` and `updates` have as many rows.
    - (C2) `input` and `updates` have the same width.
    - (C3) `input` and `updates` have one element type.

    Example:
    ```mlir
    func.func @example(%x: tensor<?x4xf32, #graft.dims<T>>, %i: tensor<?xi32, #graft.dims<P>>, %u: tensor<?x4xf32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<T>> {
      %y = graft.scatter_add %x, %i, %u : (tensor<?x4xf32, #graft.dims<T>>, tensor<?xi32, #graft.dims<P>>, tensor<?x4xf32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<T>>
      return %y : tensor<?x4xf32, #graft.dims<T>>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_IdTensor:$indices, Graft_Matrix:$updates);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = [{
    $input `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graft_ScaleGradientOp : Graft_ComputeOp<"scale_gradient", "follow", "*,-->*; linear 0", [
    AllTypesMatch<["input", "output"]>]> {
  let summary = "Identity that multiplies the gradient";
  let description = [{
    The result is `input`; what flows back is multiplied by `factor`. A negative
    factor reverses the gradient (Ganin and Lempitsky 2015). No gradient flows to
    `factor`. `autodiff-expand-gradients` replaces the op by its input.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>, %f: tensor<f32>) -> tensor<3x4xf32> {
      %y = graft.scale_gradient %x by %f : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, Graft_Scalar:$factor);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = "$input `by` $factor attr-dict `:` type($output)";
}

def Graft_StopGradientOp : Graft_ComputeOp<"stop_gradient", "follow", "*->*; linear 0", [
    SameOperandsAndResultType]> {
  let summary = "Identity that cuts the gradient";
  let description = [{
    The result is `input`; nothing flows back.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
      %y = graft.stop_gradient %x : tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Tensor:$input);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = [{
    $input attr-dict `:` type($output)
  }];
}

def Graft_SpectralOp : Graft_ComputeOp<"spectral", "keep", "IJ->IJ", [
    SameOperandsAndResultType]> {
  let summary = "Square root or inverse of a positive semidefinite matrix";
  let description = [{
    `V f(d) V^T` of a symmetric matrix `V diag(d) V^T`, where `f` is the square root
    (`root`), the inverse or the `inverse_root` of each eigenvalue. Eigenvalues up to
    `above` times the largest one count as zero, and `f` gives zero for them, so that
    `inverse` is the pseudo-inverse. Of a matrix that is not symmetric the op takes
    `(m + m^T) / 2`.

    Computed in fp64 by the rotations of Jacobi, one after the other: for small matrices
    such as the covariance of tasks. There is no gradient; what a loss does with the
    result goes through `graft.stop_gradient`.

    - (C1) `input` is square, with at most 64 rows where their number is known.
    - (C2) `above` is in [0, 1).

    Example:
    ```mlir
    func.func @example(%m: tensor<4x4xf32>) -> tensor<4x4xf32> {
      %y = graft.spectral root %m above 1.0e-6 : tensor<4x4xf32>
      return %y : tensor<4x4xf32>
    }
    ```
  }];
  let arguments = (ins Graft_Matrix:$input, Graft_SpectralKindAttr:$kind, F64Attr:$above);
  let results = (outs Graft_Matrix:$output);
  let assemblyFormat = "$kind $input `above` $above attr-dict `:` type($output)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    static constexpr int64_t kMaximumRows = 64;
  }];
}
