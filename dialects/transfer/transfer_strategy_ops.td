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
    order that SSA allows. `sizes` are sizes of models that are not known yet, such
    as the number of classes: named dimensions (`tensor<?x?xf32,
    #graft.dims<S, K>>`) and `labels<K>` refer to them until `transfer-link` finds
    their values in the called functions. Models of the module may have them in
    place of numbers, too.

    With `batch N` a loss that relates examples takes batches of up to N examples,
    more than a launch may hold: the rows that it relates are computed in micro-batches,
    then the loss and its derivatives with respect to all rows at once, and these are
    pushed back through the models in micro-batches again, with the same dropout masks
    (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited
    setup"). Losses whose examples are each related through their tokens, or through
    `transfer.gradient`, still need the batch in one launch, and so do all without
    `batch`.

    Linked, the ops must satisfy:

    - (C1) There is at least one `transfer.stream` and `transfer.predict`, and also one
      `transfer.phase` and `transfer.schedule`, unless there are neither: then the
      strategy predicts alone, without caches, kept values, rewards, registers and losses
      that evaluate. Of several
      `transfer.predict` each has a head of another name. Other ops are
      `transfer.parameter`, `transfer.inject`, `transfer.group`, `transfer.call`, `transfer.cache`, `transfer.loss`,
      `transfer.mean`, `transfer.combine`, `transfer.penalty`,
      `transfer.scale_gradient`, `transfer.gradient`, `transfer.inner`,
      `transfer.distance`, `transfer.number`, `transfer.keep`, `transfer.reward`,
      `transfer.register` and computing ops of `graft`;
      until `transfer-expand-taps` also `transfer.tap`, `transfer.sum` and
      `transfer.relation_divergence`, and until `transfer-link` `transfer.count`.
    - (C2) Referenced sizes, models, groups and phases exist, a call has the type of
      its callee, and of all schedules one has each phase, once. A schedule has each
      reward and register once at most, without `times`, and each is in one at least.
    - (C3) The groups of a model are disjoint, each has a parameter, and every
      parameter of a called model is in a group. Patterns of groups match a parameter
      of the model, or are "^$". A group that tracks a model is of another one, and
      each of its parameters has one of the same name and type there, which tracks
      none.
    - (C4) A phase updates groups that are neither frozen nor track a model, each once,
      and a phase updates every such group. The steps of its optimiser do not depend on
      the size of parameters that decay to their start.
    - (C5) Each loss of a phase depends on a parameter of the phase's groups, and
      losses that ignore a label ignore the same one.
    - (C6) The value of a cache depends on the example and on frozen parameters
      only: its calls are deterministic, it uses no label, weight, soft target or
      other cache, and it has one row per sequence of a stream.
    - (C7) Neither a prediction nor the loss that evaluates it uses a cache or a kept
      value, and the prediction uses no label, weight or soft target and, where there
      are phases, depends on a parameter of a group that is not frozen, and on no
      number that changes from step to step. The loss that evaluates has no factor that
      changes. With several phases, `evaluate` names that loss. What holds for the loss
      that evaluates holds for the second one, which reads no label, weight or soft
      target.
    - (C8) A cross-entropy with `labels<N>` of a stream has logits of N columns, and what
      compares them with classes, as `is` of a formula, compares them with N. A
      `kl_divergence` takes no `multi_hot` of a stream for logits.
    - (C9) The loss of a phase depends on the `weights` of each stream that has them.
    - (C10) The loss of a phase, or else a prediction, depends on each stream, but for
      those of rewards, and each term of a loss on one at
      least; streams that meet in a term have sizes of different names. A cache
      depends on one stream, and a prediction and the loss that evaluates it on the
      same one. A cache and the loss that evaluates relate no examples to each other.
    - (C11) Parameters of the models have static shapes.
    - (C12) Inner loops satisfy what `transfer.inner` says of groups and calls, and a
      call at one is of a model with a parameter there. A prediction is at none.
    - (C13) `weighing` names a function of a model that takes a tensor<NxNxf32> and
      returns a tensor<Nxf32>, for a loss that is a `transfer.combine` of N terms, at
      least two. More than one of them reaches a parameter of the groups, and the
      function reads no parameter.
    - (C14) Schedules that take one stream in a step satisfy what `transfer.schedule`
      says of the streams of their phases.
    - (C15) A kept value is f32, of static shape but for its rows, which are the examples of
      one stream; it relates no examples, is a part of no loss, and a loss of a phase
      depends on it.
    - (C16) The stream of a reward is read by nothing else, and has the sizes and the
      fields of that of the prediction that it measures.
    - (C17) Random ops of one kind have ids, or draws, of their own.

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
  let arguments = (ins SymbolNameAttr:$sym_name,
    OptionalAttr<StrArrayAttr>:$sizes,
    OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$batch);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name (`sizes` custom<Sizes>($sizes)^)? (`batch` $batch^)?
    attr-dict-with-keyword $body
  }];
  let extraClassDeclaration = [{
    // Whether sizes and stacks have numbers and texts have fields, as
    // `transfer-link` leaves a strategy.
    bool isLinked();
    // Whether it is linked and its models are as it asks for, as
    // `transfer-expand-taps`, `transfer-expand-formulas` and `transfer-inject`
    // leave them. Only then are models and types verified.
    bool isComplete();
    // Whether it trains nothing: it has neither phases nor schedules.
    bool predictsAlone();
    // Sets the declared parameter `name` from a user's text. Fails with a
    // diagnostic that says what it takes, or which parameters there are.
    ::llvm::LogicalResult setParameter(::llvm::StringRef name,
                                       ::llvm::StringRef text);
  }];
}

def Transfer_HyperparameterOp : Transfer_Op<"parameter", [
    Symbol, HasParent<"StrategyOp">]> {
  let summary = "A number or word of the recipe that a user may set";
  let description = [{
    Declares `sym_name` with its value, which ops of the strategy name as
    `@sym_name` where they take a number or a pattern. A number is a float or an
    integer, by its value, and lies in [`minimum`, `maximum`]; a word is one of
    `choices`, or any where there are none. `meaning` is one line for users.

    - (C1) The value is a float, an integer or a string.
    - (C2) `minimum` and `maximum` are given together and of the value's type;
      the value lies between them.
    - (C3) `choices` are for strings, and the value is one of them.
    - (C4) The name consists of letters, digits and `_`.

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
    transfer.strategy @finetune {
      transfer.parameter @rate = 5.000000e-05 in [0.000000e+00, 1.000000e+00] "peak learning rate"
      transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "how the rate falls"
      transfer.parameter @epochs = 3 in [1, 10000] "passes over the data"
      transfer.parameter @decay = 1.000000e-02 in [0.000000e+00, 1.000000e+00] "decoupled weight decay"
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @all of @model decay @decay
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate @schedule @rate warmup "1 / (10 * @epochs)"
      transfer.schedule epochs @epochs of [@step]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, AnyAttr:$value,
    OptionalAttr<AnyAttr>:$minimum, OptionalAttr<AnyAttr>:$maximum,
    OptionalAttr<StrArrayAttr>:$choices, StrAttr:$meaning);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Sets the value from a user's text. Fails with a diagnostic at the op
    // that names the parameter, what it takes and what it got.
    ::llvm::LogicalResult setFromText(::llvm::StringRef text);
  }];
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
    | `text` | what a model takes of the texts, `!transfer.text`, until linked |
    | `ids` | token ids, `tensor<?xi32, T>` |
    | `types` | 0 or 1: the text of a pair that a token belongs to, `tensor<?xi32, T>` |
    | `segments` | offsets of the sequences, `!graft.segments<T, S>` |
    | `adapters` | which of several adapters of a model the text of a token is for, `tensor<?xi32, T>` |
    | `labels<K>` | class of each sequence, `tensor<?xi32, S>`; for `labels<1>` a regression target, `tensor<?x1xf32, S>` |
    | `multi_hot<K>` | which of K labels each sequence has, any number of them: 1 or 0 for each, `tensor<?xKxf32, S>` |
    | `weights` | weight of each sequence, `tensor<?xf32, S>` |
    | `features<N>` | N numbers of each sequence, such as columns of a table, `tensor<?xNxf32, S>` |
    | `soft<K>` | a target of each sequence that has a number for each of K classes, such as a teacher's logits or probabilities, `tensor<?xKxf32, S>` |

    A sequence is an example, also where the stream has no text: then it has no tokens,
    and `segments` say which example is which.

    - (C1) Fields are from this table, each at most once. The name of the stream
      consists of letters, digits and `_`.
    - (C2) `labels` and a positive `label_count`, or a `label_size` of the
      strategy, go together; so do `multi_hot` and `soft` and a count of at least 2 or
      a size, and `features` and a positive `feature_count`. Labels and soft
      targets of a stream are of the same classes. A stream has `labels` or
      `multi_hot`.
    - (C3) Results have the types of the table.

    A part of `transfer.strategy`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$fields,
    OptionalAttr<I64Attr>:$label_count, OptionalAttr<StrAttr>:$label_size,
    OptionalAttr<I64Attr>:$multi_hot_count,
    OptionalAttr<StrAttr>:$multi_hot_size,
    OptionalAttr<I64Attr>:$feature_count,
    OptionalAttr<I64Attr>:$soft_count, OptionalAttr<StrAttr>:$soft_size,
    FlatSymbolRefAttr:$tokens,
    FlatSymbolRefAttr:$sequences);
  let results = (outs Variadic<AnyType>:$values);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The field that says of which classes the examples are: labels, else
    // multi_hot, else soft; empty if there is none. And how many these are, a
    // number or a size of the strategy.
    ::llvm::StringRef getClassField();
    std::optional<int64_t> getClassCount();
    ::mlir::StringAttr getClassSize();
    // The value of the field `name`, or null.
    ::mlir::Value getField(::llvm::StringRef name);
    // The type of a field `name`, whether the stream has it or not, or null for
    // a name that is none.
    ::mlir::Type getFieldType(::llvm::StringRef name);
    // Whether a prediction may read a field `name`: what is known of an example
    // before anyone has said what it is.
    static bool isInput(::llvm::StringRef name);
  }];
}

def Transfer_CountOp : Transfer_Op<"count", [HasParent<"StrategyOp">]> {
  let summary = "How many layers a stack of a model on the page has";
  let description = [{
    Gives `layers`, a `graft.layers` of a model on the page, and each `graft.repeat` over
    it, as many layers as `count` says, such as a declared parameter, in place of those
    that are written there. `transfer-link` does that.

    - (C1) `count` is a positive integer that does not change.

    Example, a stack of as many layers as a user asks for:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32> initial "normal" deviation 2.000000e-02
      graft.layers @layer count 1 {
        graft.parameter @w : tensor<8x8xf32> initial "normal" deviation 2.000000e-02
      }
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %p = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        %y = graft.repeat 1 scope @layer (%h = %p) : tensor<?x8xf32, #graft.dims<S>> {
          %v = graft.read layer @w : tensor<8x8xf32>
          %z = graft.linear %h, %v : (tensor<?x8xf32, #graft.dims<S>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<S>>
          %a = graft.tanh %z : tensor<?x8xf32, #graft.dims<S>>
          graft.yield %a : tensor<?x8xf32, #graft.dims<S>>
        }
        return %y : tensor<?x8xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @deep {
      transfer.parameter @depth = 2 in [1, 100] "layers"
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<8> in @T, @S
      transfer.count @model::@layer is @depth
      transfer.group @all of @model
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x8xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x8xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins SymbolRefAttr:$layers, Transfer_NumberAttr:$count);
  let assemblyFormat = "$layers `is` custom<Number>($count) attr-dict";
  let hasVerifier = 1;
}

def Transfer_GroupOp : Transfer_Op<"group", [
    Symbol, HasParent<"StrategyOp">]> {
  let summary = "Parameters of a model that are trained alike";
  let description = [{
    Selects the parameters of `model` whose name matches the regular expression
    `select` (POSIX extended, searched anywhere in the name) and does not match
    `except`; with `rest`, only those that no other group selects; with none of
    these, all. Groups with `rest` select in the order of their declarations. The
    name of a layer's parameter contains the layer's number:
    `^encoder[.]layer[.][0-3][.]`. A pattern that matches no parameter of the model
    is an error, except "^$", which means none.

    A `frozen` group has no gradient, no decay, no moments and no part in the clip
    norm. Otherwise `decay` is the decoupled weight decay and `multiplier`
    multiplies the learning rate. With `layer_decay` g, the learning rate of a
    tensor at depth d of D is multiplied by g^(D - d). Tensors declared before the
    first layer have depth 0, those of layer l of n depth l + 1, and those after
    the layers D = n + 2.

    With `to_start`, `decay` pulls parameters to the values that they have at the
    beginning, and not to zero: `decay * (w - start)` is what each update subtracts
    from `w`, times the learning rate (L2-SP, Li et al. 2018).

    A group that `tracks` a model, of another model with parameters of the same names,
    has no gradient either. It begins with that model's values, and each update of a
    parameter w makes the one that tracks it `keep * t + (1 - keep) * w`: an average of
    the course of the training (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).
    `keep` may change from step to step.

    - (C1) `select` and `except` are POSIX extended regular expressions, in which no
      letter or digit follows a backslash: `[0-9]`, not `\d`.
    - (C2) A group that is frozen or tracks a model has no setting of an update.
    - (C3) `to_start` comes with `decay`, `keep` with `tracks`; `keep` is in [0, 1].

    Each group has a parameter, unless it is `optional`: then its pattern, often
    that of a declared parameter, may select none.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
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
    graft.model @average {
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
    transfer.strategy @averaged {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.group @body of @model select "^words" decay 1.000000e-02 to_start
      transfer.group @head of @model rest
      transfer.group @mean of @average tracks @model keep "min(0.999, (1 + step) / (10 + step))"
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %steady = transfer.call @average::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %steady_loss = transfer.loss cross_entropy %steady, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %steady softmax evaluate %steady_loss : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@body, @head] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$model,
    OptionalAttr<Transfer_TextAttr>:$select, UnitAttr:$rest,
    OptionalAttr<Transfer_TextAttr>:$except, UnitAttr:$frozen,
    OptionalAttr<FlatSymbolRefAttr>:$tracks,
    OptionalAttr<Transfer_NumberAttr>:$keep,
    UnitAttr:$optional,
    OptionalAttr<Transfer_NumberAttr>:$decay,
    UnitAttr:$to_start,
    OptionalAttr<Transfer_NumberAttr>:$multiplier,
    OptionalAttr<Transfer_NumberAttr>:$layer_decay);
  let assemblyFormat = [{
    $sym_name `of` $model (`select` custom<Text>($select)^)? (`rest` $rest^)?
    (`except` custom<Text>($except)^)? (`frozen` $frozen^)?
    (`tracks` $tracks^)? (`keep` custom<Number>($keep)^)?
    (`optional` $optional^)? (`decay` custom<Number>($decay)^)?
    (`to_start` $to_start^)?
    (`multiplier` custom<Number>($multiplier)^)?
    (`layer_decay` custom<Number>($layer_decay)^)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Whether phases may update it.
    bool isLearned() { return !getFrozen() && !getTracksAttr(); }
  }];
}

def Transfer_InjectOp : Transfer_Op<"inject", [HasParent<"StrategyOp">]> {
  let summary = "Put adapters into a model";
  let description = [{
    `lora` (Hu et al. 2022): beside each matrix W [out, in] of `model` whose name
    matches `select`, of a linear map x W^T + b, come two of rank `rank`, A [rank, in]
    and B [out, rank], and the map becomes x W^T + b + `alpha` / `rank` (x A^T) B^T.
    For a matrix `NAME.weight` they are called `NAME.lora_a` and `NAME.lora_b`; A
    begins with normal numbers of deviation 1 / sqrt(3 in), B with zeros, so that the
    model begins as it was. An export of the trained model has
    V = W + `alpha` / `rank` B A in place of all three.

    `dora` (Liu et al. 2024): the rows of V get norms that learn, too, in
    `NAME.lora_magnitude` m [out], which begins with the norms of the rows of W. The
    map becomes (x V^T) m / n + b, where n are the norms of the rows of V. They count
    as constants in gradients, as in section 4.3 of the paper.

    `bottleneck` (Houlsby et al. 2019): what the linear map returns, y, becomes
    y + gelu(y D^T + d) U^T + u, with D [width, out] and U [out, width]. Where nothing
    but a dropout reads y, it is what the dropout returns. The parameters are called
    `NAME.adapter_down.weight`, `NAME.adapter_down.bias`, `NAME.adapter_up.weight` and
    `NAME.adapter_up.bias`. D begins as A does, all others with zeros. They become part
    of no matrix, so an export of the trained model is refused.

    `transfer-inject` does this; groups select the new parameters by their names, and
    freeze the others. With `loaded`, adapters begin with tensors of their names that
    are in the model's checkpoint.

    - (C1) `select` is a POSIX extended regular expression, as in `transfer.group`.
    - (C2) `rank` is a positive integer, `alpha` a positive number; `lora` and `dora`
      have both, `bottleneck` neither.
    - (C3) `width` is a positive integer; `bottleneck` alone has it.
    - (C4) `bottleneck` is not `loaded`.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32>
      graft.parameter @dense.weight : tensor<8x8xf32>
      graft.parameter @label.weight : tensor<3x8xf32>
      func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %d = graft.read @dense.weight : tensor<8x8xf32>
        %y = graft.linear %x, %d : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        %l = graft.read @label.weight : tensor<3x8xf32>
        %z = graft.linear %p, %l : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @adapters {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      transfer.inject lora of @model select "^dense" rank 2 alpha 4.000000e+00
      transfer.group @adapters of @model select "[.]lora_[ab]$"
      transfer.group @head of @model select "^label"
      transfer.group @base of @model rest frozen
      %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      transfer.predict %logits softmax : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.000000e-03
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins Transfer_InjectKindAttr:$kind,
    FlatSymbolRefAttr:$model, UnitAttr:$loaded, Transfer_TextAttr:$select,
    OptionalAttr<Transfer_NumberAttr>:$rank,
    OptionalAttr<Transfer_NumberAttr>:$alpha,
    OptionalAttr<Transfer_NumberAttr>:$width);
  let assemblyFormat = [{
    $kind `of` $model (`loaded` $loaded^)? `select` custom<Text>($select)
    (`rank` custom<Number>($rank)^)? (`alpha` custom<Number>($alpha)^)?
    (`width` custom<Number>($width)^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Transfer_PhaseOp : Transfer_Op<"phase", [
    Symbol, HasParent<"StrategyOp">]> {
  let summary = "Minimise a loss over groups of parameters";
  let description = [{
    One step of an optimiser for `groups` under `loss`:

    | optimiser | update | settings |
    |---|---|---|
    | `adamw` | `graft.adamw` | `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-8) |
    | `adam` | the same with `coupled` | as AdamW |
    | `lamb` | `graft.lamb` | as AdamW, but `epsilon` is 1e-6 |
    | `sgd` | `graft.sgd`; with `momentum` above 0 `graft.momentum` | `momentum` (0), `nesterov` |

    The learning rate rises from 0 to `rate` during the first `warmup` of all
    steps (a fraction) and then stays (`constant`) or falls to 0, along a line
    (`linear`) or half a cosine (`cosine`). The rate of `sgd` may be negative where it names
    a reward or a register: then `momentum` m makes of the gradients g an eligibility trace
    v = m v + g, which a step follows or leaves as the reward says (Williams 1992). With `clip` above 0, the global norm of
    the gradients of all groups is clipped to that value.

    With `weighing` the gradients of the N terms of the loss, a `transfer.combine`, are
    kept apart until all examples of the batch have been seen, factors included. `weighing`
    then maps their products over all parameters that more than one term reaches,
    P[i, j] = sum of g_i g_j, to a weight for each term, and these parameters take a step
    along the sum of w_i g_i. What only one term reaches takes the gradient of that term.

    - (C1) `optimizer` is in the table, and other settings than its own are absent.
    - (C2) `nesterov` takes a `momentum` above 0.
    - (C3) The name consists of letters, digits and `_`.

    A part of `transfer.strategy`; see there for an example. One of two losses that
    weighs each by the size of the other's gradient:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32>
      graft.parameter @first : tensor<3x8xf32>
      graft.parameter @second : tensor<2x8xf32>
      func.func @pooled(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        return %z : tensor<?x8xf32, #graft.dims<S>>
      }
      func.func @one(%x: tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @first : tensor<3x8xf32>
        %z = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
      func.func @other(%x: tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x2xf32, #graft.dims<S>> {
        %w = graft.read @second : tensor<2x8xf32>
        %z = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<2x8xf32>) -> tensor<?x2xf32, #graft.dims<S>>
        return %z : tensor<?x2xf32, #graft.dims<S>>
      }
    }
    graft.model @balance {
      func.func @weights(%products: tensor<2x2xf32>) -> tensor<2xf32> {
        %squares = graft.reduce max %products over [1] : (tensor<2x2xf32>) -> tensor<2xf32>
        %one = graft.constant 1.0 : tensor<2xf32>
        %w = graft.div %one, %squares : tensor<2xf32>
        return %w : tensor<2xf32>
      }
    }
    transfer.strategy @balanced {
      %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1, %labels_2 = transfer.stream @more of ids, segments, labels<2> in @T, @S
      transfer.group @all of @model
      %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %u = transfer.call @model::@one(%x) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
      %v = transfer.call @model::@other(%y) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x2xf32, #graft.dims<S>>
      %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x2xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %loss = transfer.combine 1.000000e+00 * %k + 1.000000e+00 * %l
      transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss weighing @balance::@weights over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 of [@step]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Graft_Scalar:$loss,
    OptionalAttr<SymbolRefAttr>:$weighing,
    FlatSymbolRefArrayAttr:$groups, Transfer_TextAttr:$optimizer,
    Transfer_TextAttr:$schedule,
    Transfer_NumberAttr:$rate, OptionalAttr<Transfer_NumberAttr>:$warmup,
    OptionalAttr<Transfer_NumberAttr>:$momentum, UnitAttr:$nesterov,
    OptionalAttr<Transfer_NumberAttr>:$beta1,
    OptionalAttr<Transfer_NumberAttr>:$beta2,
    OptionalAttr<Transfer_NumberAttr>:$epsilon,
    OptionalAttr<Transfer_NumberAttr>:$clip);
  let assemblyFormat = [{
    $sym_name `minimise` $loss (`weighing` $weighing^)? `over` $groups
    `with` custom<Word>($optimizer)
    `rate` custom<Word>($schedule) custom<Number>($rate)
    (`warmup` custom<Number>($warmup)^)? (`momentum` custom<Number>($momentum)^)?
    (`nesterov` $nesterov^)? (`beta1` custom<Number>($beta1)^)?
    (`beta2` custom<Number>($beta2)^)? (`epsilon` custom<Number>($epsilon)^)?
    (`clip` custom<Number>($clip)^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Transfer_ScheduleOp : Transfer_Op<"schedule", [HasParent<"StrategyOp">]> {
  let summary = "Order and duration of the phases";
  let description = [{
    Runs the phases of `phases` one after the other in each step, for `epochs`
    epochs of the first stream that they read. Other streams that they read go round
    beside it: each step also takes the next batch of each, whatever epoch of theirs
    it is in. All phases of a step see the same batches.

    A phase `times` n has n turns in a row in each step, and one `every` n has its
    turns in the first of every n steps. Each turn computes a gradient and updates
    the parameters that the next turn reads.

    With `drawing power a` each step takes a batch of one of the streams that the
    phases read, drawn by the seed of the run and the number of the step; stream s of r_s
    examples with a probability in proportion to r_s^a. So a power of 1 draws examples
    alike, 0 streams alike. `taking [@s times n, @t]` takes n batches of @s, one of @t
    and so on, and begins again. An epoch then has as many steps as all of these streams
    have batches; each stream goes round at its own place. The loss of a step is that of
    the terms that read its stream. Parameters that these do not reach stay as they are,
    and so do their states: each counts the updates that it had.

    Several schedules are stages, which follow each other in their order. `step`,
    `epoch` and `progress`, warm-up and fall of a learning rate count within the
    stage.

    A reward is measured, and a register gets its next value, in their turn in the list;
    `every` n they have it in the first of every n steps.

    - (C1) `times`, `every` and the numbers of `taking` are positive integers, and a
      `power` is not negative. It may change.
    - (C2) A schedule has `drawing` or `taking`, not both. Each of its phases then reads
      the same two streams or more, each term of its loss one of them, and weighs no
      gradients. `taking` has each of these streams once.

    Example, batches of two tasks in turn, of which the larger one comes more often:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    graft.model @model {
      graft.parameter @words : tensor<100x8xf32>
      graft.parameter @first : tensor<3x8xf32>
      graft.parameter @second : tensor<2x8xf32>
      func.func @one(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %p = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        %v = graft.read @first : tensor<3x8xf32>
        %z = graft.linear %p, %v : (tensor<?x8xf32, #graft.dims<S>>, tensor<3x8xf32>) -> tensor<?x3xf32, #graft.dims<S>>
        return %z : tensor<?x3xf32, #graft.dims<S>>
      }
      func.func @other(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x2xf32, #graft.dims<S>> {
        %w = graft.read @words : tensor<100x8xf32>
        %x = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<100x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
        %p = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
        %v = graft.read @second : tensor<2x8xf32>
        %z = graft.linear %p, %v : (tensor<?x8xf32, #graft.dims<S>>, tensor<2x8xf32>) -> tensor<?x2xf32, #graft.dims<S>>
        return %z : tensor<?x2xf32, #graft.dims<S>>
      }
    }
    transfer.strategy @sampled {
      %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<2> in @T, @S
      transfer.group @all of @model
      %u = transfer.call @model::@one(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
      %v = transfer.call @model::@other(%ids_0, %segments_1) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x2xf32, #graft.dims<S>>
      %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x2xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %loss = transfer.combine 1.000000e+00 * %k + 1.000000e+00 * %l
      transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @step minimise %loss over [@all] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 3 drawing power 5.000000e-01 of [@step]
    }
    ```

    Example, a critic that learns ahead of the encoder, and the head alone before
    both:
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
    transfer.strategy @alternating {
      %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
      %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
      transfer.group @encoder of @model select "^words$"
      transfer.group @head of @model select "^label$"
      transfer.group @critic of @domain
      %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %ft = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
      %logits = transfer.call @model::@classify(%fs) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x3xf32, #graft.dims<S>>
      %ds = transfer.call @domain::@logits(%fs) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x1xf32, #graft.dims<S>>
      %dt = transfer.call @domain::@logits(%ft) : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<?x1xf32, #graft.dims<S>>
      %zero = graft.constant 0.000000e+00 : tensor<?x1xf32, #graft.dims<S>>
      %one = graft.constant 1.000000e+00 : tensor<?x1xf32, #graft.dims<S>>
      %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>
      %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #graft.dims<S>>, tensor<?x1xf32, #graft.dims<S>>
      %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #graft.dims<S>>, tensor<?x1xf32, #graft.dims<S>>
      %apart = transfer.combine 1.000000e+00 * %source + 1.000000e+00 * %target
      %alike = transfer.combine 1.000000e+00 * %label + -1.000000e-01 * %source + -1.000000e-01 * %target
      transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #graft.dims<S>>
      transfer.phase @probe minimise %label over [@head] with adamw rate linear 1.000000e-03
      transfer.phase @tell minimise %apart over [@critic] with adamw rate constant 1.000000e-03
      transfer.phase @hide minimise %alike over [@encoder, @head] with adamw rate linear 5.000000e-05
      transfer.schedule epochs 1 of [@probe]
      transfer.schedule epochs 3 of [@tell times 5, @hide]
    }
    ```
  }];
  let arguments = (ins Transfer_NumberAttr:$epochs,
    OptionalAttr<Transfer_NumberAttr>:$power,
    OptionalAttr<FlatSymbolRefArrayAttr>:$streams,
    OptionalAttr<TypedArrayAttrBase<Transfer_NumberAttr, "numbers">>:$batches,
    FlatSymbolRefArrayAttr:$phases,
    OptionalAttr<TypedArrayAttrBase<Transfer_NumberAttr, "numbers">>:$times,
    OptionalAttr<TypedArrayAttrBase<Transfer_NumberAttr, "numbers">>:$every);
  let assemblyFormat = [{
    `epochs` custom<Number>($epochs)
    (`drawing` `power` custom<Number>($power)^)?
    (`taking` custom<Batches>($streams, $batches)^)?
    `of` custom<Turns>($phases, $times, $every) attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The numbers `times` and `every` of a phase, a reward or a register; null
    // where the schedule has none.
    std::pair<::mlir::Attribute, ::mlir::Attribute> getTurns(
        ::mlir::Operation* op);
    // Whether a step takes a batch of one stream alone.
    bool takesOneStream() { return getPowerAttr() || getStreamsAttr(); }
  }];
}
