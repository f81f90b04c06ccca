// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What adapters are not put into.

// RUN: graft-opt %s --transfer --split-input-file --verify-diagnostics

// C1: no model.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects a graft.model, got @other}}
  transfer.inject lora of @other select "[.]1[.]dense[.]weight$" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1: a name that is taken.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
    // expected-note @below {{taken here}}
    graft.parameter @dense.lora_a : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects the name @stack.1.dense.lora_a to be free for an adapter}}
  transfer.inject lora of @model select "[.]1[.]dense[.]weight$" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2: nothing.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'select' to match a parameter of @model, got "sense"}}
  transfer.inject lora of @model select "sense" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2: a table.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    // expected-note @below {{used here}}
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'select' to match matrices of linear maps alone, got "words"}}
  transfer.inject lora of @model select "words" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2: a bias.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      // expected-note @below {{used here}}
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'select' to match matrices of linear maps alone, got "stack.0.dense.bias"}}
  transfer.inject lora of @model select "0.dense.bias" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2: what nothing reads.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  // expected-note @below {{declared here}}
  graft.parameter @spare : tensor<4x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'select' to match matrices of linear maps alone, got "spare", which is none}}
  transfer.inject lora of @model select "spare" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2 of transfer.inject.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'rank' to be a positive integer, got 0}}
  transfer.inject lora of @model select "[.]1[.]dense[.]weight$" rank 0 alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2 of transfer.inject.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'alpha' to be a positive number, got 0}}
  transfer.inject lora of @model select "[.]1[.]dense[.]weight$" rank @rank alpha 0
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1 of transfer.inject.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'select' to be a regular expression, got "("}}
  transfer.inject lora of @model select "(" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// A group that selects no adapter.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.inject lora of @model select "[.]1[.]dense[.]weight$" rank @rank alpha "3 * @rank"
  // expected-error @below {{'transfer.group' op expects 'select' to match a parameter of @model, got "lora_c$"}}
  transfer.group @adapters of @model select "lora_c$"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2 of transfer.inject: what each kind has.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'alpha' of dora, got none}}
  transfer.inject dora of @model select "^label" rank 2
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C3.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects no 'width' of lora}}
  transfer.inject lora of @model select "^label" rank 2 alpha 4 width 3
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C3.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'width' of bottleneck, got none}}
  transfer.inject bottleneck of @model select "^label"
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C2.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects no 'rank' of bottleneck}}
  transfer.inject bottleneck of @model select "^label" rank 2 width 3
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C3.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects 'width' to be a positive integer, got 0}}
  transfer.inject bottleneck of @model select "^label" width 0
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C4.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects no 'loaded' of bottleneck}}
  transfer.inject bottleneck of @model loaded select "^label" width 3
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C3: the norms of a new matrix are drawn later.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32> initial "zeros"
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.inject' op expects pretrained matrices, whose norms are known, got "label", which is new}}
  transfer.inject dora of @model select "^label" rank 2 alpha 4
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}
