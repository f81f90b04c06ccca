// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How files of BERT checkpoints spell the names of parameters.

#ifndef GRAFT_MODELS_BERT_NAMES_H_
#define GRAFT_MODELS_BERT_NAMES_H_

#include "absl/status/statusor.h"
#include "frontend/model_family.h"

namespace graft {

// The names of BertModel's parameters in a file that has the tensors for which
// `inFile` is true: with or without `bert.` before all but the classifier's,
// with `weight` and `bias` of layer normalisations or the `gamma` and `beta` of
// TensorFlow. INVALID_ARGUMENT: the file has word embeddings both ways.
absl::StatusOr<TensorNames> bertTensorNames(
    llvm::function_ref<bool(llvm::StringRef)> inFile);

}  // namespace graft

#endif  // GRAFT_MODELS_BERT_NAMES_H_
