// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What tells the bodies of kernels apart before they are emitted.

#ifndef GRAFT_PASSES_LOWER_KERNEL_KEY_H_
#define GRAFT_PASSES_LOWER_KERNEL_KEY_H_

#include <vector>

#include "mlir/IR/Operation.h"

namespace graft {

// All that a kernel's body depends on, as the emitter of that body says, apart
// from the target and the types and grid of the launch. Emitters of large
// bodies give a key, so that the layers of a model share one emission; others
// leave it to the merging of equal kernels. A key that says too little makes
// launches share a kernel that is not theirs, which a comparison of
// `lower-outline` with and without `share` shows.
//
// Types and attributes count by identity: they are unique in a context.
class KernelKey {
 public:
  KernelKey& add(int64_t value) {
    words.push_back(static_cast<uintptr_t>(value));
    return *this;
  }
  KernelKey& add(mlir::Attribute attribute) {
    return addPointer(attribute.getAsOpaquePointer());
  }
  KernelKey& add(mlir::Type type) {
    return addPointer(type.getAsOpaquePointer());
  }
  KernelKey& add(mlir::OperationName name) {
    return addPointer(name.getAsOpaquePointer());
  }
  KernelKey& add(mlir::TypeRange types);
  // The op as in structure.h, without what only tells random draws apart.
  KernelKey& add(mlir::Operation* op);

  bool operator<(const KernelKey& other) const { return words < other.words; }

 private:
  KernelKey& addPointer(const void* pointer) {
    words.push_back(reinterpret_cast<uintptr_t>(pointer));
    return *this;
  }

  std::vector<uintptr_t> words;
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_KERNEL_KEY_H_
