// A model on the page whose sizes, H and K, are those of the model that it is
// called on.
#S = #graft.dims<S>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
graft.model @critic {
  graft.parameter @weight : tensor<?x?xf32, #graft.dims<K, H>> initial "normal" deviation 5.0e-2
  graft.parameter @bias : tensor<?xf32, #graft.dims<K>> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK> {
    %w = graft.read @weight : tensor<?x?xf32, #graft.dims<K, H>>
    %b = graft.read @bias : tensor<?xf32, #graft.dims<K>>
    %z = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #graft.dims<K, H>>, tensor<?xf32, #graft.dims<K>>) -> tensor<?x?xf32, #SK>
    return %z : tensor<?x?xf32, #SK>
  }
}
transfer.strategy @criticised sizes (H, K) {
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @net
  transfer.group @other of @critic
  %pooled = transfer.call @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @net::@classify(%pooled, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %judged = transfer.call @critic::@logits(%pooled) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK>
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %soft = transfer.loss cross_entropy %judged, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %loss = transfer.combine 0.5 * %hard + 0.5 * %soft
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all, @other] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}
