// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Adapters of Hugging Face PEFT as a part of a checkpoint.

#ifndef GRAFT_FRONTEND_ADAPTERS_H_
#define GRAFT_FRONTEND_ADAPTERS_H_

#include "absl/status/status.h"
#include "frontend/checkpoint.h"
#include "runtime/base/file.h"

namespace graft {

// Puts the adapters of `source`, which names a directory, into `checkpoint`,
// and with a head its labels: those of labels.json, which `graft export`
// writes, or else those of config.json if there are as many. Errors name the
// file, the tensor, what was expected and what was found.
absl::Status addAdapters(FileSystem& files, const AdapterSource& source,
                         Checkpoint& checkpoint);

}  // namespace graft

#endif  // GRAFT_FRONTEND_ADAPTERS_H_
