// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Attention of bf16 in the tile registers of AMX, with blocks of 16 queries and
// chunks of 128 keys as in attention_emitters.cc. Scores are transposed, [key]
// [query], here, too: a register of scores is 16 rows of keys, as they lie in
// memory, times the block's queries; and weights of two keys side by side are
// rows of pairs for the product with values, whose result is transposed again.
// Weights, and the slopes of scores, are rounded to bf16 before products; sums
// and softmax are f32.

#ifndef GRAFT_PASSES_LOWER_CPU_ATTENTION_AMX_ATTENTION_H_
#define GRAFT_PASSES_LOWER_CPU_ATTENTION_AMX_ATTENTION_H_

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/attention/attention_block.h"

namespace graft {

// Whether an op of these is computed so.
bool isAmxAttention(const IsaLevel& level, AttentionOp op);
bool isAmxAttention(const IsaLevel& level, AttentionGradientOp op);

// The kernels of graft.attention and graft.attention_gradient.
void emitAmxAttention(TileBuilder& v, const IsaLevel& level,
                      const AttentionConfig& config,
                      const KernelArguments& arguments);
void emitAmxAttentionGradient(TileBuilder& v, const IsaLevel& level,
                              const AttentionConfig& config,
                              const KernelArguments& arguments);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ATTENTION_AMX_ATTENTION_H_
