// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning in which two dropout masks of one text shall give one prediction (R-Drop,
// Wu et al. 2021). With p and q, the predictions of both, the loss is the mean of their
// cross-entropies and @alpha / 4 (KL(p, q) + KL(q, p)): half of that in the paper, which
// adds up the cross-entropies. Without dropout both are alike.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @r_drop sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @alpha = 1.0 in [0.0, 1000.0] "weight of the divergence of both predictions"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model decay @weight_decay

  %a = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %b = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %first = transfer.loss cross_entropy %a, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %second = transfer.loss cross_entropy %b, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  // (p - q) (log p - log q) is the sum of both divergences.
  %log_p = graft.softmax %a log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %log_q = graft.softmax %b log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %p = graft.exp %log_p : tensor<?x?xf32, #SK>
  %q = graft.exp %log_q : tensor<?x?xf32, #SK>
  %apart = graft.sub %p, %q : tensor<?x?xf32, #SK>
  %ratio = graft.sub %log_p, %log_q : tensor<?x?xf32, #SK>
  %terms = graft.mul %apart, %ratio : tensor<?x?xf32, #SK>
  %both = graft.reduce sum %terms over [1] : (tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %divergence = transfer.mean %both : tensor<?xf32, #S>

  %loss = transfer.combine 0.5 * %first + 0.5 * %second + "@alpha / 4" * %divergence
  transfer.predict %a softmax evaluate %first : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}
