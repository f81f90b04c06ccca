// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Host programs, one-to-one with HostProgram of runtime/schema/artifact.fbs.

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "dialects/exec/exec_dialect.td"

// In the order of schema::RegisterKind.
def Exec_RegisterKind : I32EnumAttr<"RegisterKind", "kind of a register", [
    I32EnumAttrCase<"variable", 0>, I32EnumAttrCase<"parameter", 1>,
    I32EnumAttrCase<"option", 2>]> {
  let cppNamespace = "::graft::exec";
}

def Exec_AssignmentArrayAttr
    : TypedArrayAttrBase<Exec_AssignmentAttr, "assignments">;

// An expression over registers; host_expression.h has the grammar.
defvar Exec_ExpressionText = StrAttr;

class Exec_HostOpBase<string mnemonic, list<Trait> traits = []>
    : Op<Exec_Dialect, mnemonic, traits>;
class Exec_Declaration<string mnemonic, list<Trait> traits = []>
    : Exec_HostOpBase<mnemonic, traits # [HasParent<"HostOp">]>;
class Exec_Instruction<string mnemonic, list<Trait> traits = []>
    : Exec_HostOpBase<mnemonic, traits # [ParentOneOf<[
        "HostOp", "WhenOp", "RepeatOp", "ForEachBatchOp", "WithBatchOp",
        "ForEachMicroBatchOp", "WithWholeBatchOp"]>]>;
class Exec_Block<string mnemonic>
    : Exec_Instruction<mnemonic, [NoTerminator, SingleBlock]>;

def Exec_HostOp : Exec_HostOpBase<"host", [
    Symbol, SymbolTable, IsolatedFromAbove, NoTerminator, SingleBlock,
    HasParent<"::mlir::ModuleOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A job: what is called how often, and with which numbers";
  let description = [{
    Holds declarations (streams of examples, caches, registers and parameters) and
    the instructions that the trainer interprets, in order. A run may stop and
    resume at each instruction. Numbers are doubles in registers. Expressions are
    texts over them:

    | form | value |
    |---|---|
    | `3`, `step`, `(a)` | a number, a register |
    | `-` `not`, `* / %`, `+ -`, `< <= > >=`, `== !=`, `and`, `or` | as in C, by precedence from high to low; comparisons and logic give 1 or 0 |
    | `min max` of two, `exp log sqrt cos floor ceil round finite` of one | functions |
    | `select(a, b, c)` | `b` if `a` is not 0, else `c` |
    | `random(step)` | a number in [0, 1), for the seed of the run and the number that is given |
    | `rows(@train)` | all examples of a stream |
    | `task_rows(@train)` | where its batches have rows of one task each, those that it gives for the task with the fewest; else 0 |
    | `present(@dev)` | 1 if there is data for a stream |
    | `sum(@train)` | examples of the stream's batch |
    | `sum(@train weights)` | sum of a field over them |
    | `sum(@train weights where labels != -100)` | the same, of those whose field differs from a number |

    Names of streams, caches and registers belong to all host programs of a module;
    inputs of entries refer to them (`#exec.source`).

    - (C1) Expressions are of this form, and their registers and streams are declared.
    - (C2) Registers, streams, caches and entries that instructions name exist; sizes
      of streams are `graft.size` ops. Entries may be missing while the module has a
      `transfer.strategy`, which makes them.
    - (C3) Instructions write variables only: the caller of a run sets parameters and
      options. Initial values are in their ranges.
    - (C4) Sums over a stream, loops over its micro-batches and `exec.with_whole_batch`
      are inside of the one `exec.for_each_batch` or `exec.with_batch` of it, and not
      inside of each other. `exec.leave` is inside of a loop.
    - (C5) An entry with inputs of a stream is called inside of the loop over its
      micro-batches, or of the `exec.with_whole_batch` of it. Results that a call assigns are `tensor<f32>`; an evaluation
      has the results `loss` and `score`.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    func.func @teacher_logits(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @train ids>}) -> (tensor<?x3xf32, #graft.dims<S>> {graft.name = "logits"}) attributes {graft.phase = "teacher_logits"}
    func.func @accumulate(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @train ids>}) -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"}
    func.func @update(%rate: tensor<f32> {graft.name = "rate", exec.source = #exec.source<register @learning_rate>}) attributes {graft.phase = "update"}
    func.func @evaluate(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @train ids>}) attributes {graft.phase = "evaluate"}
    exec.host @train {
      exec.stream @train sizes (T, S)
      exec.stream @dev sizes (T, S)
      exec.cache @teacher_logits of @train by @teacher_logits output 0
      exec.register @rate parameter = 5.0e-05 in [0, 1] "peak learning rate"
      exec.register @batch_size parameter = 32 in [1, 1000000000] "examples of an optimiser step"
      exec.register @checkpoint_every option "steps between checkpoints; 0: none"
      exec.register @epoch variable
      exec.register @step variable
      exec.register @learning_rate variable
      exec.register @loss variable
      exec.register @finite variable
      exec.register @score variable
      exec.register @best variable = -1
      exec.parameter "schedule" = "constant" "how the rate falls"
      exec.fill_cache @teacher_logits
      exec.repeat @epoch to "3" {
        exec.for_each_batch @train of "batch_size" {
          exec.set @learning_rate = "rate * min(1, step / 100)"
          exec.set @loss = "0"
          exec.for_each_micro_batch @train {
            exec.call @accumulate at "step" -> (@loss += loss)
          }
          exec.test_finite "gradient" -> @finite
          exec.when "finite and finite(loss)" {
            exec.call @update at "step"
          } otherwise {
            exec.reset "gradient"
            exec.when "step == 0" {
              exec.fail "expects a finite loss" (step = @step, got = @loss)
            }
          }
          exec.set @step = "step + 1"
          exec.log (step = @step, loss = @loss)
          exec.when "present(@dev) and step % 100 == 0" {
            exec.evaluate @evaluate on @dev -> (@score = score)
            exec.log "dev" (step = @step, score = @score)
            exec.when "score > best" {
              exec.set @best = "score"
              exec.keep "best"
            }
          }
          exec.mark checkpoint "checkpoint_every > 0 and step % checkpoint_every == 0" (step = @step)
          exec.when "step >= 1000" {
            exec.leave
          }
        }
      }
      exec.when "best >= 0" {
        exec.restore "best"
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def Exec_StreamOp : Exec_Declaration<"stream", [Symbol]> {
  let summary = "Examples that come one batch after the other";
  let description = [{
    Users give the data under the stream's name. `tokens` is the named size that
    counts the tokens of a micro-batch, `sequences` the one that counts its examples;
    `sizes (S)` has no tokens. `batch` is the named size that counts the examples of a
    whole batch, for `exec.with_whole_batch`.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<StrAttr>:$tokens,
    OptionalAttr<StrAttr>:$sequences, OptionalAttr<FlatSymbolRefAttr>:$batch);
  let assemblyFormat = [{
    $sym_name (`sizes` custom<StreamSizes>($tokens, $sequences)^)?
    (`batch` $batch^)? attr-dict
  }];
}

def Exec_CacheOp : Exec_Declaration<"cache", [Symbol]> {
  let summary = "What an entry computes once for each example of a stream";
  let description = [{
    Holds the rows of result `output` of `entry`. With `batch` it holds those of the
    current batch alone, which each call of `entry` writes for the examples that it
    takes, until the mark at the end of the step; see `exec.with_whole_batch`. Else
    `exec.fill_cache` computes them, or takes those of an earlier run with the same
    `key`, a hash of what `entry` computes, parameters and examples.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$stream,
    FlatSymbolRefAttr:$entry, ConfinedAttr<I64Attr, [IntNonNegative]>:$output,
    UnitAttr:$batch, OptionalAttr<StrAttr>:$key);
  let assemblyFormat = [{
    $sym_name `of` $stream `by` $entry `output` $output (`batch` $batch^)? (`key` $key^)?
    attr-dict
  }];
}

def Exec_RegisterOp : Exec_Declaration<"register", [Symbol]> {
  let summary = "A number that a host program keeps";
  let description = [{
    A `variable` is written by instructions and saved in checkpoints. A `parameter`
    changes what a run computes, an `option` does not (such as the steps between
    checkpoints); the caller of a run may set both, within [`minimum`, `maximum`].
    `meaning` is one line for users. Registers begin with `initial`.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Exec_RegisterKind:$kind,
    DefaultValuedAttr<F64Attr, "0.0">:$initial, OptionalAttr<F64Attr>:$minimum,
    OptionalAttr<F64Attr>:$maximum, OptionalAttr<StrAttr>:$meaning);
  let assemblyFormat = [{
    $sym_name $kind (`=` custom<Number>($initial)^)?
    (`in` ` ` `[` custom<Number>($minimum)^ `,` custom<Number>($maximum) `]`)?
    ($meaning^)? attr-dict
  }];
}

def Exec_SettingOp : Exec_Declaration<"parameter"> {
  let summary = "What a strategy declares, as its author or a user has set it";
  let description = [{
    Kept in the artifact for people: a number or a word, also one that no instruction
    reads.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$value,
    OptionalAttr<StrAttr>:$meaning);
  let assemblyFormat = "$name `=` $value ($meaning^)? attr-dict";
}

def Exec_SetOp : Exec_Instruction<"set"> {
  let summary = "Write the value of an expression to a register";
  let description = [{
    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$target,
    Exec_ExpressionText:$expression);
  let assemblyFormat = "$target `=` $expression attr-dict";
}

def Exec_WhenOp : Exec_Block<"when"> {
  let summary = "Run instructions if an expression is not 0";
  let description = [{
    Else runs those of `otherwise`.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins Exec_ExpressionText:$expression);
  let regions = (region SizedRegion<1>:$body, AnyRegion:$otherwise);
  let assemblyFormat = [{
    $expression attr-dict-with-keyword $body (`otherwise` $otherwise^)?
  }];
}

def Exec_RepeatOp : Exec_Block<"repeat"> {
  let summary = "Count a register up to the value of an expression";
  let description = [{
    Runs the body while `target` is below `expression`, and adds 1 to `target` after
    each iteration. Does not reset `target`, so that a run resumes where it
    stopped.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$target,
    Exec_ExpressionText:$expression);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $target `to` $expression attr-dict-with-keyword $body
  }];
}

def Exec_ForEachBatchOp : Exec_Block<"for_each_batch"> {
  let summary = "Loop over the batches of an epoch of a stream";
  let description = [{
    `expression` is the number of examples of each; the last has the remainder. Begins
    with the next epoch where `exec.with_batch` or `exec.leave` has left the stream
    inside of one.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$stream,
    Exec_ExpressionText:$expression);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $stream `of` $expression attr-dict-with-keyword $body
  }];
}

def Exec_WithBatchOp : Exec_Block<"with_batch"> {
  let summary = "Run instructions with the next batch of a stream";
  let description = [{
    The stream goes round: behind the last batch of an epoch comes the first of the
    next one, whatever loops are around. So a stream is read beside another one of
    another length. `expression` is the number of examples of the batch; the last of
    an epoch has the remainder.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 512
    func.func @accumulate_source(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @source ids>}) attributes {graft.phase = "accumulate_source"}
    func.func @accumulate_target(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @target ids>}) attributes {graft.phase = "accumulate_target"}
    exec.host @train {
      exec.stream @source sizes (T, S)
      exec.stream @target sizes (T, S)
      exec.for_each_batch @source of "32" {
        exec.with_batch @target of "32" {
          exec.for_each_micro_batch @source {
            exec.call @accumulate_source
          }
          exec.for_each_micro_batch @target {
            exec.call @accumulate_target
          }
        }
      }
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$stream,
    Exec_ExpressionText:$expression);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $stream `of` $expression attr-dict-with-keyword $body
  }];
}

def Exec_ForEachMicroBatchOp : Exec_Block<"for_each_micro_batch"> {
  let summary = "Loop over the micro-batches of the batch of a stream";
  let description = [{
    As many as the sizes of the program require. With `whole`, which says why, there
    must be one: the program ends with an error at a batch that needs more.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$stream,
    OptionalAttr<StrAttr>:$whole);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $stream (`whole` $whole^)? attr-dict-with-keyword $body
  }];
}

def Exec_WithWholeBatchOp : Exec_Block<"with_whole_batch"> {
  let summary = "Run instructions with all examples of the batch of a stream";
  let description = [{
    Entries that are called inside of it take the fields and rows of all examples of
    the batch at once, counted by the size `batch` of the stream, but no tokens. So a
    loss that relates examples sees all of them, although they were represented, and
    their gradients are pushed back, in micro-batches.

    Example:
    ```mlir
    graft.size @T bound 4096
    graft.size @S bound 32
    graft.size @N bound 1024
    func.func @represent(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @train ids>}) -> (tensor<?x8xf32, #graft.dims<S>> {graft.name = "rows"}) attributes {graft.phase = "represent"}
    func.func @relate(%rows: tensor<?x8xf32, #graft.dims<N>> {graft.name = "rows", exec.source = #exec.source<cache @rows>}) -> (tensor<f32> {graft.name = "loss"}, tensor<?x8xf32, #graft.dims<N>> {graft.name = "gradient"}) attributes {graft.phase = "relate"}
    func.func @push(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @train ids>}, %gradient: tensor<?x8xf32, #graft.dims<S>> {graft.name = "gradient", exec.source = #exec.source<cache @gradient>}) attributes {graft.phase = "push"}
    exec.host @train {
      exec.stream @train sizes (T, S) batch @N
      exec.cache @rows of @train by @represent output 0 batch
      exec.cache @gradient of @train by @relate output 1 batch
      exec.register @loss variable
      exec.for_each_batch @train of "1024" {
        exec.for_each_micro_batch @train {
          exec.call @represent
        }
        exec.with_whole_batch @train {
          exec.call @relate -> (@loss += loss)
        }
        exec.for_each_micro_batch @train {
          exec.call @push
        }
      }
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$stream);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$stream attr-dict-with-keyword $body";
}

def Exec_LeaveOp : Exec_Instruction<"leave"> {
  let summary = "Leave all loops";
  let description = [{
    Goes on behind the outermost loop around it.

    A part of `exec.host`; see there for an example.
  }];
  let assemblyFormat = "attr-dict";
}

def Exec_CallOp : Exec_Instruction<"call"> {
  let summary = "Call an entry";
  let description = [{
    Feeds the inputs of the entry from their sources. Random bits are those of step
    `expression`. Assigns results to registers, or adds them.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$entry,
    OptionalAttr<Exec_ExpressionText>:$expression,
    OptionalAttr<Exec_AssignmentArrayAttr>:$assignments);
  let assemblyFormat = [{
    $entry (`at` $expression^)? (`->` custom<Results>($assignments)^)? attr-dict
  }];
}

def Exec_FillCacheOp : Exec_Instruction<"fill_cache"> {
  let summary = "Compute a cache for all examples of its stream";
  let description = [{
    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$cache);
  let assemblyFormat = "$cache attr-dict";
}

def Exec_EvaluateOp : Exec_Instruction<"evaluate"> {
  let summary = "Measure the program on all examples of a stream";
  let description = [{
    Calls `entry` with the examples of `stream`, which may differ from the stream of
    the entry's inputs, and assigns the mean `loss` and the `score`.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins FlatSymbolRefAttr:$entry, FlatSymbolRefAttr:$stream,
    OptionalAttr<Exec_AssignmentArrayAttr>:$assignments);
  let assemblyFormat = [{
    $entry `on` $stream (`->` custom<Results>($assignments)^)? attr-dict
  }];
}

def Exec_TestFiniteOp : Exec_Instruction<"test_finite"> {
  let summary = "Test trained parameters and states for numbers that are not finite";
  let description = [{
    Writes 1 to `target` if all trained parameters and all states of kind `state` are
    finite, else 0.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins StrAttr:$state, FlatSymbolRefAttr:$target);
  let assemblyFormat = "$state `->` $target attr-dict";
}

def Exec_ResetOp : Exec_Instruction<"reset"> {
  let summary = "Set states to their initial values";
  let description = [{
    Those of kind `state`.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins StrAttr:$state);
  let assemblyFormat = "$state attr-dict";
}

def Exec_LogOp : Exec_Instruction<"log"> {
  let summary = "Record the values of registers";
  let description = [{
    Under their names; `step` is the abscissa, `group` a name for all of them, such
    as "dev".

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$group,
    Exec_AssignmentArrayAttr:$assignments);
  let assemblyFormat = "($group^)? custom<Shown>($assignments) attr-dict";
}

def Exec_KeepOp : Exec_Instruction<"keep"> {
  let summary = "Keep a copy of the trained parameters";
  let description = [{
    Under a name; a later copy replaces it.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins StrAttr:$name);
  let assemblyFormat = "$name attr-dict";
}

def Exec_RestoreOp : Exec_Instruction<"restore"> {
  let summary = "Restore the parameters that were kept";
  let description = [{
    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins StrAttr:$name);
  let assemblyFormat = "$name attr-dict";
}

def Exec_MarkOp : Exec_Instruction<"mark"> {
  let summary = "The end of a step";
  let description = [{
    Shows the values of registers to the caller, and saves a checkpoint if
    `expression` is not 0.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins Exec_ExpressionText:$expression,
    Exec_AssignmentArrayAttr:$assignments);
  let assemblyFormat = [{
    `checkpoint` $expression custom<Shown>($assignments) attr-dict
  }];
}

def Exec_FailOp : Exec_Instruction<"fail"> {
  let summary = "End the run with an error";
  let description = [{
    `message`, with the values of registers.

    A part of `exec.host`; see there for an example.
  }];
  let arguments = (ins StrAttr:$message, Exec_AssignmentArrayAttr:$assignments);
  let assemblyFormat = "$message custom<Shown>($assignments) attr-dict";
}
