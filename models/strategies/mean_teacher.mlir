// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Mean teacher (Tarvainen and Valpola 2017): few texts have labels, and @unlabelled
// has none. The model learns to say of these what the average of its own past says,
// under another dropout mask; the average predicts. The share of this agreement in
// the loss rises in the first part of the training.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @mean_teacher sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the texts without labels"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @keep = 0.99 in [0.0, 1.0] "share of the average that a step keeps"
  transfer.parameter @agreement = 1.0 in [0.0, 1000.0] "weight of the agreement with the average"
  transfer.parameter @rise = 0.3 in [0.001, 1.0] "share of the steps in which this weight rises"

  %other = transfer.stream @unlabelled of text in @T, @S
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S

  transfer.group @student of @model decay @weight_decay
  transfer.group @teacher of @average tracks @model keep "min(@keep, (1 + step) / (10 + step))"

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %noisy = transfer.call @model::@logits(%other) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %steady = transfer.call @average::@logits(%other) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %p = graft.softmax %noisy : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %q = graft.softmax %steady : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %target = graft.stop_gradient %q : tensor<?x?xf32, #SK>
  %agree = transfer.loss mse %p, %target mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine 1.0 * %label + "@agreement * min(1, progress / @rise)" * %agree

  %said = transfer.call @average::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@student]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}
