// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A sentence classifier with frozen embeddings, trained with clipping and
// dropout, and a host program written by hand: what the export test compiles and
// runs.

graft.size @T bound 64
graft.size @S bound 8

graft.model @m {
  graft.parameter @words : tensor<20x16xf32>
  graft.parameter @dense.weight : tensor<16x16xf32>
  graft.parameter @dense.bias : tensor<16xf32>
  graft.parameter @head : tensor<3x16xf32> initial "normal" deviation 2.000000e-02 group "head"
  graft.state @dense.weight.gradient "gradient" of @dense.weight : tensor<16x16xf32>
  graft.state @dense.weight.first_moment "first_moment" of @dense.weight : tensor<16x16xf32>
  graft.state @dense.weight.second_moment "second_moment" of @dense.weight : tensor<16x16xf32>
  graft.state @head.gradient "gradient" of @head : tensor<3x16xf32>
  graft.state @head.first_moment "first_moment" of @head : tensor<3x16xf32>
  graft.state @head.second_moment "second_moment" of @head : tensor<3x16xf32> group "head"
  graft.state @seen "counter" : tensor<2xi32>
  graft.state @average "average" : tensor<3x16xf32> initial "normal" deviation 5.000000e-01

  func.func @logits(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>> {
    %words = graft.read @words : tensor<20x16xf32>
    %dw = graft.read @dense.weight : tensor<16x16xf32>
    %db = graft.read @dense.bias : tensor<16xf32>
    %head = graft.read @head : tensor<3x16xf32>
    %x = graft.embedding %ids, %words : (tensor<?xi32, #graft.dims<T>>, tensor<20x16xf32>) -> tensor<?x16xf32, #graft.dims<T>>
    %h = graft.linear %x, %dw, %db : (tensor<?x16xf32, #graft.dims<T>>, tensor<16x16xf32>, tensor<16xf32>) -> tensor<?x16xf32, #graft.dims<T>>
    %g = graft.gelu erf %h : tensor<?x16xf32, #graft.dims<T>>
    %d = graft.dropout %g, %seq rate 2.500000e-01 id 7 : (tensor<?x16xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x16xf32, #graft.dims<T>>
    %p = graft.segment_pool mean %d, %seq : (tensor<?x16xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x16xf32, #graft.dims<S>>
    %z = graft.linear %p, %head : (tensor<?x16xf32, #graft.dims<S>>, tensor<3x16xf32>) -> tensor<?x3xf32, #graft.dims<S>>
    return %z : tensor<?x3xf32, #graft.dims<S>>
  }
}

func.func @predict(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"})
    -> (tensor<?x3xf32, #graft.dims<S>> {graft.name = "logits"}) attributes {graft.phase = "predict"} {
  %z = graft.call deterministic @m::@logits(%ids, %seq) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
  return %z : tensor<?x3xf32, #graft.dims<S>>
}

func.func @accumulate(%ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids", exec.source = #exec.source<stream @train ids>}, %seq: !graft.segments<T, S> {graft.name = "segments", exec.source = #exec.source<stream @train segments>}, %labels: tensor<?xi32, #graft.dims<S>> {graft.name = "labels", exec.source = #exec.source<stream @train labels>}, %total: tensor<f32> {graft.name = "total", exec.source = #exec.source<register @examples>})
    -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"} {
  %z = graft.call @m::@logits(%ids, %seq) : (tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>
  %rows = graft.cross_entropy %z, %labels ignore -100 : (tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  %sum = graft.reduce sum %rows over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %loss = graft.div %sum, %total : tensor<f32>
  %dw = graft.read @m::@dense.weight : tensor<16x16xf32>
  %head = graft.read @m::@head : tensor<3x16xf32>
  %gw, %gh = graft.gradients %loss wrt %dw, %head : tensor<16x16xf32>, tensor<3x16xf32>
  %ow = graft.read @m::@dense.weight.gradient : tensor<16x16xf32>
  %oh = graft.read @m::@head.gradient : tensor<3x16xf32>
  %nw = graft.add %ow, %gw : tensor<16x16xf32>
  %nh = graft.add %oh, %gh : tensor<3x16xf32>
  graft.write @m::@dense.weight.gradient, %nw : tensor<16x16xf32>
  graft.write @m::@head.gradient, %nh : tensor<3x16xf32>
  return %loss : tensor<f32>
}

func.func @update(%rate: tensor<f32> {graft.name = "rate", exec.source = #exec.source<register @rate>}, %step: tensor<i32> {graft.name = "step", exec.source = #exec.source<register @update>})
    -> (tensor<f32> {graft.name = "norm"}) attributes {graft.phase = "update"} {
  %gw = graft.read @m::@dense.weight.gradient : tensor<16x16xf32>
  %gh = graft.read @m::@head.gradient : tensor<3x16xf32>
  %norm = graft.global_norm %gw, %gh : (tensor<16x16xf32>, tensor<3x16xf32>) -> tensor<f32>
  %clip = graft.clip_factor %norm limit 1.000000e+00 : (tensor<f32>) -> tensor<f32>
  %w = graft.read @m::@dense.weight : tensor<16x16xf32>
  %mw = graft.read @m::@dense.weight.first_moment : tensor<16x16xf32>
  %vw = graft.read @m::@dense.weight.second_moment : tensor<16x16xf32>
  %h = graft.read @m::@head : tensor<3x16xf32>
  %mh = graft.read @m::@head.first_moment : tensor<3x16xf32>
  %vh = graft.read @m::@head.second_moment : tensor<3x16xf32>
  %w1, %mw1, %vw1 = graft.adamw %w, %gw, %mw, %vw rate %rate step %step factor %clip beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<16x16xf32>
  %h1, %mh1, %vh1 = graft.adamw %h, %gh, %mh, %vh rate %rate step %step factor %clip beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<3x16xf32>
  %zw = graft.constant 0.000000e+00 : tensor<16x16xf32>
  %zh = graft.constant 0.000000e+00 : tensor<3x16xf32>
  graft.write @m::@dense.weight, %w1 : tensor<16x16xf32>
  graft.write @m::@dense.weight.first_moment, %mw1 : tensor<16x16xf32>
  graft.write @m::@dense.weight.second_moment, %vw1 : tensor<16x16xf32>
  graft.write @m::@head, %h1 : tensor<3x16xf32>
  graft.write @m::@head.first_moment, %mh1 : tensor<3x16xf32>
  graft.write @m::@head.second_moment, %vh1 : tensor<3x16xf32>
  graft.write @m::@dense.weight.gradient, %zw : tensor<16x16xf32>
  graft.write @m::@head.gradient, %zh : tensor<3x16xf32>
  return %norm : tensor<f32>
}

exec.host @train {
  exec.stream @train sizes (T, S)
  exec.cache @kept of @train by @predict output 0 key "3f0c9a5e7d1b2468"
  exec.register @rate parameter = 1.000000e-02 in [0, 1] "learning rate"
  exec.register @limit option "steps at most"
  exec.register @epoch variable
  exec.register @update variable
  exec.register @examples variable
  exec.register @loss variable = -1
  exec.parameter "word" = "linear" "how the rate falls"
  exec.fill_cache @kept
  exec.repeat @epoch to "3" {
    exec.for_each_batch @train of "4 + 1" {
      exec.set @examples = "sum(@train weights where labels != -100)"
      exec.set @update = "update + 1"
      exec.for_each_micro_batch @train {
        exec.call @accumulate at "update - 1" -> (@loss += loss)
      }
      exec.when "not finite(loss)" {
        exec.fail "expects a finite loss" (got = @loss)
      } otherwise {
        exec.call @update -> (@loss = norm)
      }
      exec.log "train" (step = @update, norm = @loss)
      exec.mark checkpoint "update % 2 == 0" (step = @update)
      exec.when "limit > 0 and update >= limit" {
        exec.leave
      }
    }
  }
}
