// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What PyTorch computes for the functions of goldens.mlir, as goldens.py wrote
// it.

#ifndef GRAFT_TEST_PASSES_INTERPRET_GOLDENS_H_
#define GRAFT_TEST_PASSES_INTERPRET_GOLDENS_H_

#include <map>
#include <string>

#include "passes/interpret/random_inputs.h"
#include "passes/interpret/tensor_files.h"
#include "test/passes/interpret/program.h"

namespace graft {

// By CASE.NAME.
using Goldens = std::map<std::string, interpret::Tensor>;

inline mlir::FailureOr<Goldens> readGoldens(mlir::ModuleOp module) {
  return interpret::readTensors(
      module.getLoc(),
      GRAFT_SOURCE_DIR "/test/passes/interpret/Inputs/goldens.safetensors");
}

inline const interpret::Tensor* findGolden(const Goldens& tensors,
                                           const std::string& name) {
  auto it = tensors.find(name);
  return it == tensors.end() ? nullptr : &it->second;
}

// The arguments of a case; those the file lacks keep their `graft.value`.
inline mlir::FailureOr<llvm::SmallVector<interpret::Value>> makeGoldenArguments(
    mlir::func::FuncOp function, const Goldens& tensors) {
  auto arguments = interpret::makeRandomInputs(function, {});
  if (mlir::failed(arguments)) return arguments;
  for (unsigned i = 0; i < arguments->size(); ++i) {
    std::string name =
        function.getName().str() + "." + interpret::argumentName(function, i);
    const interpret::Tensor* offsets = findGolden(tensors, name + ".offsets");
    const interpret::Tensor* value = findGolden(tensors, name);
    if (offsets) {
      interpret::Segments segments;
      segments.offsets.assign(offsets->values.begin(), offsets->values.end());
      segments.ordinals.resize(segments.offsets.size() - 1);
      (*arguments)[i] = interpret::Value(segments);
    } else if (value) {
      (*arguments)[i] = interpret::Value(*value);
    } else {
      EXPECT_TRUE(function.getArgAttr(i, "graft.value"))
          << "goldens.safetensors has no " << name;
    }
  }
  return arguments;
}

}  // namespace graft

#endif  // GRAFT_TEST_PASSES_INTERPRET_GOLDENS_H_
