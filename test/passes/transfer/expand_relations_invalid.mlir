// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Relations that a strategy cannot have.

// RUN: graft-opt %s --transfer --split-input-file --verify-diagnostics

// C7: other numbers of heads.

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
#SH = #graft.dims<S, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "query" %q : tensor<?x4xf32, #T>
      graft.tap "key" %h : tensor<?x4xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %a : tensor<?x4xf32, #T>
      graft.yield %a : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %h : tensor<?x8xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 4 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}
transfer.strategy @s sizes (H, G) {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @student
  transfer.group @frozen of @teacher frozen
  %x = transfer.call @student::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %a = transfer.tap "query" layer -1 of %x : tensor<?x?xf32, #SH> -> tensor<?x?xf32, #TH>
  %b = transfer.tap "query" layer -1 of %y : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  // expected-error @below {{'transfer.relation_divergence' op expects attention of as many heads in both models, or 'heads' that cut both anew, got 2 heads of @student and 4 of @teacher}}
  %d = transfer.relation_divergence kl %a, %a, %b, %b over %text : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
}

// -----

// C7: values that no attention reads.

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
#SH = #graft.dims<S, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 1 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 1 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "query" %q : tensor<?x4xf32, #T>
      graft.tap "key" %h : tensor<?x4xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %a : tensor<?x4xf32, #T>
      graft.yield %a : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 1 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 1 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %h : tensor<?x8xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}
transfer.strategy @s sizes (H, G) {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @student
  transfer.group @frozen of @teacher frozen
  %x = transfer.call @student::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %a = transfer.tap "hidden" layer -1 of %x : tensor<?x?xf32, #SH> -> tensor<?x?xf32, #TH>
  %b = transfer.tap "hidden" layer -1 of %y : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  // expected-error @below {{'transfer.relation_divergence' op expects 'heads', or queries, keys and values of an attention, whose heads it takes, got another value}}
  %d = transfer.relation_divergence kl %a, %a, %b, %b over %text : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
}

// -----

// C7: another result.

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
#SH = #graft.dims<S, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 1 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 1 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "query" %q : tensor<?x4xf32, #T>
      graft.tap "key" %h : tensor<?x4xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %a : tensor<?x4xf32, #T>
      graft.yield %a : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 1 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 1 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %h : tensor<?x8xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}
transfer.strategy @s sizes (H, G) {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @student
  transfer.group @frozen of @teacher frozen
  %x = transfer.call @student::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %a = transfer.tap "query" layer -1 of %x : tensor<?x?xf32, #SH> -> tensor<?x?xf32, #TH>
  %b = transfer.tap "query" layer -1 of %y : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  // expected-error @below {{'transfer.relation_divergence' op expects a result of 'tensor<?xf32, #graft.dims<S>>', got 'tensor<?xf32, #graft.dims<T>>'}}
  %d = transfer.relation_divergence kl %a, %a, %b, %b over %text : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #T>
}

// -----

// C5.

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
#SH = #graft.dims<S, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "query" %q : tensor<?x4xf32, #T>
      graft.tap "key" %h : tensor<?x4xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %a : tensor<?x4xf32, #T>
      graft.yield %a : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 4 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 4 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %h : tensor<?x8xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}
transfer.strategy @s sizes (H, G) {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @student
  transfer.group @frozen of @teacher frozen
  %x = transfer.call @student::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %a = transfer.tap "query" of %x : tensor<?x?xf32, #SH> -> !own
  %b = transfer.tap "query" of %y : tensor<?x?xf32, #SG> -> !other
  // expected-error @below {{'transfer.relation_divergence' op expects as many layers of each operand, got 2 and 4}}
  %d = transfer.relation_divergence kl %a, %a, %b, %b over %text : (!own, !own, !other, !other, !transfer.text) -> !losses
}

// -----

// A width that the heads do not divide.

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
#SH = #graft.dims<S, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 1 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 1 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "query" %q : tensor<?x4xf32, #T>
      graft.tap "key" %h : tensor<?x4xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %a : tensor<?x4xf32, #T>
      graft.yield %a : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 1 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 1 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %h : tensor<?x8xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}
transfer.strategy @s sizes (H, G) {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @student
  transfer.group @frozen of @teacher frozen
  %x = transfer.call @student::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %a = transfer.tap "hidden" layer -1 of %x : tensor<?x?xf32, #SH> -> tensor<?x?xf32, #TH>
  %b = transfer.tap "hidden" layer -1 of %y : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  // expected-error @below {{'graft.relation_divergence' op expects the width of 'query' to be a multiple of 'heads', got 'tensor<?x4xf32, #graft.dims<T>>' and 8}}
  %d = transfer.relation_divergence kl %a, %a, %b, %b over %text heads 8 : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
}
