// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Multi-task learning that learns how its tasks are related (Zhang and Yeung 2010): the heads
// of @first and @second, which have the same labels, are drawn to each other as far as their
// covariance C says, by the penalty tr(W^T C^-1 W) for the matrix W that has the weights of a
// head in each row. Before each step C = (W W^T)^(1/2) / tr (W W^T)^(1/2), the best one of trace 1.
// A page of more tasks has a larger @inverse, and a weight, stream and prediction for each.

#S = #graft.dims<S>
#KH = #graft.dims<K, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @heads {
  graft.parameter @first : tensor<?x?xf32, #KH> initial "normal" deviation 0.02
  graft.parameter @second : tensor<?x?xf32, #KH> initial "normal" deviation 0.02
}
graft.model @relation {
  // C^-1, which the first step settles.
  graft.parameter @inverse : tensor<2x2xf32> initial "zeros"
}

transfer.strategy @task_covariance sizes (H, K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the first task"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @relate = 0.01 in [0.0, 1.0e+6] "weight of the penalty"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for the heads"

  %text, %labels = transfer.stream @first of text, labels<K> in @T, @S
  %other, %others = transfer.stream @second of text, labels<K> in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @tops of @heads multiplier @head_speed
  transfer.group @relations of @relation

  %a, %b = transfer.read @heads [@first, @second] : tensor<?x?xf32, #KH>, tensor<?x?xf32, #KH>
  %p = transfer.read @relation [@inverse] : tensor<2x2xf32>
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %u = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %z = graft.formula "x[s, h], w[k, h] -> [s, k]: sum h (x * w)" (%x, %a) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SK>
  %y = graft.formula "x[s, h], w[k, h] -> [s, k]: sum h (x * w)" (%u, %b) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SK>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %m = transfer.loss cross_entropy %y, %others mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %aa = graft.formula "a[k, h], b[k, h] -> [1, 1]: sum k (sum h (a * b))" (%a, %a) : (tensor<?x?xf32, #KH>, tensor<?x?xf32, #KH>) -> tensor<1x1xf32>
  %ab = graft.formula "a[k, h], b[k, h] -> [1, 1]: sum k (sum h (a * b))" (%a, %b) : (tensor<?x?xf32, #KH>, tensor<?x?xf32, #KH>) -> tensor<1x1xf32>
  %bb = graft.formula "a[k, h], b[k, h] -> [1, 1]: sum k (sum h (a * b))" (%b, %b) : (tensor<?x?xf32, #KH>, tensor<?x?xf32, #KH>) -> tensor<1x1xf32>
  %top = graft.concat %aa, %ab : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %bottom = graft.concat %ab, %bb : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %left = graft.transpose %top : (tensor<1x2xf32>) -> tensor<2x1xf32>
  %right = graft.transpose %bottom : (tensor<1x2xf32>) -> tensor<2x1xf32>
  %c = graft.concat %left, %right : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  // 1 for each text, as random numbers are below 1.
  %drawn = graft.uniform %text id 60 : (!transfer.text) -> tensor<?x1xf32, #S>
  %one = graft.formula "u[s, 1] -> [s]: max(1, u)" (%drawn) : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %e = graft.formula "one[s], c[i, j], p[i, j] -> [s]: one * sum i (sum j (c * p))" (%one, %c, %p) : (tensor<?xf32, #S>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<?xf32, #S>
  %far = transfer.mean %e : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m + @relate * %far

  // sgd with a rate of 1 takes p to where the gradient p - n is zero, n = C^-1.
  %r = graft.spectral inverse_root %c above 1.0e-7 : tensor<2x2xf32>
  %n = graft.formula "r[i, j], c[a, b], q[a, b] -> [i, j]: r * sum a (sum b (c * q))" (%r, %c, %r) : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %d = graft.sub %p, %n : tensor<2x2xf32>
  %fixed = graft.stop_gradient %d : tensor<2x2xf32>
  %f = graft.formula "one[s], p[i, j], d[i, j] -> [s]: one * sum i (sum j (p * d))" (%one, %p, %fixed) : (tensor<?xf32, #S>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<?xf32, #S>
  %update = transfer.mean %f : tensor<?xf32, #S>

  transfer.predict @first %z softmax evaluate %l : tensor<?x?xf32, #SK>
  transfer.predict @second %y softmax evaluate %m : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@encoder, @tops] with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.phase @settle minimise %update over [@relations] with sgd rate constant 1.0
  transfer.schedule epochs @epochs of [@settle, @step]
}
