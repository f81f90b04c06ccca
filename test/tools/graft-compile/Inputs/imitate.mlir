// A strategy that no page of Graft has: @small imitates @large, without any label.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @imitate sizes (K) {
  transfer.parameter @rate = 0.001 in [0.0, 1.0] "learning rate"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @small
  transfer.group @expert of @large frozen
  %logits = transfer.call @small::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %expert = transfer.call deterministic @large::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %expert mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %soft over [@all] with adamw rate constant @rate
  transfer.schedule epochs 1 of [@step]
}
