// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The structure of a strategy: its data, the groups of parameters, the phases that
// update them, and their order.

include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "dialects/graft/graft_base.td"
include "dialects/transfer/transfer_dialect.td"

def Transfer_StrategyOp : Transfer_Op<"strategy", [
    Symbol, SymbolTable, IsolatedFromAbove, NoTerminator, SingleBlock,
    HasParent<"::mlir::ModuleOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A way to adapt models to data";
  let description = [{
    Holds ops of this dialect and computing ops of `graft`, in any number and any
    order that SSA allows. Together they must satisfy:

    - (C1) There is one `transfer.stream`, one `transfer.predict`, one
      `transfer.phase` and one `transfer.schedule`; other ops are
      `transfer.group`, `transfer.call`, `transfer.cache`, `transfer.loss`,
      `transfer.combine` and computing ops of `graft`.
    - (C2) Referenced sizes, models, groups and phases exist, and a call has the
      type of its callee.
    - (C3) The groups of a model are disjoint, each has a parameter, and every
      parameter of a called model is in a group.
    - (C4) A phase updates groups that are not frozen, each once, and a phase
      updates every group that is not frozen.
    - (C5) Each loss of a phase depends on a parameter of the phase's groups, and
      losses that ignore a label ignore the same one.
    - (C6) The value of a cache depends on the example and on frozen parameters
      only: its calls are deterministic, it uses no label and no other cache, and
      it has one row per sequence.
    - (C7) Neither the prediction nor the loss that evaluates it uses a cache, and
      the prediction uses no labels.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @encoder.weight : tensor<100x8xf32>
      graft.parameter @head.weight : tensor<3x8xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %e = graft.read @encoder.weight : tensor<100x8xf32>
        %x = graft.embedding %ids, %e : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %p = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        %w = graft.read @head.weight : tensor<3x8xf32>
        %z = graft.linear %p, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @linear_probe {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @encoder of @model rest frozen
      transfer.group @head of @model select "^head" decay 1.000000e-02
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@head] with adamw rate linear 1.000000e-03 warmup 1.000000e-01
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def Transfer_StreamOp : Transfer_Op<"stream", [
    HasParent<"StrategyOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "Fields of a batch of data";
  let description = [{
    Defines one value per field, in the order of `fields`; the runtime feeds it under
    the field's name. `tokens` (T) and `sequences` (S) name the sizes of a batch.

    | field | value |
    |---|---|
    | `ids` | token ids, `tensor<?xi32, T>` |
    | `types` | 0 or 1: the text of a pair that a token belongs to, `tensor<?xi32, T>` |
    | `segments` | offsets of the sequences, `!graft.segments<T, S>` |
    | `labels<K>` | class of each sequence, `tensor<?xi32, S>`; for `labels<1>` a regression target, `tensor<?x1xf32, S>` |
    | `weights` | weight of each sequence, `tensor<?xf32, S>` |

    - (C1) Fields are from this table, each at most once.
    - (C2) `labels` and a positive `label_count` go together.
    - (C3) Results have the types of the table.

    A part of `transfer.strategy`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$fields,
    OptionalAttr<I64Attr>:$label_count, FlatSymbolRefAttr:$tokens,
    FlatSymbolRefAttr:$sequences);
  let results = (outs Variadic<AnyType>:$values);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The value of the field `name`, or null.
    ::mlir::Value getField(::llvm::StringRef name);
  }];
}

def Transfer_GroupOp : Transfer_Op<"group", [
    Symbol, HasParent<"StrategyOp">]> {
  let summary = "Parameters of a model that are trained alike";
  let description = [{
    Selects the parameters of `model` whose name matches the regular expression
    `select` (POSIX extended, searched anywhere in the name) and does not match
    `except`; with `rest`, those that no other group selects; with neither, all.
    The name of a layer's parameter contains the layer's number:
    `^encoder[.]layer[.][0-3][.]`.

    A `frozen` group has no gradient, no decay, no moments and no part in the clip
    norm. Otherwise `decay` is the decoupled weight decay and `multiplier`
    multiplies the learning rate. With `layer_decay` g, the learning rate of a
    tensor at depth d of D is multiplied by g^(D - d). Tensors declared before the
    first layer have depth 0, those of layer l of n depth l + 1, and those after
    the layers D = n + 2.

    - (C1) `select` and `rest` exclude each other.
    - (C2) `select` and `except` are regular expressions.
    - (C3) A frozen group has no other setting.

    A part of `transfer.strategy`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$model,
    OptionalAttr<StrAttr>:$select, UnitAttr:$rest,
    OptionalAttr<StrAttr>:$except, UnitAttr:$frozen,
    DefaultValuedAttr<Transfer_NonNegativeAttr, "0.0">:$decay,
    DefaultValuedAttr<Transfer_PositiveAttr, "1.0">:$multiplier,
    DefaultValuedAttr<Transfer_LayerDecayAttr, "1.0">:$layer_decay);
  let assemblyFormat = [{
    $sym_name `of` $model (`select` $select^)? (`rest` $rest^)?
    (`except` $except^)? (`frozen` $frozen^)? (`decay` $decay^)?
    (`multiplier` $multiplier^)? (`layer_decay` $layer_decay^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Transfer_PhaseOp : Transfer_Op<"phase", [
    Symbol, HasParent<"StrategyOp">]> {
  let summary = "Minimise a loss over groups of parameters";
  let description = [{
    One optimiser step of `groups` under `loss` with AdamW (see `graft.adamw`).
    The learning rate rises from 0 to `rate` during the first `warmup` of all
    steps (a fraction) and then stays (`constant`) or falls to 0 (`linear`).
    With `clip`, the global norm of the gradients of all groups is clipped to that
    value.

    A part of `transfer.strategy`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Graft_Scalar:$loss,
    FlatSymbolRefArrayAttr:$groups, Transfer_RateScheduleAttr:$schedule,
    Transfer_NonNegativeAttr:$rate,
    DefaultValuedAttr<Transfer_FractionAttr, "0.0">:$warmup,
    DefaultValuedAttr<Transfer_FractionAttr, "0.9">:$beta1,
    DefaultValuedAttr<Transfer_FractionAttr, "0.999">:$beta2,
    DefaultValuedAttr<Transfer_PositiveAttr, "1.0e-8">:$epsilon,
    OptionalAttr<Transfer_PositiveAttr>:$clip);
  let assemblyFormat = [{
    $sym_name `minimise` $loss `over` $groups `with` `adamw` `rate` $schedule
    $rate (`warmup` $warmup^)? (`beta1` $beta1^)? (`beta2` $beta2^)?
    (`epsilon` $epsilon^)? (`clip` $clip^)? attr-dict
  }];
}

def Transfer_ScheduleOp : Transfer_Op<"schedule", [HasParent<"StrategyOp">]> {
  let summary = "Order and duration of the phases";
  let description = [{
    Runs the phases of `phases` one after the other on each batch, for `epochs`
    epochs of the stream.

    A part of `transfer.strategy`; see there for an example.
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntPositive]>:$epochs,
    FlatSymbolRefArrayAttr:$phases);
  let assemblyFormat = "`epochs` $epochs `of` $phases attr-dict";
}
