// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Steps that take one of two streams have one scale. The updates that are made are
// counted, so a step that is skipped needs no further count.

// RUN: graft-opt %s --precision-scale-loss | FileCheck %s

// CHECK-LABEL: func.func @update_b(
// CHECK-SAME:      exec.source = #exec.source<register @unscale>
// CHECK-LABEL: exec.host @job {
// CHECK:      exec.register @loss_scale parameter = 65536 in [6.103515625e-05, 16777216] "first factor of the loss, a power of two"
// CHECK-NEXT: exec.register @scale variable
// CHECK-NEXT: exec.register @unscale variable
// CHECK-NEXT: exec.register @scale_steps variable
// CHECK-NEXT: exec.register @skipped variable
// CHECK-NEXT: exec.register @finite variable
// CHECK-NEXT: exec.set @scale = "loss_scale"
// CHECK-NEXT: exec.repeat @batch to "9" {
// CHECK-NEXT:   exec.when "step % 2 == 0" {
// CHECK-NEXT:     exec.with_batch @a of "1" {
// CHECK-NEXT:       exec.set @number = "a_updates + b_updates + 1"
// CHECK-NEXT:       exec.set @loss = "0"
// CHECK-NEXT:       exec.set @unscale = "1 / scale"
// CHECK-NEXT:       exec.for_each_micro_batch @a {
// CHECK-NEXT:         exec.call @accumulate_a -> (@loss += loss)
// CHECK-NEXT:       }
// CHECK-NEXT:       exec.test_finite "gradient" -> @finite
// CHECK-NEXT:       exec.when "finite(loss) and finite" {
// CHECK-NEXT:         exec.call @update_a at "step"
// CHECK-NEXT:         exec.set @a_updates = "a_updates + 1"
// CHECK-NEXT:         exec.set @scale_steps = "scale_steps + 1"
// CHECK-NEXT:         exec.when "scale_steps >= 2000 and scale * 2 <= 16777216" {
// CHECK-NEXT:           exec.set @scale = "scale * 2"
// CHECK-NEXT:           exec.set @scale_steps = "0"
// CHECK-NEXT:         }
// CHECK-NEXT:       } otherwise {
// CHECK-NEXT:         exec.set @skipped = "skipped + 1"
// CHECK-NEXT:         exec.set @scale_steps = "0"
// CHECK-NEXT:         exec.when "scale / 2 < 6.103515625e-05" {
// CHECK-NEXT:           exec.fail "expects a finite loss and gradients" (step = @step)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.set @scale = "scale / 2"
// CHECK-NEXT:         exec.reset "gradient"
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT:   exec.when "step % 2 == 1" {
// CHECK-NEXT:     exec.with_batch @b of "1" {
// CHECK-NEXT:       exec.set @number = "a_updates + b_updates + 1"
// CHECK-NEXT:       exec.set @loss = "0"
// CHECK-NEXT:       exec.set @unscale = "1 / scale"
// CHECK-NEXT:       exec.for_each_micro_batch @b {
// CHECK-NEXT:         exec.call @accumulate_b -> (@loss += loss)
// CHECK-NEXT:       }
// CHECK-NEXT:       exec.test_finite "gradient" -> @finite
// CHECK-NEXT:       exec.when "finite(loss) and finite" {
// CHECK-NEXT:         exec.call @update_b at "step"
// CHECK-NEXT:         exec.set @b_updates = "b_updates + 1"
// CHECK-NEXT:         exec.set @scale_steps = "scale_steps + 1"
// CHECK-NEXT:         exec.when "scale_steps >= 2000 and scale * 2 <= 16777216" {
// CHECK-NEXT:           exec.set @scale = "scale * 2"
// CHECK-NEXT:           exec.set @scale_steps = "0"
// CHECK-NEXT:         }
// CHECK-NEXT:       } otherwise {
// CHECK-NEXT:         exec.set @skipped = "skipped + 1"
// CHECK-NEXT:         exec.set @scale_steps = "0"
// CHECK-NEXT:         exec.when "scale / 2 < 6.103515625e-05" {
// CHECK-NEXT:           exec.fail "expects a finite loss and gradients" (step = @step)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.set @scale = "scale / 2"
// CHECK-NEXT:         exec.reset "gradient"
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT:   exec.set @step = "step + 1"
// CHECK-NEXT:   exec.log (step = @step, loss = @loss, loss_scale = @scale, skipped_steps = @skipped)
// CHECK-NEXT:   exec.log "a" (step = @step, loss = @loss)
graft.model @m {
  graft.parameter @w : tensor<3xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3xf32>
  graft.state @w.m "first_moment" of @w : tensor<3xf32>
  graft.state @w.v "second_moment" of @w : tensor<3xf32>
}
func.func @accumulate_a() -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate_a"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  graft.write @m::@w.gradient, %g : tensor<3xf32>
  return %loss : tensor<f32>
}
func.func @accumulate_b() -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate_b"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  graft.write @m::@w.gradient, %g : tensor<3xf32>
  return %loss : tensor<f32>
}
func.func @update_a(%rate: tensor<f32> {exec.source = #exec.source<register @rate>}, %step: tensor<i32> {exec.source = #exec.source<register @number>}) attributes {graft.phase = "update_a"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}
func.func @update_b(%rate: tensor<f32> {exec.source = #exec.source<register @rate>}, %step: tensor<i32> {exec.source = #exec.source<register @number>}) attributes {graft.phase = "update_b"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}
exec.host @job {
  exec.stream @a
  exec.stream @b
  exec.register @rate parameter = 1
  exec.register @batch variable
  exec.register @step variable
  exec.register @number variable
  exec.register @a_updates variable
  exec.register @b_updates variable
  exec.register @loss variable
  exec.repeat @batch to "9" {
    exec.when "step % 2 == 0" {
      exec.with_batch @a of "1" {
        exec.set @number = "a_updates + b_updates + 1"
        exec.set @loss = "0"
        exec.for_each_micro_batch @a {
          exec.call @accumulate_a -> (@loss += loss)
        }
        exec.when "not finite(loss)" {
          exec.fail "expects a finite loss" (step = @step)
        }
        exec.call @update_a at "step"
        exec.set @a_updates = "a_updates + 1"
      }
    }
    exec.when "step % 2 == 1" {
      exec.with_batch @b of "1" {
        exec.set @number = "a_updates + b_updates + 1"
        exec.set @loss = "0"
        exec.for_each_micro_batch @b {
          exec.call @accumulate_b -> (@loss += loss)
        }
        exec.when "not finite(loss)" {
          exec.fail "expects a finite loss" (step = @step)
        }
        exec.call @update_b at "step"
        exec.set @b_updates = "b_updates + 1"
      }
    }
    exec.set @step = "step + 1"
    exec.log (step = @step, loss = @loss)
    exec.log "a" (step = @step, loss = @loss)
  }
}
