// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Layers that a strategy cannot have.

// RUN: graft-opt %s --transfer --split-input-file --verify-diagnostics

// C7 of transfer-link: a kind that the model does not name.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  // expected-note @below {{declared here}}
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects @model::@encode to have "query" of its layers, got hidden}}
  %q = transfer.tap "query" of %own : tensor<?x4xf32, #T> -> !layers
}

// -----

// C7 of transfer-link: a model that names nothing.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  // expected-note @below {{declared here}}
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects @model::@encode to have "hidden" of its layers, got none, nor others}}
  %q = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !layers
}

// -----

// C1 of transfer-link: layers of two widths for one size.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %z = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %z : tensor<?x8xf32, #T>
      graft.yield %z : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
}
transfer.strategy @s sizes (H) {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %said = transfer.call deterministic @teacher::@encode(%text) : (!transfer.text) -> tensor<?x8xf32, #T>
  // expected-note @below {{which @model::@encode has}}
  %mine = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !transfer.layers<tensor<?x?xf32, #graft.dims<T, H>>>
  // expected-error @below {{'transfer.tap' op expects @teacher::@encode to have 4 for H, got 8}}
  %theirs = transfer.tap "hidden" of %said matching %mine : tensor<?x8xf32, #T>, !transfer.layers<tensor<?x?xf32, #graft.dims<T, H>>> -> !transfer.layers<tensor<?x?xf32, #graft.dims<T, H>>>
}

// -----

// C1 of transfer-link: rank.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      // expected-note @below {{declared here}}
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects @model::@encode to have 'tensor<?xf32, #graft.dims<T>>', got 'tensor<?x4xf32, #graft.dims<T>>'}}
  %q = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !transfer.layers<tensor<?xf32, #T>>
}

// -----

// C1.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      // expected-error @below {{'graft.tap' op expects one "hidden" of layer 1 in @model::@encode, got another}}
      graft.tap "hidden" %h : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %q = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !layers
}

// -----

// C2: a layer that is not there.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects layers of @model in [1, 2], got 3}}
  %q = transfer.tap "hidden" layer 3 of %own : tensor<?x4xf32, #T> -> tensor<?x4xf32, #T>
}

// -----

// C2: before the first layer, whose input has no name.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects layers of @model in [1, 2], got 0}}
  %q = transfer.tap "hidden" layer -3 of %own : tensor<?x4xf32, #T> -> tensor<?x4xf32, #T>
}

// -----

// C2: none.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects a layer at least, got none from 2 to 1 of the 2 layers of @model}}
  %q = transfer.tap "hidden" layers 2 to -2 of %own : tensor<?x4xf32, #T> -> !layers
}

// -----

// C3.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %said = transfer.call deterministic @teacher::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-note @below {{tapped here}}
  %mine = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !layers
  // expected-error @below {{'transfer.tap' op expects a multiple of the 2 layers of @model, which it matches, got the 3 of @teacher}}
  %theirs = transfer.tap "hidden" of %said matching %mine : tensor<?x4xf32, #T>, !layers -> !layers
}

// -----

// C4.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.tap' op expects @model::@encode to have 'tensor<?x5xf32, #graft.dims<T>>' in its layers, got 'tensor<?x4xf32, #graft.dims<T>>'}}
  %q = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !transfer.layers<tensor<?x5xf32, #T>>
}

// -----

// C4: the function itself.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  // expected-error @below {{'transfer.call' op expects @model::@encode of type '(tensor<?xi32, #graft.dims<T>>) -> tensor<?x5xf32, #graft.dims<T>>', got '(tensor<?xi32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>>'}}
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x5xf32, #T>
  %q = transfer.tap "hidden" of %own : tensor<?x5xf32, #T> -> !layers
}

// -----

// C5.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @fit {
  func.func @apart(%x: tensor<?x4xf32, #T>, %y: tensor<?x4xf32, #T>) -> tensor<?xf32, #T> {
    %l = graft.mse %x, %y : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>) -> tensor<?xf32, #T>
    return %l : tensor<?xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %said = transfer.call deterministic @teacher::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %mine = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !layers
  %theirs = transfer.tap "hidden" of %said : tensor<?x4xf32, #T> -> !layers
  // expected-error @below {{'transfer.call' op expects as many layers of each operand, got 2 and 3}}
  %l = transfer.call @fit::@apart(%mine, %theirs) : (!layers, !layers) -> !transfer.layers<tensor<?xf32, #T>>
}

// -----

// C6: tokens.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %said = transfer.call deterministic @teacher::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %theirs = transfer.tap "hidden" of %said : tensor<?x4xf32, #T> -> !layers
  // expected-error @below {{'transfer.cache' op expects layers with one row per sequence, got 'tensor<?x4xf32, #graft.dims<T>>'; rows of tokens are not kept}}
  %l = transfer.cache @states %theirs : !layers
}
