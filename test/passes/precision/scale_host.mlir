// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Dynamic loss scaling in a host program.

// RUN: graft-opt %s --precision-scale-loss --split-input-file --verify-diagnostics | FileCheck %s

// The step that is skipped leaves parameters and the count of updates alone. A
// register of the program that is called `scale` stays.

// CHECK-LABEL: func.func @accumulate(
// CHECK-SAME:      %{{.*}}: tensor<f32> {exec.source = #exec.source<register @scale_>, graft.name = "scale"})
// CHECK-LABEL: func.func @update(
// CHECK-SAME:      %{{[a-z0-9]+}}: tensor<f32> {exec.source = #exec.source<register @unscale>, graft.name = "unscale"})
// CHECK-LABEL: exec.host @job {
// CHECK:         exec.register @scale parameter
// CHECK:         exec.register @loss_scale parameter = 65536 in [6.103515625e-05, 16777216] "first factor of the loss, a power of two"
// CHECK-NEXT:    exec.register @scale_ variable
// CHECK-NEXT:    exec.register @unscale variable
// CHECK-NEXT:    exec.register @scale_steps variable
// CHECK-NEXT:    exec.register @skipped variable
// CHECK-NEXT:    exec.register @finite variable
// CHECK-NEXT:    exec.set @scale_ = "loss_scale"
// CHECK-NEXT:    exec.for_each_batch @data of "1" {
// CHECK-NEXT:      exec.set @count = "step + 1 - skipped"
// CHECK-NEXT:      exec.set @loss = "0"
// CHECK-NEXT:      exec.set @unscale = "1 / scale_"
// CHECK-NEXT:      exec.for_each_micro_batch @data {
// CHECK-NEXT:        exec.call @accumulate -> (@loss += loss)
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.test_finite "gradient" -> @finite
// CHECK-NEXT:      exec.when "finite(loss)" {
// CHECK-NEXT:        exec.set @loss_sum = "loss_sum + loss"
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.when "finite(loss) and finite" {
// CHECK-NEXT:        exec.call @update at "step"
// CHECK-NEXT:        exec.set @scale_steps = "scale_steps + 1"
// CHECK-NEXT:        exec.when "scale_steps >= 2000 and scale_ * 2 <= 16777216" {
// CHECK-NEXT:          exec.set @scale_ = "scale_ * 2"
// CHECK-NEXT:          exec.set @scale_steps = "0"
// CHECK-NEXT:        }
// CHECK-NEXT:      } otherwise {
// CHECK-NEXT:        exec.set @skipped = "skipped + 1"
// CHECK-NEXT:        exec.set @scale_steps = "0"
// CHECK-NEXT:        exec.when "scale_ / 2 < 6.103515625e-05" {
// CHECK-NEXT:          exec.set @step = "step + 1"
// CHECK-NEXT:          exec.fail "expects a finite loss and gradients" (step = @step)
// CHECK-NEXT:        }
// CHECK-NEXT:        exec.set @scale_ = "scale_ / 2"
// CHECK-NEXT:        exec.reset "gradient"
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.set @step = "step + 1"
// CHECK-NEXT:      exec.log (step = @step, loss_scale = @scale_, skipped_steps = @skipped)
// CHECK-NEXT:      exec.log "other" (step = @step)
// CHECK-NEXT:    }
graft.model @m {
  graft.parameter @w : tensor<3xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3xf32>
  graft.state @w.m "first_moment" of @w : tensor<3xf32>
  graft.state @w.v "second_moment" of @w : tensor<3xf32>
}
func.func @accumulate() -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  graft.write @m::@w.gradient, %g : tensor<3xf32>
  return %loss : tensor<f32>
}
func.func @update(%rate: tensor<f32> {exec.source = #exec.source<register @rate>}, %step: tensor<i32> {exec.source = #exec.source<register @count>}) attributes {graft.phase = "update"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}
exec.host @job {
  exec.stream @data
  exec.register @rate parameter = 1
  exec.register @scale parameter = 1
  exec.register @count variable
  exec.register @step variable
  exec.register @loss variable
  exec.register @loss_sum variable
  exec.for_each_batch @data of "1" {
    exec.set @count = "step + 1"
    exec.set @loss = "0"
    exec.for_each_micro_batch @data {
      exec.call @accumulate -> (@loss += loss)
    }
    exec.when "not finite(loss)" {
      exec.set @step = "step + 1"
      exec.fail "expects a finite loss" (step = @step)
    }
    exec.call @update at "step"
    exec.set @loss_sum = "loss_sum + loss"
    exec.set @step = "step + 1"
    exec.log (step = @step)
    exec.log "other" (step = @step)
  }
}

// -----

// What is subtracted from binds less than a comparison would.

// CHECK-LABEL: exec.host @job {
// CHECK:         exec.set @count = "(step > 3 or step) - skipped"
graft.model @m {
  graft.parameter @w : tensor<3xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3xf32>
  graft.state @w.m "first_moment" of @w : tensor<3xf32>
  graft.state @w.v "second_moment" of @w : tensor<3xf32>
}
func.func @accumulate() -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  graft.write @m::@w.gradient, %g : tensor<3xf32>
  return %loss : tensor<f32>
}
func.func @update(%rate: tensor<f32> {exec.source = #exec.source<register @rate>}, %step: tensor<i32> {exec.source = #exec.source<register @count>}) attributes {graft.phase = "update"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}
exec.host @job {
  exec.stream @data
  exec.register @rate parameter = 1
  exec.register @count variable
  exec.register @step variable
  exec.register @loss variable
  exec.register @loss_sum variable
  exec.for_each_batch @data of "1" {
    exec.set @count = "step > 3 or step"
    exec.set @loss = "0"
    exec.for_each_micro_batch @data {
      exec.call @accumulate -> (@loss += loss)
    }
    exec.when "not finite(loss)" {
      exec.set @step = "step + 1"
      exec.fail "expects a finite loss" (step = @step)
    }
    exec.call @update at "step"
    exec.set @loss_sum = "loss_sum + loss"
    exec.set @step = "step + 1"
    exec.log (step = @step)
    exec.log "other" (step = @step)
  }
}

// -----

// C1.

graft.model @m {
  graft.parameter @w : tensor<3xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3xf32>
  graft.state @w.m "first_moment" of @w : tensor<3xf32>
  graft.state @w.v "second_moment" of @w : tensor<3xf32>
}
func.func @accumulate() -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  graft.write @m::@w.gradient, %g : tensor<3xf32>
  return %loss : tensor<f32>
}
func.func @update(%rate: tensor<f32> {exec.source = #exec.source<register @rate>}, %step: tensor<i32> {exec.source = #exec.source<register @count>}) attributes {graft.phase = "update"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}
exec.host @job {
  exec.stream @data
  exec.register @rate parameter = 1
  exec.register @count variable
  exec.register @step variable
  exec.register @loss variable
  exec.register @loss_sum variable
  exec.for_each_batch @data of "1" {
    exec.set @count = "step + 1"
    exec.set @loss = "0"
    exec.for_each_micro_batch @data {
      // expected-error @below {{'exec.call' op expects a loop over micro-batches around it and, for loss scaling, behind that an exec.when that fails and an exec.call of @update, and before it an exec.set of the register that counts the updates}}
      exec.call @accumulate -> (@loss += loss)
    }
    exec.call @update at "step"
    exec.set @loss_sum = "loss_sum + loss"
    exec.set @step = "step + 1"
    exec.log (step = @step)
    exec.log "other" (step = @step)
  }
}

// -----

graft.model @m {
  graft.parameter @w : tensor<3xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3xf32>
  graft.state @w.m "first_moment" of @w : tensor<3xf32>
  graft.state @w.v "second_moment" of @w : tensor<3xf32>
}
func.func @accumulate() -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  graft.write @m::@w.gradient, %g : tensor<3xf32>
  return %loss : tensor<f32>
}
func.func @update(%rate: tensor<f32> {exec.source = #exec.source<register @rate>}, %step: tensor<i32> {exec.source = #exec.source<register @count>}) attributes {graft.phase = "update"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}
exec.host @job {
  exec.stream @data
  exec.register @rate parameter = 1
  // expected-error @below {{'exec.register' op expects another name than @loss_scale, which loss scaling declares}}
  exec.register @loss_scale parameter = 1
  exec.register @count variable
  exec.register @step variable
  exec.register @loss variable
  exec.register @loss_sum variable
  exec.for_each_batch @data of "1" {
    exec.set @count = "step + 1"
    exec.set @loss = "0"
    exec.for_each_micro_batch @data {
      exec.call @accumulate -> (@loss += loss)
    }
    exec.when "not finite(loss)" {
      exec.set @step = "step + 1"
      exec.fail "expects a finite loss" (step = @step)
    }
    exec.call @update at "step"
    exec.set @loss_sum = "loss_sum + loss"
    exec.set @step = "step + 1"
    exec.log (step = @step)
    exec.log "other" (step = @step)
  }
}
