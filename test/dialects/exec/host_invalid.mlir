// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of exec.host, by the labels of its documentation, and of sources.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1.
exec.host @train {
  exec.register @a variable
  // expected-error @+1 {{'exec.set' op expects a number, a name or a function in "a +", got its end}}
  exec.set @a = "a +"
}

// -----

exec.host @train {
  exec.register @a variable
  // expected-error @+1 {{'exec.when' op expects an exec.register of the host program, got @b}}
  exec.when "a < b" {
  }
}

// -----

exec.host @train {
  exec.register @a variable
  // expected-error @+1 {{'exec.set' op expects an exec.stream of the host program, got @dev}}
  exec.set @a = "present(@dev)"
}

// -----

// A register is no stream.
exec.host @train {
  exec.register @a variable
  // expected-error @+1 {{'exec.repeat' op expects an exec.stream of the host program, got @a}}
  exec.repeat @a to "rows(@a)" {
  }
}

// -----

exec.host @train {
  exec.register @a variable
  // expected-error @+1 {{'exec.mark' op expects an operator or the end in "a a", got "a"}}
  exec.mark checkpoint "a a" ()
}

// -----

// C2.
exec.host @train {
  // expected-error @+1 {{'exec.stream' op expects a graft.size, got "T"}}
  exec.stream @train sizes (T, S)
}

// -----

exec.host @train {
  // expected-error @+1 {{'exec.stream' op expects 'sequences' with 'tokens', got none}}
  "exec.stream"() {sym_name = "train", tokens = "T"} : () -> ()
}
graft.size @T bound 64

// -----

exec.host @train {
  // expected-error @+1 {{'exec.set' op expects an exec.register of the host program, got @a}}
  exec.set @a = "0"
}

// -----

exec.host @train {
  // expected-error @+1 {{'exec.fill_cache' op expects an exec.cache of the host program, got @kept}}
  exec.fill_cache @kept
}

// -----

exec.host @train {
  exec.stream @train
  // expected-error @+1 {{'exec.cache' op expects an entry of the module, got @none}}
  exec.cache @kept of @train by @none output 0
}

// -----

exec.host @train {
  // expected-error @+1 {{'exec.call' op expects an entry of the module, got @none}}
  exec.call @none
}

// -----

exec.host @train {
  exec.stream @train
  // expected-error @+1 {{'exec.evaluate' op expects an entry of the module, got @none}}
  exec.evaluate @none on @train
}

// -----

exec.host @train {
  // expected-error @+1 {{'exec.log' op expects an exec.register of the host program, got @a}}
  exec.log (a = @a)
}

// -----

// C3.
exec.host @train {
  // expected-note @+1 {{declared here}}
  exec.register @rate parameter
  // expected-error @+1 {{'exec.set' op expects to write a variable, got the parameter @rate}}
  exec.set @rate = "0"
}

// -----

exec.host @train {
  // expected-note @+1 {{declared here}}
  exec.register @every option
  // expected-error @+1 {{'exec.test_finite' op expects to write a variable, got the option @every}}
  exec.test_finite "gradient" -> @every
}

// -----

exec.host @train {
  // expected-error @+1 {{'exec.register' op expects an initial value in [0, 1], got 2}}
  exec.register @rate parameter = 2 in [0, 1]
}

// -----

exec.host @train {
  // expected-error @+1 {{'exec.register' op expects 'minimum' and 'maximum' together}}
  "exec.register"() {sym_name = "rate", kind = 1 : i32, minimum = 0.0 : f64} : () -> ()
}

// -----

// C4.
exec.host @train {
  exec.stream @train
  exec.register @n variable
  // expected-error @+1 {{'exec.set' op expects a batch of @train around a sum of its examples}}
  exec.set @n = "sum(@train)"
}

// -----

exec.host @train {
  exec.stream @train
  // expected-error @+1 {{'exec.for_each_micro_batch' op expects to have a batch of @train around it, and no other loop over its micro-batches}}
  exec.for_each_micro_batch @train {
  }
}

// -----

exec.host @train {
  exec.stream @train
  exec.for_each_batch @train of "1" {
    exec.for_each_micro_batch @train {
      // expected-error @+1 {{'exec.for_each_micro_batch' op expects to have a batch of @train around it, and no other loop over its micro-batches}}
      exec.for_each_micro_batch @train {
      }
    }
  }
}

// -----

exec.host @train {
  exec.stream @train
  exec.for_each_batch @train of "1" {
    // expected-error @+1 {{'exec.for_each_batch' op expects no other batch of @train around it}}
    exec.for_each_batch @train of "1" {
    }
  }
}

// -----

exec.host @train {
  exec.stream @train
  exec.for_each_batch @train of "1" {
    // expected-error @+1 {{'exec.with_batch' op expects no other batch of @train around it}}
    exec.with_batch @train of "1" {
    }
  }
}

// -----

// A batch is no loop.
exec.host @train {
  exec.stream @train
  exec.register @n variable
  exec.with_batch @train of "1" {
    exec.set @n = "sum(@train)"
    exec.for_each_micro_batch @train {
    }
    // expected-error @+1 {{'exec.leave' op expects a loop around it}}
    exec.leave
  }
}

// -----

exec.host @train {
  exec.when "1" {
    // expected-error @+1 {{'exec.leave' op expects a loop around it}}
    exec.leave
  }
}

// -----

// C5.
func.func @entry(%x: tensor<?xi32> {exec.source = #exec.source<stream @train ids>}) attributes {graft.phase = "entry"} {
  return
}
exec.host @train {
  exec.stream @train
  exec.for_each_batch @train of "1" {
    // expected-error @+1 {{'exec.call' op expects to be in a loop over micro-batches of @train, which @entry reads}}
    exec.call @entry
  }
}

// -----

// Rows of a cache belong to examples of a stream, too.
func.func private @teacher() -> (tensor<?x3xf32> {graft.name = "logits"}) attributes {graft.phase = "teacher"}
exec.program @entry(x: tensor<?x3xf32> from cache @kept) -> () phase 0 arena 0 live 0 {
}
exec.host @train {
  exec.stream @train
  exec.cache @kept of @train by @teacher output 0
  // expected-error @+1 {{'exec.call' op expects to be in a loop over micro-batches of @train, which @entry reads}}
  exec.call @entry
}

// -----

func.func @entry(%x: tensor<3xf32>) -> (tensor<3xf32> {graft.name = "losses"}) attributes {graft.phase = "entry"} {
  return %x : tensor<3xf32>
}
exec.host @train {
  exec.register @a variable
  // expected-error @+1 {{'exec.call' op expects a result of type tensor<f32> of @entry, got "losses"}}
  exec.call @entry -> (@a = losses)
}

// -----

func.func @entry() attributes {graft.phase = "entry"} {
  return
}
exec.host @train {
  exec.stream @dev
  exec.register @a variable
  // expected-error @+1 {{'exec.evaluate' op expects loss or score of an evaluation, got "accuracy"}}
  exec.evaluate @entry on @dev -> (@a = accuracy)
}

// -----

exec.host @train {
  // expected-error @+1 {{'func.func' op expects to be outside of exec.host}}
  func.func private @f()
}

// -----

// Sources.
// expected-error @+1 {{'func.func' op expects 'exec.source' of argument 0 to be an #exec.source, got "ids"}}
func.func @entry(%x: tensor<?xi32> {exec.source = "ids"}) {
  return
}

// -----

// expected-error @+1 {{expects caller, stream, cache or register, got file}}
func.func @entry(%x: tensor<?xi32> {exec.source = #exec.source<file @train>}) {
  return
}

// -----

exec.host @train {
  exec.register @ids variable
}
// expected-error @+1 {{'exec.program' op expects a stream of an exec.host for input x, got @ids}}
exec.program @entry(x: tensor<4xi32> from stream @ids ids) -> () phase 0 arena 0 live 0 {
}

// -----

// expected-error @+1 {{'exec.program' op expects a register of an exec.host for input rate, got @rate}}
exec.program @entry(rate: tensor<f32> from register @rate) -> () phase 0 arena 0 live 0 {
}

// -----

// A whole batch.
exec.host @train {
  // expected-note @+1 {{declared here}}
  exec.stream @train
  exec.with_batch @train of "1" {
    // expected-error @+1 {{'exec.with_whole_batch' op expects a stream with the size 'batch', got @train}}
    exec.with_whole_batch @train {
    }
  }
}

// -----

graft.size @S bound 4
graft.size @N bound 8
exec.host @train {
  exec.stream @train sizes (S) batch @N
  // expected-error @+1 {{'exec.with_whole_batch' op expects to have a batch of @train around it, and no other loop over its micro-batches}}
  exec.with_whole_batch @train {
  }
}

// -----

graft.size @S bound 4
graft.size @N bound 8
exec.host @train {
  exec.stream @train sizes (S) batch @N
  exec.with_batch @train of "1" {
    exec.for_each_micro_batch @train {
      // expected-error @+1 {{'exec.with_whole_batch' op expects to have a batch of @train around it, and no other loop over its micro-batches}}
      exec.with_whole_batch @train {
      }
    }
  }
}

// -----

graft.size @S bound 4
graft.size @N bound 8
exec.host @train {
  exec.stream @train sizes (S) batch @N
  exec.with_batch @train of "1" {
    exec.with_whole_batch @train {
      // expected-error @+1 {{'exec.for_each_micro_batch' op expects to have a batch of @train around it, and no other loop over its micro-batches}}
      exec.for_each_micro_batch @train {
      }
    }
  }
}

// -----

// It is no loop.
graft.size @S bound 4
graft.size @N bound 8
exec.host @train {
  exec.stream @train sizes (S) batch @N
  exec.with_batch @train of "1" {
    exec.with_whole_batch @train {
      // expected-error @+1 {{'exec.leave' op expects a loop around it}}
      exec.leave
    }
  }
}

// -----

graft.size @S bound 4
exec.host @train {
  // expected-error @+1 {{'exec.stream' op expects a graft.size, got @N}}
  exec.stream @train sizes (S) batch @N
}

// -----

func.func private @represent() -> (tensor<?x3xf32> {graft.name = "rows"}) attributes {graft.phase = "represent"}
exec.host @train {
  // expected-note @+1 {{declared here}}
  exec.stream @train
  // expected-error @+1 {{'exec.cache' op expects a stream with the size 'batch', got @train}}
  exec.cache @kept of @train by @represent output 0 batch
}
