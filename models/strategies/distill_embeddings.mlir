// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation of sentence embeddings (Reimers and Gurevych 2020): the pooled vector of
// @model, mapped to the width of @teacher, learns to be that of the teacher, by their mean
// squared difference. Without labels. The teacher sees each text once. An export has the
// model without the map.

#S = #graft.dims<S>
#GH = #graft.dims<G, H>
#SH = #graft.dims<S, H>
#SG = #graft.dims<S, G>

graft.model @map {
  graft.parameter @weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.05
  func.func @wide(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SG> {
    %w = graft.read @weight : tensor<?x?xf32, #GH>
    %y = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #GH>) -> tensor<?x?xf32, #SG>
    return %y : tensor<?x?xf32, #SG>
  }
}

transfer.strategy @distill_embeddings sizes (G, H) {
  transfer.parameter @rate = 1.0e-4 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the texts"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @map_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for the map"

  %text = transfer.stream @train of text in @T, @S
  transfer.group @fixed of @teacher frozen
  transfer.group @student of @model decay @weight_decay
  transfer.group @mapped of @map multiplier @map_speed

  %said = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %kept = transfer.cache @teacher_embeddings %said : tensor<?x?xf32, #SG>
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call @map::@wide(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SG>
  %loss = transfer.loss mse %y, %kept mean : tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>
  %apart = transfer.loss mse %y, %said mean : tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>

  transfer.predict %x evaluate %apart : tensor<?x?xf32, #SH>
  transfer.phase @step minimise %loss over [@student, @mapped]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}
