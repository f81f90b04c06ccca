// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Finds the tensors of a checkpoint for the parameters of a model, one by one.

#ifndef GRAFT_FRONTEND_TENSOR_NAMES_H_
#define GRAFT_FRONTEND_TENSOR_NAMES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontend/model_family.h"
#include "runtime/formats/checkpoint_weights.h"

namespace graft {

// The names of parameters in the files of a checkpoint. A tensor is found under
// each spelling of its family, with any of these before or inside of the name:
// what parallel or compiled training adds (`module.`, `_orig_mod.`, ...), what
// a model that holds the encoder adds (`model.`, `0.auto_model.`, ...), and the
// family's base (`bert.`), in any combination. Immutable; borrows both
// arguments.
class TensorNames {
 public:
  TensorNames(const CheckpointWeights& weights,
              const ModelDescription& description);

  // The name of the tensor of `parameter`; none: the files lack it.
  // INVALID_ARGUMENT: there are several, whose values differ.
  absl::StatusOr<std::optional<std::string>> find(
      llvm::StringRef parameter) const;
  // The name that a parameter which the files lack would have.
  std::string expected(llvm::StringRef parameter) const;
  // The parameter that the tensor `name` is of: its name without what is put
  // before or inside.
  std::string strip(const std::string& name) const;
  // The tensors whose names begin with `scope` and a dot, without what is put
  // before.
  std::vector<std::string> inScope(const std::string& scope) const;

 private:
  const CheckpointWeights& weights_;
  const ModelDescription& description_;
  // Tensors by their whole names and by what remains of them.
  std::map<std::string, std::vector<const TensorView*>> tensors_;
  std::string prefix_;  // of most tensors
};

}  // namespace graft

#endif  // GRAFT_FRONTEND_TENSOR_NAMES_H_
