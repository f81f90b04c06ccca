// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Run by toy_target.test, since it needs the plug-in.

graft.size @T bound 16

// A region of elementwise ops is one loop nest.
// CHECK-LABEL: func.func @elementwise
// CHECK: %[[R:.+]]:2 = exec.launch @kernels::@toy_add_mul.0(%{{.+}}, %{{.+}}) grid <T>
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @elementwise(%x: tensor<?x8xf32, #graft.dims<T>>,
                       %y: tensor<?x8xf32, #graft.dims<T>>)
    -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
    attributes {graft.phase = "elementwise"} {
  %r:2 = graft.region (%a = %x, %b = %y)
      : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
      -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) {
    %sum = graft.add %a, %b : tensor<?x8xf32, #graft.dims<T>>
    %product = graft.mul %sum, %b : tensor<?x8xf32, #graft.dims<T>>
    graft.yield %sum, %product : tensor<?x8xf32, #graft.dims<T>>,
        tensor<?x8xf32, #graft.dims<T>>
  }
  return %r#0, %r#1 : tensor<?x8xf32, #graft.dims<T>>,
      tensor<?x8xf32, #graft.dims<T>>
}

// Behind a GEMM, which is the CPU target's, they are a kernel of their own.
// CHECK-LABEL: func.func @epilogue
// CHECK: %[[GEMM:.+]] = exec.launch @kernels::@matmul.
// CHECK: exec.launch @kernels::@toy_gelu.{{[0-9]+}}(%[[GEMM]])
func.func @epilogue(%x: tensor<?x8xf32, #graft.dims<T>>, %w: tensor<8x4xf32>)
    -> tensor<?x4xf32, #graft.dims<T>> attributes {graft.phase = "epilogue"} {
  %r = graft.region (%a = %x, %b = %w)
      : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x4xf32>)
      -> tensor<?x4xf32, #graft.dims<T>> {
    %product = graft.matmul %a, %b
        : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x4xf32>)
        -> tensor<?x4xf32, #graft.dims<T>>
    %y = graft.gelu erf %product : tensor<?x4xf32, #graft.dims<T>>
    graft.yield %y : tensor<?x4xf32, #graft.dims<T>>
  }
  return %r : tensor<?x4xf32, #graft.dims<T>>
}

// CHECK: func.func @toy_add_mul.0(
// CHECK-COUNT-2: scf.for
// CHECK: memref.load
// CHECK: arith.addf
// CHECK: arith.mulf
// CHECK: memref.store
