// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Models, parameters, state and the sizes of dynamic dimensions.

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/CallInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "dialects/graft/graft_base.td"

def Graft_SizeOp : Graft_Op<"size", [Symbol]> {
  let summary = "Named size of a dynamic dimension, with its capacity";
  let description = [{
    Declares the name that `#graft.dims` and `!graft.segments` refer to. The
    memory plan uses the capacity, `bound`; kernels get the value of the batch.

    - (C1) `bound` is positive.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    ConfinedAttr<I64Attr, [IntPositive]>:$bound);
  let assemblyFormat = "$sym_name `bound` $bound attr-dict";
}

def Graft_ModelOp : Graft_Op<"model", [
    Symbol, SymbolTable, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "Symbol table of one model instance: parameters and functions";
  let description = [{
    Holds `graft.parameter`, `graft.layers`, `graft.state` and `graft.merge`
    declarations and `func.func` functions that read them. Two instances of one architecture
    (a teacher and its student) are two models. Values of parameters live in
    the safetensors file named by `weights`.

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
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<StrAttr>:$weights);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`weights` $weights^)? attr-dict-with-keyword $body";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
                                 CArg<"::llvm::StringRef", "{}">:$weights)>];
}

def Graft_ParameterOp : Graft_Op<"parameter", [
    Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Declare one tensor of a model's weights";
  let description = [{
    The shape is static, but in a model that is written beside a strategy it may
    have the strategy's `sizes`, which `transfer-link` replaces by numbers.
    `source` is the tensor's name in the weights file if it differs from the
    symbol; inside `graft.layers`, `*` in it stands for the number of the layer.
    `initial` ("normal", "zeros", "ones") with `deviation` initialises a tensor
    that is not in the file, such as a new head; otherwise it has no effect.
    The first values of one with `norms_of` are the norms of the rows of that matrix,
    as its file has it. `group` is the group of a strategy that trains the tensor. One
    that is `added` was put in by a strategy: models of the family do not have it.

    - (C1) The shape is static, or each dynamic dimension has a name, which is not
      that of a `graft.size`.
    - (C2) `initial` is one of "normal", "zeros", "ones".
    - (C3) `deviation` is given with `initial "normal"`, and only with it.
    - (C4) `deviation` is finite and not negative.
    - (C5) `norms_of` is a matrix of the model with a row for each element, without
      `initial`; the parameter has none either.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @bert.pooler.weight : tensor<384x384xf32>
      graft.parameter @bert.pooler.magnitude : tensor<384xf32> norms_of @bert.pooler.weight added
      graft.parameter @classifier.weight : tensor<26x384xf32> initial "normal" deviation 2.000000e-02
    }
    graft.model @critic {
      graft.parameter @weight : tensor<1x?xf32, #graft.dims<H>> initial "zeros"
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    TypeAttrOf<Graft_Tensor>:$type, OptionalAttr<StrAttr>:$source,
    OptionalAttr<StrAttr>:$initial, OptionalAttr<F32Attr>:$deviation,
    OptionalAttr<StrAttr>:$group, OptionalAttr<FlatSymbolRefAttr>:$norms_of,
    UnitAttr:$added);
  let assemblyFormat = [{
    $sym_name `:` $type (`from` $source^)? (`initial` $initial^)?
    (`deviation` $deviation^)? (`norms_of` $norms_of^)? (`group` $group^)?
    (`added` $added^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Graft_LayersOp : Graft_Op<"layers", [
    Symbol, NoTerminator, SingleBlock, SymbolTable]> {
  let summary = "Parameters of each of `count` equal layers";
  let description = [{
    Declares the parameters of the body `count` times: layer i has
    `<name>.<i>.<parameter>`. An authoring form; the first transfer pass expands it
    together with `graft.repeat`.

    With `from`, layer i takes its values from layer `from[i]` of the checkpoint: the
    model keeps some of its layers.

    - (C1) `from` has a non-negative number for each layer.

    Example:
    ```mlir
    graft.model @m {
      graft.layers @encoder.layer count 6 {
        graft.parameter @output.dense.weight : tensor<384x1536xf32>
      }
      graft.layers @decoder.layer count 3 from [0, 2, 4] {
        graft.parameter @output.dense.weight : tensor<384x1536xf32>
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    ConfinedAttr<I64Attr, [IntPositive]>:$count,
    OptionalAttr<DenseI64ArrayAttr>:$origins);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `count` $count (`from` $origins^)? attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The layer of the checkpoint that layer `layer` has its values of.
    int64_t getOrigin(int64_t layer) {
      return getOrigins() ? (*getOrigins())[layer] : layer;
    }
  }];
}

def Graft_MergeOp : Graft_Op<"merge", [
    HasParent<"ModelOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A matrix and what adapts it, as one matrix";
  let description = [{
    Functions compute with `base`, `left` and `right` side by side; whoever exports
    the model writes `base + scale * left right` for all three. With `norms`, each
    row of that sum is scaled to the norm that it has for it. It computes nothing
    itself.

    - (C1) `base` [out, in], `left` [out, r], `right` [r, in] and `norms` [out] are
      parameters of the model.
    - (C2) `scale` is finite.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<26x384xf32>
      graft.parameter @w.lora_a : tensor<8x384xf32>
      graft.parameter @w.lora_b : tensor<26x8xf32>
      graft.merge @w plus 2.000000e+00 * @w.lora_b * @w.lora_a
      graft.parameter @v : tensor<26x384xf32>
      graft.parameter @v.lora_a : tensor<8x384xf32>
      graft.parameter @v.lora_b : tensor<26x8xf32>
      graft.parameter @v.lora_magnitude : tensor<26xf32> norms_of @v
      graft.merge @v plus 2.000000e+00 * @v.lora_b * @v.lora_a norms @v.lora_magnitude
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$base, F32Attr:$scale,
    FlatSymbolRefAttr:$left, FlatSymbolRefAttr:$right,
    OptionalAttr<FlatSymbolRefAttr>:$norms);
  let assemblyFormat = [{
    $base `plus` $scale `*` $left `*` $right (`norms` $norms^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Graft_StateOp : Graft_Op<"state", [
    Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Declare a tensor that training keeps";
  let description = [{
    A gradient accumulator, an optimiser moment, a multiplier: a tensor that
    phases read and write and that checkpoints save under its symbol. `kind`
    says what it is; kinds that a pass gives a meaning are those that
    `transfer-expand-strategy` declares. A state of one parameter names it with
    `of`. It begins with zeros, or as `initial` ("zeros", "ones", "normal" with
    `deviation`) says. `group` is the group of a strategy that trains it.

    - (C1) `kind` consists of letters, digits and `_`.
    - (C2) The shape is static.
    - (C3) `initial` and `deviation` are as in `graft.parameter`; types other than
      f32 begin with zeros.
    - (C4) `parameter` is a parameter of the same model.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<26x384xf32>
      graft.state @w.first_moment "first_moment" of @w : tensor<26x384xf32>
      graft.state @multiplier "multiplier" : tensor<f32> initial "ones"
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind,
    OptionalAttr<FlatSymbolRefAttr>:$parameter, TypeAttrOf<Graft_AnyTensor>:$type,
    OptionalAttr<StrAttr>:$initial, OptionalAttr<F32Attr>:$deviation,
    OptionalAttr<StrAttr>:$group);
  let assemblyFormat = [{
    $sym_name $kind (`of` $parameter^)? `:` $type (`initial` $initial^)?
    (`deviation` $deviation^)? (`group` $group^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Graft_ReadOp : Graft_Op<"read", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Value of a parameter or state tensor at the phase's start";
  let description = [{
    Pure within a phase: all reads of a symbol return the same value, and a read
    must not follow a `graft.write` of it. Inside a model the symbol is
    looked up in that model, elsewhere it is `@model::@name`. Inside
    `graft.repeat` a `layer` read names a parameter of the repeat's scope.

    - (C1) The symbol is a `graft.parameter` or `graft.state` of this type.
    - (C2) `layer` is only used inside `graft.repeat`.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<2x4xf32>
      func.func @f() -> tensor<2x4xf32> {
        %w = graft.read @w : tensor<2x4xf32>
        return %w : tensor<2x4xf32>
      }
    }
    ```
  }];
  let arguments = (ins SymbolRefAttr:$symbol, UnitAttr:$layer);
  let results = (outs Graft_AnyTensor:$value);
  let assemblyFormat = "(`layer` $layer^)? $symbol attr-dict `:` type($value)";
}

def Graft_WriteOp : Graft_Op<"write", [
    MemoryEffects<[MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Set a parameter or state tensor at the phase's end";
  let description = [{
    Takes effect when the phase ends.

    - (C1) The symbol is a `graft.parameter` or `graft.state` of this type.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<2x4xf32>
    }
    func.func @zero(%w: tensor<2x4xf32>) {
      graft.write @m::@w, %w : tensor<2x4xf32>
      return
    }
    ```
  }];
  let arguments = (ins SymbolRefAttr:$symbol, Graft_AnyTensor:$value);
  let assemblyFormat = "$symbol `,` $value attr-dict `:` type($value)";
}

def Graft_CallOp : Graft_Op<"call", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Apply a function of a model";
  let description = [{
    `callee` is `@model::@function`, or `@function` inside the model. Expanded
    by inlining; each call of a function in a phase uses its own random numbers. A
    `deterministic` call uses none: dropout is the identity, also in functions that
    the callee calls (prediction, a teacher). Named sizes of the callee may have
    other names in the call, those of another stream.

    With `at` the callee, and functions that it calls, read `values` in place of those
    parameters of its model: the model somewhere else than where it is.

    - (C1) `at` names tensors of the model, each once and one for each of `values`, of
      its type.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<3xf32>
      func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
        %w = graft.read @w : tensor<3xf32>
        %y = graft.mul %x, %w : tensor<3xf32>
        return %y : tensor<3xf32>
      }
    }
    func.func @g(%x: tensor<3xf32>) -> tensor<3xf32> {
      %y = graft.call @m::@f(%x) : (tensor<3xf32>) -> tensor<3xf32>
      %z = graft.call @m::@f(%x) at [@w] = (%y : tensor<3xf32>) : (tensor<3xf32>) -> tensor<3xf32>
      return %z : tensor<3xf32>
    }
    ```
  }];
  let arguments = (ins SymbolRefAttr:$callee, Variadic<AnyType>:$arguments,
    Variadic<Graft_Tensor>:$values, OptionalAttr<FlatSymbolRefArrayAttr>:$at,
    UnitAttr:$deterministic);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    (`deterministic` $deterministic^)? $callee `(` $arguments `)`
    (`at` $at^ `=` `(` $values `:` type($values) `)`)? attr-dict `:`
    functional-type($arguments, $results)
  }];
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$types,
      "::mlir::SymbolRefAttr":$callee, "::mlir::ValueRange":$arguments,
      CArg<"bool", "false">:$deterministic), [{
    build($_builder, $_state, types, callee, arguments, /*values=*/{},
          /*at=*/{}, deterministic);
  }]>];
  let hasVerifier = 1;
}

def Graft_RepeatOp : Graft_Op<"repeat", [
    SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects]> {
  let summary = "A stack of equal layers, written once";
  let description = [{
    Applies the body `count` times to the carried values. Iteration i reads
    `<scope>.<i>.<name>` for each `graft.read layer @name`. An authoring form: the
    first transfer pass unrolls it, and iteration i gets the random ids of the body
    plus 64 i. An importer assigns ids from 64 to 127 in the body and below 64
    elsewhere, so that no two ops of a model share an id.

    - (C1) Operands, block arguments, yielded values and results have the same types.
    - (C2) `scope` names a `graft.layers` of the model with as many layers.

    Example:
    ```mlir
    graft.model @m {
      graft.layers @layer count 2 {
        graft.parameter @w : tensor<4x4xf32>
      }
      func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
        %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
          %w = graft.read layer @w : tensor<4x4xf32>
          %l = graft.linear %h, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
          graft.yield %l : tensor<3x4xf32>
        }
        return %y : tensor<3x4xf32>
      }
    }
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntPositive]>:$count,
    FlatSymbolRefAttr:$scope, Variadic<AnyType>:$inits);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Graft_TapOp : Graft_Op<"tap"> {
  let summary = "Name a value of a layer, for strategies to read";
  let description = [{
    Says that `value` is what `kind` names in a layer, such as "hidden" for what the
    layer returns, or "query". Inside `graft.repeat` each iteration i has the tap of
    layer i + 1; outside, a tap is of `layer`, or of layer 0, what the first layer
    reads. Computes nothing: `transfer-expand-taps` makes those that a `transfer.tap`
    reads results of the function, and removes all.

    - (C1) The op is in a function of a model.
    - (C2) Inside `graft.repeat` there is no `layer`: the iterations count.

    Example:
    ```mlir
    graft.model @m {
      graft.layers @layer count 2 {
        graft.parameter @w : tensor<4x4xf32>
      }
      func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
        graft.tap "hidden" %x : tensor<3x4xf32>
        %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
          %w = graft.read layer @w : tensor<4x4xf32>
          %l = graft.linear %h, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
          graft.tap "hidden" %l : tensor<3x4xf32>
          graft.yield %l : tensor<3x4xf32>
        }
        return %y : tensor<3x4xf32>
      }
    }
    ```
  }];
  let arguments = (ins StrAttr:$kind, Graft_Tensor:$value,
    OptionalAttr<ConfinedAttr<I64Attr, [IntNonNegative]>>:$layer);
  let assemblyFormat = "$kind $value (`layer` $layer^)? attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Graft_FormulaOp : Graft_Op<"formula", [Pure]> {
  let summary = "Arithmetic in index notation";
  let description = [{
    Computes what the text says of tensors of f32. It names the operands in their order,
    each with an index for each dimension, `x[s, h]`, then `->` and those of the result,
    and behind `:` what each element of the result is. Names are independent of those of
    sizes. An operand without brackets has the indices of the result; without `->` these
    have no names. `[]` is a scalar. The index `1` is a dimension of size 1, which counts as
    none: an element of `tensor<?x1xf32>` is `z[s, 1]`.

    | text | value |
    |---|---|
    | `a + b`, `a - b`, `a * b`, `a / b`, `-a`, `0.5` | as in arithmetic; an operand is repeated along indices it does not have |
    | `exp(a)`, `log(a)`, `sqrt(a)`, `tanh(a)`, `sigmoid(a)`, `relu(a)`, `softplus(a)` | of each element; `softplus` is log(1 + exp(a)) |
    | `max(a, b)`, `min(a, b)`, `step(a, b)` | of two; `step` is 1 where a >= b, else 0 |
    | `sum i (a)`, `mean i (a)`, `max i (a)` | over the index i |
    | `is(y, k)` | of labels `y[s]` (`tensor<?xi32>`): 1 where y is k, else 0 |
    | `mean text (a)`, `max text (a)` | of segments `text[t, s]`: over the tokens t of each text s |

    A sum of a product of matrices that share only its index is a `graft.matmul`. All is
    computed in f32, whatever `--precision` says; with `graft.precision = "follow"` each
    op that the formula becomes has its own precision, as a matrix product of hidden
    states may have. An operand may be a `!transfer.text`, whose segments it stands for;
    with operands that are layers the result is layers, too. `transfer-expand-formulas`
    replaces the op by others before any other pass looks at what it computes, so that it
    has gradients like them.

    - (C1) The text is a formula: what is expected where is part of the error.
    - (C2) There are as many operands as the text names, and each is used.
    - (C3) Operands and result are tensors of f32, with an index for each dimension;
      labels have one, and segments those of tokens and texts.
    - (C4) Dimensions of one index have one size, and that of `1` is 1.
    - (C5) No value has more than two indices, also not below a sum, where it is not a
      product that is summed as `graft.matmul` does.
    - (C6) A value that is reduced has the index; the result has all that are left, and
      none that nothing has.
    - (C7) `graft.precision` is "follow" or absent.

    Example, squared distances of rows, and a weight that grows with a cosine:
    ```mlir
    func.func @apart(%x: tensor<?x4xf32, #graft.dims<S>>, %c: tensor<3x4xf32>) -> tensor<?x3xf32, #graft.dims<S>> {
      %d = graft.formula "x[s, h], c[n, h] -> [s, n]: sum h (x * x) - 2 * sum h (x * c) + sum h (c * c)" (%x, %c) : (tensor<?x4xf32, #graft.dims<S>>, tensor<3x4xf32>) -> tensor<?x3xf32, #graft.dims<S>>
      return %d : tensor<?x3xf32, #graft.dims<S>>
    }
    func.func @weight(%cosine: tensor<?xf32, #graft.dims<S>>, %a: tensor<f32>) -> tensor<?xf32, #graft.dims<S>> {
      %w = graft.formula "cosine, a[]: min(1, exp(a * cosine - a * a / 2))" (%cosine, %a) : (tensor<?xf32, #graft.dims<S>>, tensor<f32>) -> tensor<?xf32, #graft.dims<S>>
      return %w : tensor<?xf32, #graft.dims<S>>
    }
    ```
  }];
  let arguments = (ins StrAttr:$formula, Variadic<AnyType>:$inputs);
  let results = (outs AnyType:$output);
  let assemblyFormat = [{
    $formula `(` $inputs `)` attr-dict `:` functional-type($inputs, $output)
  }];
  let hasVerifier = 1;
}

def Graft_RegionOp : Graft_Op<"region", [
    Pure, IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "Ops that become one kernel";
  let description = [{
    Computes the body on its operands and returns the yielded values. The body uses
    only its arguments. The fuse stage creates regions: a kernel loads the operands
    and stores the results, and passes all other values from op to op in registers
    or in the L1 cache. Results are the same to the bit. Kernels exist for elementwise
    ops over one shape, with a GEMM (graft.linear, graft.matmul) before them or a
    graft.layer_norm after them.

    - (C1) Arguments of the body have the types of the operands.
    - (C2) Results have the types of the yielded values.
    - (C3) The ops of the body have no effects.

    Example:
    ```mlir
    func.func @example(%x: tensor<3x4xf32>, %y: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
      %r:2 = graft.region (%a = %x, %b = %y) : (tensor<3x4xf32>, tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
        %s = graft.add %a, %b : tensor<3x4xf32>
        %g = graft.gelu erf %s : tensor<3x4xf32>
        graft.yield %s, %g : tensor<3x4xf32>, tensor<3x4xf32>
      }
      return %r#0, %r#1 : tensor<3x4xf32>, tensor<3x4xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$inputs);
  let results = (outs Variadic<Graft_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Graft_YieldOp : Graft_Op<"yield", [
    Pure, Terminator, ReturnLike, ParentOneOf<["RepeatOp", "RegionOp"]>]> {
  let summary = "Results of the body of an op";
  let description = [{
    Ends the body of `graft.repeat`, where the values are carried to the next
    iteration, or of `graft.region`; see there for an example.
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ }]>];
}

def Graft_GradientsOp : Graft_Op<"gradients", [
    Pure, TypesMatchWith<"results have the types of 'wrt'", "wrt", "gradients",
                         "$_self">]> {
  let summary = "Gradients of a scalar with respect to values";
  let description = [{
    One result a value of `wrt`, with its type: the derivative of `loss`.
    Replaced by the autodiff pass with the backward computation; a value used
    twice sums two gradients. A value of `wrt` that does not reach the loss is
    an error. With `value` the results are part of a forward pass, which may be
    differentiated again; scaling of losses leaves it alone.

    - (C1) Results have the types of `wrt`.

    Example:
    ```mlir
    func.func @f(%w: tensor<2x4xf32>, %loss: tensor<f32>) -> tensor<2x4xf32> {
      %g = graft.gradients %loss wrt %w : tensor<2x4xf32>
      return %g : tensor<2x4xf32>
    }
    ```
  }];
  let arguments = (ins UnitAttr:$value, Graft_Scalar:$loss,
    Variadic<Graft_Tensor>:$wrt);
  let results = (outs Variadic<Graft_Tensor>:$gradients);
  let assemblyFormat =
      "(`value` $value^)? $loss `wrt` $wrt attr-dict `:` type($wrt)";
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$types,
      "::mlir::Value":$loss, "::mlir::ValueRange":$wrt), [{
    build($_builder, $_state, types, /*value=*/false, loss, wrt);
  }]>];
}

def Graft_GradientProductsOp : Graft_Op<"gradient_products", [Pure]> {
  let summary = "Inner products of the gradients of several losses";
  let description = [{
    `gradients` has the gradients of the first loss by all parameters, then those of
    the second, and so on for `losses` losses. Row i, column j of the result is the
    sum over parameters of the inner products of their gradients of the losses i and j.
    Replaced by the autodiff pass; where losses are scaled, the products are those of
    the losses as they are.

    - (C1) There are as many gradients of each loss, one at least, of the same types.
    - (C2) The result has a row and a column for each loss.

    Example:
    ```mlir
    func.func @f(%a: tensor<2x4xf32>, %b: tensor<2x4xf32>) -> tensor<2x2xf32> {
      %p = graft.gradient_products %a, %b of 2 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xf32>
      return %p : tensor<2x2xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Graft_Tensor>:$gradients,
    ConfinedAttr<I64Attr, [IntPositive]>:$losses);
  let results = (outs Graft_Matrix:$products);
  let assemblyFormat = [{
    $gradients `of` $losses attr-dict `:` functional-type($gradients, $products)
  }];
  let hasVerifier = 1;
}
