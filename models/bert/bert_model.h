// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// BERT (Devlin et al. 2019) over packed sequences, of any depth, width, number
// of heads and activation, written once a layer.

#ifndef GRAFT_MODELS_BERT_BERT_MODEL_H_
#define GRAFT_MODELS_BERT_BERT_MODEL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/formats/config.h"

namespace graft {

struct BertModelOptions {
  std::string name = "model";  // symbol of the graft.model
  std::string weights;         // path of the safetensors file; may be empty
  // Columns of the logits; 0 builds no head. One label is a regression.
  int64_t labels = 0;
  // Whether the head reads the first token through the pooler (a linear layer
  // and tanh) or as it is.
  bool pooler = true;
  int64_t token_bound = 8192;    // most tokens of a batch
  int64_t sequence_bound = 512;  // most sequences of a batch
};

// Builds a module of one model with the functions
//   @encode(ids, types: tensor<?xi32, T>, segments) -> hidden [T, H]
//   @logits(ids, types, segments) -> logits [S, labels]   (with a head)
// Parameters have the names of Transformers' BertModel; those of the head are
// `pooler.dense.*` and `classifier.*`. Random ids: 0 embeddings, 1 classifier,
// and 64 attention, 65 and 66 the two outputs of a layer (turn i adds 64 i).
// INVALID_ARGUMENT names a rate or epsilon that float cannot hold, or a bound
// that is not positive.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildBertModel(
    mlir::MLIRContext* context, const BertConfig& config,
    const BertModelOptions& options);

}  // namespace graft

#endif  // GRAFT_MODELS_BERT_BERT_MODEL_H_
