// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-outline=target=avx512 | FileCheck %s

graft.size @T bound 4096
graft.model @m {
  graft.parameter @w : tensor<32x48xf32>
  graft.state @w.gradient "gradient" of @w : tensor<32x48xf32>
  graft.state @w.first_moment "first_moment" of @w : tensor<32x48xf32>
  graft.state @w.second_moment "second_moment" of @w : tensor<32x48xf32>
}

// A weight gradient begins with what the slot holds: no launch adds them. The
// read comes before the product, where the sum had it behind.

// CHECK-LABEL: func.func @accumulate(
// CHECK:         %[[OLD:.+]] = graft.read @m::@w.gradient
// CHECK:         %[[NEW:.+]] = exec.launch @kernels::@matmul_add.{{.+}}(%{{.+}}, %{{.+}}, %[[OLD]]) {{.*}}ties [0, 2]
// CHECK-NEXT:    graft.write @m::@w.gradient, %[[NEW]]
// CHECK-NEXT:    return
func.func @accumulate(%g: tensor<?x32xf32, #graft.dims<T>>,
                      %x: tensor<?x48xf32, #graft.dims<T>>)
    attributes {graft.phase = "accumulate"} {
  %d = graft.matmul %g, %x transpose_lhs : (tensor<?x32xf32, #graft.dims<T>>, tensor<?x48xf32, #graft.dims<T>>) -> tensor<32x48xf32>
  %old = graft.read @m::@w.gradient : tensor<32x48xf32>
  %new = graft.add %old, %d : tensor<32x48xf32>
  graft.write @m::@w.gradient, %new : tensor<32x48xf32>
  return
}

// The second product may begin with the first one, not the other way round.

// CHECK-LABEL: func.func @two(
// CHECK:         %[[FIRST:.+]] = exec.launch @kernels::@matmul.
// CHECK:         %[[SUM:.+]] = exec.launch @kernels::@matmul_add.{{.+}}(%{{.+}}, %{{.+}}, %[[FIRST]])
// CHECK-NEXT:    return %[[SUM]]
func.func @two(%g: tensor<?x32xf32, #graft.dims<T>>, %w: tensor<32x48xf32>)
    -> tensor<?x48xf32, #graft.dims<T>> attributes {graft.phase = "two"} {
  %a = graft.matmul %g, %w : (tensor<?x32xf32, #graft.dims<T>>, tensor<32x48xf32>) -> tensor<?x48xf32, #graft.dims<T>>
  %b = graft.matmul %g, %w : (tensor<?x32xf32, #graft.dims<T>>, tensor<32x48xf32>) -> tensor<?x48xf32, #graft.dims<T>>
  %s = graft.add %a, %b : tensor<?x48xf32, #graft.dims<T>>
  return %s : tensor<?x48xf32, #graft.dims<T>>
}

// A product that somebody else needs as well stays by itself.

// CHECK-LABEL: func.func @shared(
// CHECK:         exec.launch @kernels::@matmul.
// CHECK-NEXT:    exec.launch @kernels::@add.
func.func @shared(%g: tensor<?x32xf32, #graft.dims<T>>, %w: tensor<32x48xf32>,
                  %old: tensor<?x48xf32, #graft.dims<T>>)
    -> (tensor<?x48xf32, #graft.dims<T>>, tensor<?x48xf32, #graft.dims<T>>)
    attributes {graft.phase = "shared"} {
  %a = graft.matmul %g, %w : (tensor<?x32xf32, #graft.dims<T>>, tensor<32x48xf32>) -> tensor<?x48xf32, #graft.dims<T>>
  %s = graft.add %old, %a : tensor<?x48xf32, #graft.dims<T>>
  return %a, %s : tensor<?x48xf32, #graft.dims<T>>, tensor<?x48xf32, #graft.dims<T>>
}

// AdamW sets the gradient to zero where it reads it.

// CHECK-LABEL: func.func @update(
// CHECK:         %[[G:.+]] = graft.read @m::@w.gradient
// CHECK:         %[[A:.+]]:4 = exec.launch @kernels::@adamw_reset.{{.+}}, %[[G]], {{.+}} ties [0, 0, 1, 2, 2, 3, 3, 1]
// CHECK:         graft.write @m::@w.gradient, %[[A]]#3
func.func @update(%rate: tensor<f32>, %step: tensor<i32>)
    attributes {graft.phase = "update"} {
  %w = graft.read @m::@w : tensor<32x48xf32>
  %g = graft.read @m::@w.gradient : tensor<32x48xf32>
  %m = graft.read @m::@w.first_moment : tensor<32x48xf32>
  %v = graft.read @m::@w.second_moment : tensor<32x48xf32>
  %w1, %m1, %v1 = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 0.9 beta2 0.999 epsilon 1.0e-8 decay 0.01 : tensor<32x48xf32>
  %zero = graft.constant 0.0 : tensor<32x48xf32>
  graft.write @m::@w, %w1 : tensor<32x48xf32>
  graft.write @m::@w.gradient, %zero : tensor<32x48xf32>
  graft.write @m::@w.first_moment, %m1 : tensor<32x48xf32>
  graft.write @m::@w.second_moment, %v1 : tensor<32x48xf32>
  return
}

