// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/kernel_key.h"

#include "passes/lower/kernel_emitter.h"
#include "passes/lower/structure.h"

using namespace mlir;

namespace graft {

KernelKey& KernelKey::add(TypeRange types) {
  add(static_cast<int64_t>(types.size()));
  for (Type type : types) add(type);
  return *this;
}

KernelKey& KernelKey::add(Operation* op) {
  addStructure(op, *this, kRandomAttributes);
  return *this;
}

}  // namespace graft
