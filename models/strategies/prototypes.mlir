// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Prototypical networks (Snell et al. 2017): a text has the class whose prototype, the
// mean of the features of its examples, is nearest, p = softmax(-|f(x) - c|^2). The
// encoder learns from batches of @train, where each text is asked against the prototypes
// of all others; a class without another text is left out, and a text of it is a loss of
// 0. Then the texts of @support, of which a few per class are enough, give the prototypes
// that predict. Their classes may be new; or both are one table. Features are means of tokens.
//
// Invariant 4 does not hold: of a text that stands twice the one is an example for the other.

#S = #graft.dims<S>
#K = #graft.dims<K>
#N = #graft.dims<N>
#KH = #graft.dims<K, H>
#NH = #graft.dims<N, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
#SN = #graft.dims<S, N>
#TH = #graft.dims<T, H>

graft.model @nearest {
  graft.parameter @sum : tensor<?x?xf32, #KH> initial "zeros"
  graft.parameter @count : tensor<?xf32, #K> initial "zeros"
  func.func @pool(%x: tensor<?x?xf32, #TH>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x?xf32, #SH> {
    %y = graft.segment_pool mean %x, %segments : (tensor<?x?xf32, #TH>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
    return %y : tensor<?x?xf32, #SH>
  }
  // -|f(x) - c|^2 by the sums and numbers of the examples of classes, where a row of class
  // %own is left out of them; and which classes have others.
  func.func @scores(%x: tensor<?x?xf32, #SH>, %s: tensor<?x?xf32, #NH>, %n: tensor<?xf32, #N>, %own: tensor<?x?xf32, #SN>) -> (tensor<?x?xf32, #SN>, tensor<?x?xf32, #SN>) {
    %ones = graft.constant 1.0 : tensor<?xf32, #N>
    %some = graft.max %n, %ones : tensor<?xf32, #N>
    %divisor = graft.broadcast %some along [1] : (tensor<?xf32, #N>) -> tensor<?x?xf32, #NH>
    %c = graft.div %s, %divisor : tensor<?x?xf32, #NH>
    %xc = graft.matmul %x, %c transpose_rhs {graft.precision = "keep"} : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #NH>) -> tensor<?x?xf32, #SN>
    %x2 = graft.mul %x, %x {graft.precision = "keep"} : tensor<?x?xf32, #SH>
    %xx = graft.reduce sum %x2 over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %a = graft.broadcast %xx along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SN>
    %c2 = graft.mul %c, %c : tensor<?x?xf32, #NH>
    %cc = graft.reduce sum %c2 over [1] : (tensor<?x?xf32, #NH>) -> tensor<?xf32, #N>
    %b = graft.broadcast %cc along [0] : (tensor<?xf32, #N>) -> tensor<?x?xf32, #SN>
    %ab = graft.add %a, %b : tensor<?x?xf32, #SN>
    %twice = graft.scale %xc by 2.0 : tensor<?x?xf32, #SN>
    %d = graft.sub %ab, %twice : tensor<?x?xf32, #SN>

    // Without itself a text of n is n / (n - 1) times as far from the mean.
    %all = graft.broadcast %n along [0] : (tensor<?xf32, #N>) -> tensor<?x?xf32, #SN>
    %others = graft.sub %all, %own : tensor<?x?xf32, #SN>
    %one = graft.constant 1.0 : tensor<?x?xf32, #SN>
    %least = graft.max %others, %one : tensor<?x?xf32, #SN>
    %ratio = graft.div %all, %least : tensor<?x?xf32, #SN>
    %square = graft.mul %ratio, %ratio : tensor<?x?xf32, #SN>
    %far = graft.mul %d, %square : tensor<?x?xf32, #SN>
    %has = graft.step %others, %one : tensor<?x?xf32, #SN>
    %missing = graft.sub %has, %one : tensor<?x?xf32, #SN>
    %never = graft.scale %missing by 1.0e30 : tensor<?x?xf32, #SN>
    %z = graft.sub %never, %far : tensor<?x?xf32, #SN>
    return %z, %has : tensor<?x?xf32, #SN>, tensor<?x?xf32, #SN>
  }
  // 2 f(x) c - |c|^2, which has the same softmax.
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK> {
    %s = graft.read @sum : tensor<?x?xf32, #KH>
    %n = graft.read @count : tensor<?xf32, #K>
    %one = graft.constant 1.0 : tensor<?xf32, #K>
    %some = graft.max %n, %one : tensor<?xf32, #K>
    %divisor = graft.broadcast %some along [1] : (tensor<?xf32, #K>) -> tensor<?x?xf32, #KH>
    %c = graft.div %s, %divisor : tensor<?x?xf32, #KH>
    %xc = graft.matmul %x, %c transpose_rhs {graft.precision = "keep"} : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SK>
    %twice = graft.scale %xc by 2.0 : tensor<?x?xf32, #SK>
    %c2 = graft.mul %c, %c : tensor<?x?xf32, #KH>
    %cc = graft.reduce sum %c2 over [1] : (tensor<?x?xf32, #KH>) -> tensor<?xf32, #K>
    %has = graft.step %n, %one : tensor<?xf32, #K>
    %missing = graft.sub %has, %one : tensor<?xf32, #K>
    %never = graft.scale %missing by 1.0e30 : tensor<?xf32, #K>
    %offset = graft.sub %never, %cc : tensor<?xf32, #K>
    %offsets = graft.broadcast %offset along [0] : (tensor<?xf32, #K>) -> tensor<?x?xf32, #SK>
    %z = graft.add %twice, %offsets : tensor<?x?xf32, #SK>
    return %z : tensor<?x?xf32, #SK>
  }
  // sgd with a rate of 1 adds %own to @count and its texts to @sum.
  func.func @add(%x: tensor<?x?xf32, #SH>, %own: tensor<?x?xf32, #SK>) -> tensor<?xf32, #S> {
    %s = graft.read @sum : tensor<?x?xf32, #KH>
    %y = graft.matmul %own, %s {graft.precision = "keep"} : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
    %xy = graft.mul %x, %y {graft.precision = "keep"} : tensor<?x?xf32, #SH>
    %texts = graft.reduce sum %xy over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %n = graft.read @count : tensor<?xf32, #K>
    %all = graft.broadcast %n along [0] : (tensor<?xf32, #K>) -> tensor<?x?xf32, #SK>
    %each = graft.mul %all, %own : tensor<?x?xf32, #SK>
    %number = graft.reduce sum %each over [1] : (tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
    %sum = graft.add %texts, %number : tensor<?xf32, #S>
    %less = graft.scale %sum by -1.0 : tensor<?xf32, #S>
    return %less : tensor<?xf32, #S>
  }
}

transfer.strategy @prototypes sizes (H, K, N) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the texts of @train"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"

  %few, %few_labels = transfer.stream @support of text, labels<K> in @T, @S
  %text, %labels = transfer.stream @train of text, labels<N> in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @memory of @nearest

  %tokens = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %x = transfer.call @nearest::@pool(%tokens, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  %own = graft.one_hot %labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SN>
  %s = graft.matmul %own, %x transpose_lhs {graft.precision = "keep"} : (tensor<?x?xf32, #SN>, tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #NH>
  %n = graft.reduce sum %own over [0] : (tensor<?x?xf32, #SN>) -> tensor<?xf32, #N>
  %z:2 = transfer.call @nearest::@scores(%x, %s, %n, %own) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #NH>, tensor<?xf32, #N>, tensor<?x?xf32, #SN>) -> (tensor<?x?xf32, #SN>, tensor<?x?xf32, #SN>)
  %each = graft.cross_entropy %z#0, %labels : (tensor<?x?xf32, #SN>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %has = graft.mul %z#1, %own : tensor<?x?xf32, #SN>
  %counts = graft.reduce sum %has over [1] : (tensor<?x?xf32, #SN>) -> tensor<?xf32, #S>
  %counted = graft.mul %each, %counts : tensor<?xf32, #S>
  %loss = transfer.mean %counted : tensor<?xf32, #S>

  %states = transfer.call deterministic @model::@encode(%few) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %y = transfer.call @nearest::@pool(%states, %few) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  %few_own = graft.one_hot %few_labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %added = transfer.call @nearest::@add(%y, %few_own) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %total = transfer.total %added : tensor<?xf32, #S>
  %logits = transfer.call @nearest::@logits(%y) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %few_labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @learn minimise %loss over [@encoder] with adamw rate linear @rate warmup @warmup clip @clip
  transfer.phase @collect minimise %total over [@memory] with sgd rate constant 1.0
  transfer.schedule epochs @epochs of [@learn]
  transfer.schedule epochs 1 of [@collect]
}
