// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/emitters.h"

#include "passes/lower/cpu/attention/attention_emitters.h"
#include "passes/lower/cpu/attention/relation_emitters.h"
#include "passes/lower/cpu/elementwise/region.h"
#include "passes/lower/cpu/gemm/matmul_emitters.h"

using namespace mlir;

namespace graft {
namespace {

LogicalResult emitRegion(Operation* operation, OpBuilder& builder,
                         CpuContext& context) {
  auto op = cast<RegionOp>(operation);
  auto ops = op.getBody().front().without_terminator();
  if (op.getNumResults() == 0) {
    op.erase();
    return success();
  }
  if (ops.empty())
    return op.emitOpError("expects ops in its body, got none"), failure();
  if (isa<LinearOp, MatmulOp>(*ops.begin()))
    return emitGemmRegion(op, builder, context);
  if (getNormalization(op))
    return emitNormalizationRegion(op, builder, context);
  return emitElementwiseRegion(op, builder, context);
}

}  // namespace

const KernelEmitters& getKernelEmitters() {
  static const KernelEmitters* const all = [] {
    auto* emitters = new KernelEmitters;
    populateAttentionEmitters(*emitters);
    populateElementwiseEmitters(*emitters);
    populateLossEmitters(*emitters);
    populateMatmulEmitters(*emitters);
    populateNormalizationEmitters(*emitters);
    populateOptimizerEmitters(*emitters);
    populateRandomEmitters(*emitters);
    populateReductionEmitters(*emitters);
    populateRelationEmitters(*emitters);
    populateSegmentEmitters(*emitters);
    populateShapeEmitters(*emitters);
    populateSpectralEmitters(*emitters);
    (*emitters)[RegionOp::getOperationName()] = emitRegion;
    return emitters;
  }();
  return *all;
}

}  // namespace graft
