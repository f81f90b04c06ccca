// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

graft.size @T bound 64

// The pass puts the op to use, or its parts, and leaves the other GELU.
// PASS-LABEL: func.func @gelu(
// PASS-SAME:    %[[X:.+]]: tensor<3x4xf32>
// PASS:         %[[GATE:.+]] = graft.sigmoid %[[X]] : tensor<3x4xf32>
// FUSED:        %[[Y:.+]] = example.gated_gelu %[[X]], %[[GATE]] : tensor<3x4xf32>
// SEPARATE:     %[[Y:.+]] = graft.mul %{{.+}}, %[[GATE]] : tensor<3x4xf32>
// PASS:         graft.gelu tanh %[[Y]] : tensor<3x4xf32>
func.func @gelu(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.gelu erf %x : tensor<3x4xf32>
  %z = graft.gelu tanh %y : tensor<3x4xf32>
  return %z : tensor<3x4xf32>
}

// A part of it is the op on a part of its operands.
// SHARDING: example.gated_gelu: d0d1,d0d1->d0d1; linear 1; elementwise | cut: d0 d1

// GRADIENT-LABEL: func.func @gradient(
// GRADIENT-SAME:    %[[X:.+]]: tensor<3x4xf32>, %[[GATE:.+]]: tensor<3x4xf32>)
// GRADIENT:         %[[DY:.+]] = graft.broadcast
// GRADIENT:         %[[PRODUCT:.+]] = graft.mul %[[DY]], %[[GATE]] : tensor<3x4xf32>
// GRADIENT:         %[[DX:.+]] = graft.gelu_gradient erf %[[PRODUCT]], %[[X]] : tensor<3x4xf32>
// GRADIENT:         %[[GELU:.+]] = graft.gelu erf %[[X]] : tensor<3x4xf32>
// GRADIENT:         %[[DGATE:.+]] = graft.mul %[[DY]], %[[GELU]] : tensor<3x4xf32>
// GRADIENT:         return %[[DX]], %[[DGATE]]
func.func @gradient(%x: tensor<3x4xf32>, %gate: tensor<3x4xf32>)
    -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %y = example.gated_gelu %x, %gate : tensor<3x4xf32>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %dx, %dgate = graft.gradients %loss wrt %x, %gate : tensor<3x4xf32>, tensor<3x4xf32>
  return %dx, %dgate : tensor<3x4xf32>, tensor<3x4xf32>
}

// The kernel applies the scalar body of the op's linalg form to vectors.
// LOWER-LABEL: func.func @rows(
// LOWER:         exec.launch @kernels::@[[KERNEL:gated_gelu[^(]*]](%{{.+}}, %{{.+}}) grid
// LOWER:       func.func @[[KERNEL]](
// LOWER-NOT:     linalg
// LOWER:         math.erf %{{.+}} : vector<
// LOWER-NOT:     linalg
// LOWER:         return
func.func @rows(%x: tensor<?x4xf32, #graft.dims<T>>, %gate: tensor<?x4xf32, #graft.dims<T>>)
    -> tensor<?x4xf32, #graft.dims<T>> attributes {graft.phase = "rows"} {
  %y = example.gated_gelu %x, %gate : tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

// It fuses like an op of Graft.
// FUSE-LABEL: func.func @block(
// FUSE:         graft.region
// FUSE-NEXT:      graft.linear
// FUSE-NEXT:      graft.sigmoid
// FUSE-NEXT:      example.gated_gelu
// FUSE-NEXT:      graft.yield
// FUSE-NOT:     example.gated_gelu
func.func @block(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<8x4xf32>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "block"} {
  %h = graft.linear %x, %w : (tensor<?x4xf32, #graft.dims<T>>, tensor<8x4xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %gate = graft.sigmoid %h : tensor<?x8xf32, #graft.dims<T>>
  %y = example.gated_gelu %h, %gate : tensor<?x8xf32, #graft.dims<T>>
  return %y : tensor<?x8xf32, #graft.dims<T>>
}
