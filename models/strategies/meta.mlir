// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Meta fine-tuning (Wang et al. 2020): a classifier of two domains, from which each of them
// is fine-tuned afterwards. A text counts as much as it is typical, t = a cos(e, c) + (1 - a)
// cos(e, d) or 0 if that is less: e are its features in @start, the encoder before it learns,
// c is the mean of those of its class in its own domain and d in the other. Two stages add
// up these features; a cosine needs no more of their mean. Besides, the states of the last
// layer shall not tell the domain, even beside a vector that does: the cross-entropy with
// domains that are shuffled in the batch, in the mean over all shuffles.

#S = #graft.dims<S>
#H = #graft.dims<H>
#KH = #graft.dims<K, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
#TH = #graft.dims<T, H>

graft.model @typical {
  graft.parameter @first.sum : tensor<?x?xf32, #KH> initial "zeros"
  graft.parameter @second.sum : tensor<?x?xf32, #KH> initial "zeros"
  func.func @first(%own: tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SH> {
    %s = graft.read @first.sum : tensor<?x?xf32, #KH>
    %y = graft.matmul %own, %s {graft.precision = "keep"} : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
    return %y : tensor<?x?xf32, #SH>
  }
  func.func @second(%own: tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SH> {
    %s = graft.read @second.sum : tensor<?x?xf32, #KH>
    %y = graft.matmul %own, %s {graft.precision = "keep"} : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
    return %y : tensor<?x?xf32, #SH>
  }
  func.func @dot(%x: tensor<?x?xf32, #SH>, %y: tensor<?x?xf32, #SH>) -> tensor<?xf32, #S> {
    %xy = graft.mul %x, %y {graft.precision = "keep"} : tensor<?x?xf32, #SH>
    %sum = graft.reduce sum %xy over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    return %sum : tensor<?xf32, #S>
  }
  func.func @cosine(%x: tensor<?x?xf32, #SH>, %y: tensor<?x?xf32, #SH>) -> tensor<?xf32, #S> {
    %xy = graft.call @dot(%x, %y) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %xx = graft.call @dot(%x, %x) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %yy = graft.call @dot(%y, %y) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %squared = graft.mul %xx, %yy : tensor<?xf32, #S>
    %least = graft.constant 1.0e-24 : tensor<?xf32, #S>
    %positive = graft.max %squared, %least : tensor<?xf32, #S>
    %lengths = graft.sqrt %positive : tensor<?xf32, #S>
    %cosine = graft.div %xy, %lengths : tensor<?xf32, #S>
    return %cosine : tensor<?xf32, #S>
  }
  func.func @weight(%x: tensor<?x?xf32, #SH>, %mine: tensor<?x?xf32, #SH>, %theirs: tensor<?x?xf32, #SH>, %a: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %near = graft.call @cosine(%x, %mine) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %far = graft.call @cosine(%x, %theirs) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %more = graft.sub %near, %far : tensor<?xf32, #S>
    %part = graft.mul %a, %more : tensor<?xf32, #S>
    %t = graft.add %part, %far : tensor<?xf32, #S>
    %weight = graft.relu %t : tensor<?xf32, #S>
    return %weight : tensor<?xf32, #S>
  }
}

graft.model @domain {
  graft.parameter @first : tensor<?xf32, #H> initial "normal" deviation 0.02
  graft.parameter @second : tensor<?xf32, #H> initial "normal" deviation 0.02
  graft.parameter @weight : tensor<1x?xf32, #H> initial "normal" deviation 0.02
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  func.func @tell(%x: tensor<?x?xf32, #TH>, %v: tensor<?xf32, #H>, %segments: !graft.segments<T, S>) -> tensor<?x1xf32, #S> {
    %mean = graft.segment_pool mean %x, %segments : (tensor<?x?xf32, #TH>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
    %vs = graft.broadcast %v along [0] : (tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
    %u = graft.add %mean, %vs : tensor<?x?xf32, #SH>
    %w = graft.read @weight : tensor<1x?xf32, #H>
    %b = graft.read @bias : tensor<1xf32>
    %z = graft.linear %u, %w, %b : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
  func.func @tell_first(%x: tensor<?x?xf32, #TH>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %v = graft.read @first : tensor<?xf32, #H>
    %z = graft.call @tell(%x, %v, %segments) : (tensor<?x?xf32, #TH>, tensor<?xf32, #H>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
  func.func @tell_second(%x: tensor<?x?xf32, #TH>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %v = graft.read @second : tensor<?xf32, #H>
    %z = graft.call @tell(%x, %v, %segments) : (tensor<?x?xf32, #TH>, tensor<?xf32, #H>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

transfer.strategy @meta sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 2 in [1, 1000000000] "passes over the first domain"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @own = 0.5 in [0.0, 1.0] "share of a text's own domain in how typical it is"
  transfer.parameter @share = 0.1 in [0.0, 1000.0] "weight of the domains in the loss"

  %a, %a_labels = transfer.stream @first of text, labels<K> in @T, @S
  %b, %b_labels = transfer.stream @second of text, labels<K> in @T, @S
  transfer.group @pretrained of @start frozen
  transfer.group @all of @model decay @weight_decay
  transfer.group @centroids of @typical
  transfer.group @judge of @domain

  %ae = transfer.call deterministic @start::@pooled(%a) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %be = transfer.call deterministic @start::@pooled(%b) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ax = transfer.cache @first_features %ae : tensor<?x?xf32, #SH>
  %bx = transfer.cache @second_features %be : tensor<?x?xf32, #SH>
  %ar = graft.one_hot %a_labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %br = graft.one_hot %b_labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %aa = transfer.call @typical::@first(%ar) : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SH>
  %ab = transfer.call @typical::@second(%ar) : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SH>
  %ba = transfer.call @typical::@first(%br) : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SH>
  %bb = transfer.call @typical::@second(%br) : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SH>

  // sgd with a rate of 1 adds the features of a text to the sum of its class.
  %ad = transfer.call @typical::@dot(%ax, %aa) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %bd = transfer.call @typical::@dot(%bx, %bb) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %am = graft.scale %ad by -1.0 : tensor<?xf32, #S>
  %bm = graft.scale %bd by -1.0 : tensor<?xf32, #S>
  %a_sum = transfer.total %am : tensor<?xf32, #S>
  %b_sum = transfer.total %bm : tensor<?xf32, #S>

  %own = transfer.number @own : tensor<?xf32, #S>
  %at = transfer.call @typical::@weight(%ax, %aa, %ab, %own) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %bt = transfer.call @typical::@weight(%bx, %bb, %ba, %own) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %az = transfer.call @model::@logits(%a) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %bz = transfer.call @model::@logits(%b) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %ac = graft.cross_entropy %az, %a_labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %bc = graft.cross_entropy %bz, %b_labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %aw = graft.mul %ac, %at : tensor<?xf32, #S>
  %bw = graft.mul %bc, %bt : tensor<?xf32, #S>
  %al = transfer.mean %aw : tensor<?xf32, #S>
  %bl = transfer.mean %bw : tensor<?xf32, #S>

  %ah = transfer.tap "hidden" layer -1 of %az : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %bh = transfer.tap "hidden" layer -1 of %bz : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %as = transfer.call @domain::@tell_first(%ah, %a) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x1xf32, #S>
  %bs = transfer.call @domain::@tell_second(%bh, %b) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x1xf32, #S>
  %half = graft.constant 0.5 : tensor<?x1xf32, #S>
  %ao = transfer.loss binary_cross_entropy %as, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %bo = transfer.loss binary_cross_entropy %bs, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %loss = transfer.combine 0.5 * %al + 0.5 * %bl + "@share / 2" * %ao + "@share / 2" * %bo
  %label = transfer.loss cross_entropy %az, %a_labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %az softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @add_first minimise %a_sum over [@centroids] with sgd rate constant 1.0
  transfer.phase @add_second minimise %b_sum over [@centroids] with sgd rate constant 1.0
  transfer.phase @learn minimise %loss over [@all, @judge] with adamw rate linear @rate warmup @warmup clip @clip
  transfer.schedule epochs 1 of [@add_first]
  transfer.schedule epochs 1 of [@add_second]
  transfer.schedule epochs @epochs of [@learn]
}
