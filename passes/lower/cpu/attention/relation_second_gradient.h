// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The kernel of graft.relation_divergence_second_gradient. For one sequence and
// head, with a, b and da as in relation_emitters.cc and the incoming gradients
// i and j of dq and dk:
//
//   w = (i k^T + q j^T) / sqrt(D)     dg = sum of w da / g
//   kl:  c = g / (N L) softmax(a) (w - rowsum(softmax(a) w))
//   mse: c = 2 g / (N L^2) w
//   dq = (c k + da j) / sqrt(D)       dk = (c^T q + da^T i) / sqrt(D)
//
// Cost: 2 L^2 (7 D + E) flops and, with kl, 2 L^2 (3 D + E) more beyond 128
// keys.

#ifndef GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_SECOND_GRADIENT_H_
#define GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_SECOND_GRADIENT_H_

#include "passes/lower/cpu/attention/relation_kernel.h"

namespace graft {

// The first result is dg of each head, [S, N].
class RelationSecondGradientKernel : RelationKernel {
 public:
  RelationSecondGradientKernel(TileBuilder& v, const IsaLevel& level,
                               const RelationConfig& config,
                               const KernelArguments& arguments);

  void emit();

 private:
  void emitAllScores(Value first, Value keys);
  // Runs over the keys of a block of queries, and returns the sums of w times
  // the slopes of scores.
  llvm::SmallVector<Value> emitDivergences();
  llvm::SmallVector<Value> emitSquares();
  llvm::SmallVector<Value> emitStatistics(Value keys, mlir::ValueRange carried);

  // What a key and a vector of queries give: the slope da / g of the score, and
  // the change c / g, both without the share of the head.
  struct Slope {
    Value score, change;
  };
  // Scores become s da, and w becomes s c, with s = 1 / sqrt(D); adds to
  // `sums`.
  llvm::SmallVector<Value> emitSlopes(
      Value keys, mlir::ValueRange sums,
      llvm::function_ref<Slope(Value key, int64_t group)> slopeOf);
  void emitProducts(Value first, Value keys);

  Value change(Value key, int64_t group) {
    return v.load(changes, {key, v.index(group * v.lanes())});
  }

  AttentionBlock::Panel incomingPanel;
  Value changes;  // [key][query]: w, then s c
  Value total;    // sums of w da of the blocks so far, a lane of queries each
  Value weight;   // of a slope in the gradients, in all lanes
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ATTENTION_RELATION_SECOND_GRADIENT_H_
