// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the example of exec.host leaves out: forms that print shorter, or with
// quotes.

// RUN: graft-opt %s | graft-opt | FileCheck %s

graft.size @T bound 64
graft.size @S bound 8

// CHECK-LABEL: exec.host @job {
exec.host @job attributes {} {
  // CHECK-NEXT: exec.stream @images sizes (S)
  exec.stream @images sizes (S)
  // CHECK-NEXT: exec.stream @none{{$}}
  exec.stream @none
  // CHECK-NEXT: exec.register @a variable{{$}}
  exec.register @a variable = 0.0
  // CHECK-NEXT: exec.register @b variable = -0.5
  exec.register @b variable = -5.0e-1
  // CHECK-NEXT: exec.register @c option = 6.103515625e-05 in [-1, 1.0e+20]
  exec.register @c option = 6.103515625e-05 in [-1.0, 1.0e20]
  // CHECK-NEXT: exec.register @d parameter "what it is"
  exec.register @d parameter "what it is"
  // CHECK-NEXT: exec.parameter "word" = ""
  exec.parameter "word" = ""
  // CHECK-NEXT: exec.when "a" {
  // CHECK-NEXT: } otherwise {
  // CHECK-NEXT:   exec.log "group" ("two words" = @a)
  // CHECK-NEXT: }
  exec.when "a" {
  } otherwise {
    exec.log "group" ("two words" = @a)
  }
  // CHECK-NEXT: exec.when "b" {
  // CHECK-NEXT: }
  exec.when "b" {
  }
  // CHECK-NEXT: exec.log ()
  exec.log ()
  // CHECK-NEXT: exec.call @entry -> (@a = loss, @b += "other loss")
  exec.call @entry -> (@a = loss, @b += "other loss")
  // CHECK-NEXT: exec.call @entry at "a + 1"{{$}}
  exec.call @entry at "a + 1"
  // CHECK-NEXT: exec.evaluate @entry on @images{{$}}
  exec.evaluate @entry on @images
}

// An input without a source comes from the caller; a program and a function
// may feed a host program alike.
// CHECK: func.func @entry(%{{.*}}: tensor<f32> {exec.source = #exec.source<register @a>}, %{{.*}}: tensor<f32> {exec.source = #exec.source<caller>})
func.func @entry(%x: tensor<f32> {exec.source = #exec.source<register @a>}, %y: tensor<f32> {exec.source = #exec.source<caller>})
    -> (tensor<f32> {graft.name = "loss"}, tensor<f32> {graft.name = "other loss"}) attributes {graft.phase = "entry"} {
  return %x, %y : tensor<f32>, tensor<f32>
}

// CHECK: exec.program @program(x: tensor<?x4xf32, #S> below 3 from stream @images "two words", y: tensor<f32> from register @a, z: tensor<f32>) -> ()
exec.program @program(x: tensor<?x4xf32, #graft.dims<S>> below 3 from stream @images "two words", y: tensor<f32> from register @a, z: tensor<f32> from caller) -> () phase 0 arena 0 live 0 {
}
