// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_MODELS_BERT_FAMILY_H_
#define GRAFT_MODELS_BERT_FAMILY_H_

#include <memory>

#include "frontend/model_family.h"

namespace graft {

// BERT (Devlin et al. 2019), model_type "bert".
std::unique_ptr<ModelFamily> createBertFamily();

}  // namespace graft

#endif  // GRAFT_MODELS_BERT_FAMILY_H_
