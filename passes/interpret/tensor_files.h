// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tensors of the interpreter in safetensors files.

#ifndef GRAFT_PASSES_INTERPRET_TENSOR_FILES_H_
#define GRAFT_PASSES_INTERPRET_TENSOR_FILES_H_

#include <map>
#include <string>

#include "mlir/IR/Location.h"
#include "passes/interpret/tensor.h"

namespace graft::interpret {

// All tensors of a file by name. F64 and F32 become f32, F16 and BF16 keep
// their kind, I32 and I64 become i32. Errors (file, other types, integers that
// do not fit) are diagnostics at `location`.
mlir::FailureOr<std::map<std::string, Tensor>> readTensors(
    mlir::Location location, const std::string& path);

// Writes the tensors in their kind; the file appears whole or not at all.
mlir::LogicalResult writeTensors(mlir::Location location,
                                 const std::string& path,
                                 const std::map<std::string, Tensor>& tensors);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_TENSOR_FILES_H_
