// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The same student from labels alone.

#S = #graft.dims<S>

graft.model @student {
  graft.parameter @hidden.weight : tensor<64x16xf32> initial "normal" deviation 0.35
  graft.parameter @hidden.bias : tensor<64xf32> initial "zeros"
  graft.parameter @output.weight : tensor<4x64xf32> initial "normal" deviation 0.18
  graft.parameter @output.bias : tensor<4xf32> initial "zeros"
  func.func @logits(%x: tensor<?x16xf32, #S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @hidden.weight : tensor<64x16xf32>
    %b = graft.read @hidden.bias : tensor<64xf32>
    %y = graft.linear %x, %w, %b : (tensor<?x16xf32, #S>, tensor<64x16xf32>, tensor<64xf32>) -> tensor<?x64xf32, #S>
    %h = graft.relu %y : tensor<?x64xf32, #S>
    %v = graft.read @output.weight : tensor<4x64xf32>
    %c = graft.read @output.bias : tensor<4xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x64xf32, #S>, tensor<4x64xf32>, tensor<4xf32>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
}

transfer.strategy @student_labels {
  transfer.parameter @epochs = 500 in [1, 10000] "passes over the points"
  %x, %labels = transfer.stream @train of features<16>, labels<4> in @T, @S
  transfer.group @all of @student
  %logits = transfer.call @student::@logits(%x) : (tensor<?x16xf32, #S>) -> tensor<?x4xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adam rate linear 5.0e-3
  transfer.schedule epochs @epochs of [@step]
}
