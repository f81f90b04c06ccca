// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Meta-KD (Pan et al. 2021): a student of one domain, @train, learns from @teacher, which page
// meta has trained on that domain and @other. First it learns states of layers, scores of attention
// and the content, a mean of the last states, where a text weighs (1 + t) / (1 + exp((1 - p)^2)): p
// is what the teacher gives to the label, and t how typical the text is of its class, own cos(e, c)
// + (1 - own) cos(e, d) for its content e in the teacher and the means c of its class in @train and
// d in @other. Two stages add up these contents; a cosine needs no more of a mean. Then the student
// learns the teacher's logits. Layer m of M matches layer m N / M of N, with as many heads; learned
// matrices map to the width of the teacher.

#S = #graft.dims<S>
#T = #graft.dims<T>
#SK = #graft.dims<S, K>
#SG = #graft.dims<S, G>
#KG = #graft.dims<K, G>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#GH = #graft.dims<G, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>

graft.model @fit {
  graft.parameter @states.weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
  graft.parameter @content.weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
  func.func @mean(%y: tensor<?x?xf32, #TG>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x?xf32, #SG> {
    %mean = graft.segment_pool mean %y, %segments : (tensor<?x?xf32, #TG>, !graft.segments<T, S>) -> tensor<?x?xf32, #SG>
    return %mean : tensor<?x?xf32, #SG>
  }
  func.func @states(%x: tensor<?x?xf32, #TH>, %y: tensor<?x?xf32, #TG>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?xf32, #S> {
    %w = graft.read @states.weight : tensor<?x?xf32, #GH>
    %z = graft.linear %x, %w : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #GH>) -> tensor<?x?xf32, #TG>
    %token = graft.mse %z, %y : (tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>) -> tensor<?xf32, #T>
    %column = graft.reshape %token : (tensor<?xf32, #T>) -> tensor<?x1xf32, #T>
    %mean = graft.segment_pool mean %column, %segments : (tensor<?x1xf32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
    %text = graft.reshape %mean : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    return %text : tensor<?xf32, #S>
  }
  func.func @content(%x: tensor<?x?xf32, #TH>, %e: tensor<?x?xf32, #SG>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?xf32, #S> {
    %w = graft.read @content.weight : tensor<?x?xf32, #GH>
    %z = graft.linear %x, %w : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #GH>) -> tensor<?x?xf32, #TG>
    %mean = graft.call @mean(%z, %segments) : (tensor<?x?xf32, #TG>, !graft.segments<T, S>) -> tensor<?x?xf32, #SG>
    %text = graft.mse %mean, %e : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    return %text : tensor<?xf32, #S>
  }
}

graft.model @classes {
  graft.parameter @own.sum : tensor<?x?xf32, #KG> initial "zeros"
  graft.parameter @other.sum : tensor<?x?xf32, #KG> initial "zeros"
  func.func @sums() -> (tensor<?x?xf32, #KG>, tensor<?x?xf32, #KG>) {
    %own = graft.read @own.sum : tensor<?x?xf32, #KG>
    %other = graft.read @other.sum : tensor<?x?xf32, #KG>
    return %own, %other : tensor<?x?xf32, #KG>, tensor<?x?xf32, #KG>
  }
  func.func @less_dot(%x: tensor<?x?xf32, #SG>, %y: tensor<?x?xf32, #SG>) -> tensor<?xf32, #S> {
    %xy = graft.mul %x, %y {graft.precision = "keep"} : tensor<?x?xf32, #SG>
    %sum = graft.reduce sum %xy over [1] : (tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    %less = graft.scale %sum by -1.0 : tensor<?xf32, #S>
    return %less : tensor<?xf32, #S>
  }
  func.func @less_cosine(%x: tensor<?x?xf32, #SG>, %y: tensor<?x?xf32, #SG>) -> tensor<?xf32, #S> {
    %xy = graft.call @less_dot(%x, %y) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    %xx = graft.call @less_dot(%x, %x) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    %yy = graft.call @less_dot(%y, %y) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    %squared = graft.mul %xx, %yy : tensor<?xf32, #S>
    %least = graft.constant 1.0e-24 : tensor<?xf32, #S>
    %positive = graft.max %squared, %least : tensor<?xf32, #S>
    %lengths = graft.sqrt %positive : tensor<?xf32, #S>
    %cosine = graft.div %xy, %lengths : tensor<?xf32, #S>
    return %cosine : tensor<?xf32, #S>
  }
  // %share is that of @train in how typical a text is, %ce the teacher's cross-entropy, -log(p).
  func.func @weight(%e: tensor<?x?xf32, #SG>, %c: tensor<?x?xf32, #SG>, %d: tensor<?x?xf32, #SG>, %share: tensor<?xf32, #S>, %ce: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %near = graft.call @less_cosine(%e, %c) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    %far = graft.call @less_cosine(%e, %d) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    %more = graft.sub %near, %far : tensor<?xf32, #S>
    %part = graft.mul %share, %more : tensor<?xf32, #S>
    %less_t = graft.add %part, %far : tensor<?xf32, #S>
    %one = graft.constant 1.0 : tensor<?xf32, #S>
    %typical = graft.sub %one, %less_t : tensor<?xf32, #S>
    %log = graft.scale %ce by -1.0 : tensor<?xf32, #S>
    %p = graft.exp %log : tensor<?xf32, #S>
    %miss = graft.sub %p, %one : tensor<?xf32, #S>
    %square = graft.mul %miss, %miss : tensor<?xf32, #S>
    %less = graft.scale %square by -1.0 : tensor<?xf32, #S>
    %expert = graft.sigmoid %less : tensor<?xf32, #S>
    %weight = graft.mul %typical, %expert : tensor<?xf32, #S>
    return %weight : tensor<?xf32, #S>
  }
}

transfer.strategy @meta_kd sizes (H, G, K) {
  transfer.parameter @layer_rate = 3.0e-5 in [0.0, 3.0e+38] "peak learning rate for the layers"
  transfer.parameter @layer_epochs = 10 in [1, 1000000000] "passes over the examples for the layers"
  transfer.parameter @rate = 3.0e-5 in [0.0, 3.0e+38] "peak learning rate for the logits"
  transfer.parameter @epochs = 10 in [1, 1000000000] "passes over the examples for the logits"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which the rate rises"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teacher and model"
  transfer.parameter @own = 0.5 in [0.0, 1.0] "share of its own domain in how typical a text is"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  %more, %others = transfer.stream @other of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay @weight_decay
  transfer.group @maps of @fit
  transfer.group @sums of @classes

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said_other = transfer.call deterministic @teacher::@logits(%more) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %states = transfer.tap "hidden" layer -1 of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %states_other = transfer.tap "hidden" layer -1 of %said_other : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %e = transfer.call @fit::@mean(%states, %text) : (tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?x?xf32, #SG>
  %e_other = transfer.call @fit::@mean(%states_other, %more) : (tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?x?xf32, #SG>
  %class = graft.one_hot %labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %class_other = graft.one_hot %others : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %sums:2 = transfer.call @classes::@sums() : () -> (tensor<?x?xf32, #KG>, tensor<?x?xf32, #KG>)
  %c = graft.matmul %class, %sums#0 {graft.precision = "keep"} : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #KG>) -> tensor<?x?xf32, #SG>
  %d = graft.matmul %class, %sums#1 {graft.precision = "keep"} : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #KG>) -> tensor<?x?xf32, #SG>
  %d_other = graft.matmul %class_other, %sums#1 {graft.precision = "keep"} : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #KG>) -> tensor<?x?xf32, #SG>
  // sgd with a rate of 1 adds the content of a text to the sum of its class.
  %added = transfer.call @classes::@less_dot(%e, %c) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
  %added_other = transfer.call @classes::@less_dot(%e_other, %d_other) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
  %sum = transfer.total %added : tensor<?xf32, #S>
  %sum_other = transfer.total %added_other : tensor<?xf32, #S>

  %share = transfer.number @own : tensor<?xf32, #S>
  %ce = graft.cross_entropy %said, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %weight = transfer.call @classes::@weight(%e, %c, %d, %share, %ce) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>, tensor<?xf32, #S>, tensor<?xf32, #S>) -> tensor<?xf32, #S>

  %h = transfer.tap "hidden" of %logits : tensor<?x?xf32, #SK> -> !own
  %th = transfer.tap "hidden" of %said matching %h : tensor<?x?xf32, #SK>, !own -> !other
  %hidden = transfer.call @fit::@states(%h, %th, %text) : (!own, !other, !transfer.text) -> !losses
  %q = transfer.tap "query" of %logits : tensor<?x?xf32, #SK> -> !own
  %k = transfer.tap "key" of %logits : tensor<?x?xf32, #SK> -> !own
  %tq = transfer.tap "query" of %said matching %q : tensor<?x?xf32, #SK>, !own -> !other
  %tk = transfer.tap "key" of %said matching %k : tensor<?x?xf32, #SK>, !own -> !other
  %scores = transfer.relation_divergence mse %q, %k, %tq, %tk over %text : (!own, !own, !other, !other, !transfer.text) -> !losses
  %last = transfer.tap "hidden" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %content = transfer.call @fit::@content(%last, %e, %text) : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #SG>, !transfer.text) -> tensor<?xf32, #S>
  %half = graft.scale %content by 0.5 : tensor<?xf32, #S>
  %all_hidden = transfer.sum %hidden : !losses
  %all_scores = transfer.sum %scores : !losses
  %both = graft.add %all_hidden, %all_scores : tensor<?xf32, #S>
  %every = graft.add %both, %half : tensor<?xf32, #S>
  %weighed = graft.mul %every, %weight : tensor<?xf32, #S>
  %layers = transfer.mean %weighed : tensor<?xf32, #S>

  %kept = transfer.cache @teacher_logits %said : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %kept temperature @temperature mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @add_own minimise %sum over [@sums] with sgd rate constant 1.0
  transfer.phase @add_other minimise %sum_other over [@sums] with sgd rate constant 1.0
  transfer.phase @layers minimise %layers over [@all, @maps] with adamw rate linear @layer_rate warmup @warmup clip 1.0
  transfer.phase @logits minimise %soft over [@all] with adamw rate linear @rate warmup @warmup clip 1.0
  transfer.schedule epochs 1 of [@add_own]
  transfer.schedule epochs 1 of [@add_other]
  transfer.schedule epochs @layer_epochs of [@layers]
  transfer.schedule epochs @epochs of [@logits]
}
