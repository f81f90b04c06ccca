// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Declarations that say too little or too much, and uses of what is not declared.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{attribute 'bound' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
graft.size @T bound 0

// -----

// Parameter, C1: a dimension without a name is no size.
graft.model @m {
  // expected-error @below {{expects a static shape, got 'tensor<?x4xf32>'}}
  graft.parameter @w : tensor<?x4xf32>
}

// -----

// C1: the size of a batch is none of a parameter.
graft.size @T bound 64
graft.model @m {
  // expected-error @below {{expects a static shape, or sizes of a strategy, got 'tensor<?x4xf32, #graft.dims<T>>' with the graft.size @T}}
  graft.parameter @w : tensor<?x4xf32, #graft.dims<T>>
}

// -----

// C2.
graft.model @m {
  // expected-error @below {{expects 'initial' to be "normal", "zeros" or "ones", got "uniform"}}
  graft.parameter @w : tensor<4xf32> initial "uniform"
}

// -----

// C3: a deviation is not left to chance, nor given in vain.
graft.model @m {
  // expected-error @below {{expects 'deviation' with "normal", got none}}
  graft.parameter @w : tensor<4xf32> initial "normal"
}

// -----

graft.model @m {
  // expected-error @below {{expects 'deviation' with "normal" only, got it with "zeros"}}
  graft.parameter @w : tensor<4xf32> initial "zeros" deviation 1.0
}

// -----

graft.model @m {
  // expected-error @below {{expects 'deviation' with "normal" only, got it with none}}
  graft.parameter @w : tensor<4xf32> deviation 1.0
}

// -----

// C4.
graft.model @m {
  // expected-error @below {{expects a finite 'deviation' of at least 0, got -1.000000e+00}}
  graft.parameter @w : tensor<4xf32> initial "normal" deviation -1.0
}

// -----

graft.model @m {
  // expected-error @below {{expects a finite 'deviation' of at least 0, got INF}}
  graft.parameter @w : tensor<4xf32> initial "normal" deviation 0x7F800000
}

// -----

graft.model @m {
  // expected-error @below {{attribute 'type' failed to satisfy constraint}}
  graft.parameter @w : tensor<4xi32>
}

// -----

// State, C1.
graft.model @m {
  // expected-error @below {{expects 'kind' of letters, digits and '_', got "first moment"}}
  graft.state @w.m "first moment" : tensor<4xf32>
}

// -----

graft.model @m {
  // expected-error @below {{expects 'kind' of letters, digits and '_', got ""}}
  graft.state @w.m "" : tensor<4xf32>
}

// -----

// C3.
graft.model @m {
  // expected-error @below {{expects 'initial' to be "normal", "zeros" or "ones", got "twos"}}
  graft.state @w.m "average" : tensor<4xf32> initial "twos"
}

// -----

graft.model @m {
  // expected-error @below {{expects 'deviation' with "normal", got none}}
  graft.state @w.m "average" : tensor<4xf32> initial "normal"
}

// -----

graft.model @m {
  // expected-error @below {{expects 'initial' of f32 only, got "ones" of 'bf16'}}
  graft.state @w.m "average" : tensor<4xbf16> initial "ones"
}

// -----

// C4.
graft.model @m {
  graft.state @other "average" : tensor<4xf32>
  // expected-error @below {{expects a parameter of its model, got @other}}
  graft.state @w.m "average" of @other : tensor<4xf32>
}

// -----

// C2.
graft.model @m {
  // expected-error @below {{expects a static shape, got 'tensor<?xf32, #graft.dims<T>>'}}
  graft.state @w.m "first_moment" of @w : tensor<?xf32, #graft.dims<T>>
}

// -----

// Read, C2.
func.func @layer_outside() {
  // expected-error @below {{expects 'layer' inside graft.repeat only}}
  %0 = graft.read layer @w : tensor<4xf32>
  return
}

// -----

// Repeat, C1.
graft.model @m {
  graft.layers @layer count 2 {
  }
  func.func @f(%x: tensor<3xf32>) -> tensor<4xf32> {
    // expected-error @below {{expects operands, arguments, yielded values and results of the same types}}
    %0 = "graft.repeat"(%x) <{count = 2 : i64, scope = @layer}> ({
    ^bb0(%h: tensor<3xf32>):
      graft.yield %h : tensor<3xf32>
    }) : (tensor<3xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----

// C2.
graft.model @m {
  // expected-note @below {{declared here}}
  graft.layers @layer count 2 {
  }
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    // expected-error @below {{expects as many turns as @layer has layers, got 3 and 2}}
    %0 = graft.repeat 3 scope @layer (%h = %x) : tensor<3xf32> {
      graft.yield %h : tensor<3xf32>
    }
    return %0 : tensor<3xf32>
  }
}

// -----

graft.model @m {
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    // expected-error @below {{expects @layer to be graft.layers}}
    %0 = graft.repeat 3 scope @layer (%h = %x) : tensor<3xf32> {
      graft.yield %h : tensor<3xf32>
    }
    return %0 : tensor<3xf32>
  }
}

// -----

// A read of a layer names a parameter of the scope.
graft.model @m {
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<3xf32>
  }
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    %0 = graft.repeat 2 scope @layer (%h = %x) : tensor<3xf32> {
      // expected-error @below {{expects a parameter of @layer, got @v}}
      %v = graft.read layer @v : tensor<3xf32>
      graft.yield %v : tensor<3xf32>
    }
    return %0 : tensor<3xf32>
  }
}

// -----

graft.model @m {
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<3xf32>
  }
  func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = graft.repeat 2 scope @layer (%h = %x) : tensor<4xf32> {
      // expected-error @below {{expects @w of type 'tensor<3xf32>', got 'tensor<4xf32>'}}
      %w = graft.read layer @w : tensor<4xf32>
      graft.yield %w : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Write, C1.
graft.model @m {
  // expected-note @below {{declared here}}
  graft.parameter @w : tensor<3xf32>
}
func.func @write_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expects @m::@w of type 'tensor<3xf32>', got 'tensor<4xf32>'}}
  graft.write @m::@w, %x : tensor<4xf32>
  return
}

// -----

// A call has the type of what it calls.
graft.model @m {
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    return %x : tensor<3xf32>
  }
}
func.func @call(%x: tensor<4xf32>) {
  // expected-error @below {{expects @m::@f of type '(tensor<4xf32>) -> tensor<4xf32>', got '(tensor<3xf32>) -> tensor<3xf32>'}}
  %0 = graft.call @m::@f(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Parameter, C5.
graft.model @m {
  graft.parameter @w : tensor<4x8xf32>
  // expected-error @below {{expects 'norms_of' or 'initial', got both}}
  graft.parameter @n : tensor<4xf32> initial "zeros" norms_of @w
}

// -----

graft.model @m {
  graft.parameter @w : tensor<4x8xf32>
  // expected-error @below {{expects 'norms_of' a matrix with as many rows, without 'initial', got @w}}
  graft.parameter @n : tensor<8xf32> norms_of @w
}

// -----

graft.model @m {
  graft.parameter @w : tensor<4x8xf32> initial "zeros"
  // expected-error @below {{expects 'norms_of' a matrix with as many rows, without 'initial', got @w}}
  graft.parameter @n : tensor<4xf32> norms_of @w
}

// -----

graft.model @m {
  // expected-error @below {{expects 'norms_of' a matrix with as many rows, without 'initial', got @w}}
  graft.parameter @n : tensor<4xf32> norms_of @w
}

// -----

graft.model @m {
  graft.parameter @w : tensor<3xf32>
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    return %x : tensor<3xf32>
  }
}
func.func @twice(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{expects each parameter of 'at' once, got @w twice}}
  %0 = graft.call @m::@f(%x) at [@w, @w] = (%x, %x : tensor<3xf32>, tensor<3xf32>) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

graft.model @m {
  graft.parameter @w : tensor<3xf32>
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    return %x : tensor<3xf32>
  }
}
func.func @more(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{expects a value for each parameter of 'at', got 2 for 1}}
  %0 = graft.call @m::@f(%x) at [@w] = (%x, %x : tensor<3xf32>, tensor<3xf32>) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

graft.model @m {
  graft.parameter @w : tensor<3xf32>
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    return %x : tensor<3xf32>
  }
}
func.func @none(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{expects a tensor of the model of @m::@f, got @v}}
  %0 = graft.call @m::@f(%x) at [@v] = (%x : tensor<3xf32>) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

graft.model @m {
  graft.parameter @w : tensor<4xf32>
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    return %x : tensor<3xf32>
  }
}
func.func @other_type(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{expects @w of type 'tensor<4xf32>', got 'tensor<3xf32>'}}
  %0 = graft.call @m::@f(%x) at [@w] = (%x : tensor<3xf32>) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @uneven(%a: tensor<3xf32>) -> tensor<2x2xf32> {
  // expected-error @+1 {{expects as many gradients of each of 2 losses, got 3 in all}}
  %0 = graft.gradient_products %a, %a, %a of 2 : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @other_gradient(%a: tensor<3xf32>, %b: tensor<4xf32>) -> tensor<2x2xf32> {
  // expected-error @+1 {{expects a gradient of type 'tensor<3xf32>', as of the first loss, got 'tensor<4xf32>'}}
  %0 = graft.gradient_products %a, %b of 2 : (tensor<3xf32>, tensor<4xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @other_size(%a: tensor<3xf32>) -> tensor<3x3xf32> {
  // expected-error @+1 {{expects a row and a column for each of 2 losses, got 'tensor<3x3xf32>'}}
  %0 = graft.gradient_products %a, %a of 2 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}
