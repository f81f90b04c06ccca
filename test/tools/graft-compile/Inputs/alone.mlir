// A model on the page that reads the texts itself, which no tokenizer makes.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @own {
  graft.parameter @table : tensor<9x3xf32> initial "normal" deviation 5.0e-2
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %w = graft.read @table : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @alone {
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @all of @own
  %logits = transfer.call @own::@logits(%text) : (!transfer.text) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}
