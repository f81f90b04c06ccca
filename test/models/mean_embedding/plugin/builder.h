// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_BUILDER_H_
#define GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_BUILDER_H_

#include "config.h"
#include "frontend/model_family.h"

namespace mean_embedding {

// @encode: rows of the table `words` [T, width]; @pooled: their mean per
// sequence [S, width]; @classify: dropout and the linear layer `output` [S,
// labels]; @logits: both. No token types, positions, layers or pooler.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildModel(
    mlir::MLIRContext* context, const Config& config,
    const graft::BuildOptions& options);

}  // namespace mean_embedding

#endif  // GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_BUILDER_H_
