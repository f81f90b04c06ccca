// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The kernel of graft.attention_second_gradient. For one sequence and head,
// with p, a, dp, ds and delta as in attention_emitters.cc (ds without scale),
// the incoming gradients i, j and l of dq, dk and dv, and s = scale:
//
//   w = s (i k^T + q j^T)     omega = rowsum(p w)      e = dropout(p (w -
//   omega)) b = w (dp - delta) - omega dp + dropout(g l^T)     c = p (b -
//   rowsum(p b)) dg = e v + a l            dv = e^T g dq = s (c k + ds j) dk =
//   s (c^T q + ds^T i)
//
// All row sums are those of exponentials times what is known before they are,
// so one pass over the keys finds them: rowsum(p b) = rowsum(p (w dp +
// dropout(g l^T))) - 2 delta omega. Keys are read as they lie. Cost: 24 L^2 D
// flops, and 10 L^2 D more beyond 128 keys.

#ifndef GRAFT_PASSES_LOWER_CPU_ATTENTION_ATTENTION_SECOND_GRADIENT_H_
#define GRAFT_PASSES_LOWER_CPU_ATTENTION_ATTENTION_SECOND_GRADIENT_H_

#include "passes/lower/cpu/attention/attention_block.h"

namespace graft {

void emitAttentionSecondGradient(TileBuilder& v, const IsaLevel& level,
                                 const AttentionConfig& config,
                                 const KernelArguments& arguments);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ATTENTION_ATTENTION_SECOND_GRADIENT_H_
