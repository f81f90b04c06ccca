// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The graph of BERT over packed sequences, of any depth, width, number of heads
// and activation; a layer is written once.

#ifndef GRAFT_MODELS_BERT_BUILDER_H_
#define GRAFT_MODELS_BERT_BUILDER_H_

#include "absl/status/statusor.h"
#include "frontend/model_family.h"
#include "models/bert/config.h"

namespace graft {

// Builds a module of one model with the functions
//   @encode(ids, types: tensor<?xi32, T>, segments) -> hidden [T, H]
//   @pooled(ids, types, segments) -> pooled [S, H]   (with a head, or asked
//   for)
//   @classify(pooled, segments) -> logits [S, labels]   (with a head)
//   @logits(ids, types, segments) -> logits [S, labels], both in turn
// Parameters have the names of Transformers' BertModel; those of the head are
// `pooler.dense.*` and `classifier.*`. Random ids: 0 embeddings, 1 classifier,
// and 64 attention, 65 and 66 the two outputs of a layer (turn i adds 64 i).
// `options.dropout` has no effect: the rates are those of `config`.
// INVALID_ARGUMENT names a rate or epsilon that float cannot hold, or a
// capacity that is not positive.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildBertModel(
    mlir::MLIRContext* context, const BertConfig& config,
    const BuildOptions& options);

}  // namespace graft

#endif  // GRAFT_MODELS_BERT_BUILDER_H_
