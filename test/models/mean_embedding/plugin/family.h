// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_FAMILY_H_
#define GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_FAMILY_H_

#include <memory>

#include "frontend/model_family.h"

namespace mean_embedding {

// The mean of word embeddings and a classifier, model_type "mean_embedding".
std::unique_ptr<graft::ModelFamily> createFamily();

}  // namespace mean_embedding

#endif  // GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_FAMILY_H_
