// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Several adapters of Hugging Face PEFT as a part of one checkpoint, of which a
// program chooses one for each text.

#ifndef GRAFT_FRONTEND_ADAPTER_SET_H_
#define GRAFT_FRONTEND_ADAPTER_SET_H_

#include <vector>

#include "absl/status/status.h"
#include "dialects/graft/graft_ops.h"
#include "frontend/checkpoint.h"
#include "runtime/base/file.h"

namespace graft {

// Puts the tensors of an AdapterSet into `checkpoint`, of adapters that have
// names of their own. Errors name the directory or file, the tensor, what was
// expected and what was found; UNIMPLEMENTED: adapters save more than a head.
absl::Status addAdapterSet(FileSystem& files,
                           const std::vector<NamedAdapters>& sources,
                           Checkpoint& checkpoint);

// Lets `model`, an import before its layers are expanded, compute with the
// adapter of each token: functions that compute with an adapted matrix W, or
// call one that does, get an argument "adapters", the index of an adapter for
// each token, and x W^T + b becomes
//   (x W^T + (x A^T * share[adapter]) B^T) * factor[adapter] + b.
// Adds a function @classify_<name> of pooled rows for each head. `head` is the
// scope of the family's own. UNIMPLEMENTED: an adapted matrix is none of a
// linear map of tokens.
absl::Status chooseAdapters(ModelOp model, const AdapterSet& adapters,
                            const std::string& head);

}  // namespace graft

#endif  // GRAFT_FRONTEND_ADAPTER_SET_H_
