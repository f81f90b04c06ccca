// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/emitters.h"

namespace graft {

const KernelEmitters& getKernelEmitters() {
  static const KernelEmitters* const all = [] {
    auto* emitters = new KernelEmitters;
    populateAttentionEmitters(*emitters);
    populateMatmulEmitters(*emitters);
    populateRegionEmitter(*emitters);
    populateRowEmitters(*emitters);
    populateSegmentEmitters(*emitters);
    populateOptimizerEmitters(*emitters);
    return emitters;
  }();
  return *all;
}

}  // namespace graft
