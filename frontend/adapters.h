// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Adapters of Hugging Face PEFT as a part of a checkpoint.

#ifndef GRAFT_FRONTEND_ADAPTERS_H_
#define GRAFT_FRONTEND_ADAPTERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontend/checkpoint.h"
#include "runtime/base/file.h"
#include "runtime/formats/peft_directory.h"

namespace graft {

// Puts the adapters of `source`, which names a directory, into `checkpoint`,
// and with a head its labels: those of labels.json, which `graft export`
// writes, or else those of config.json if there are as many. Errors name the
// file, the tensor, what was expected and what was found.
absl::Status addAdapters(FileSystem& files, const AdapterSource& source,
                         Checkpoint& checkpoint);

// The tensor of the checkpoint, which it borrows, that `module` of `adapters`
// adapts: the weight of a linear layer. NOT_FOUND, INVALID_ARGUMENT: it has
// none, or one of another shape.
absl::StatusOr<const TensorView*> findAdapted(const PeftAdapters& adapters,
                                              const PeftModule& module,
                                              const Checkpoint& checkpoint);

// The values of a tensor of `adapters`.
absl::StatusOr<std::vector<float>> readAdapter(const PeftAdapters& adapters,
                                               const TensorView& tensor);

// Puts `tensors` of the files `path` among those of the checkpoint, before
// others of the same names. INVALID_ARGUMENT: a value is not finite.
absl::Status putTensors(std::vector<TensorValues> tensors,
                        const std::string& path, Checkpoint& checkpoint);

// The labels of a head of so many rows that `directory` saves: those of
// labels.json, or else `known` if there are as many, or LABEL_0, ...
absl::StatusOr<std::vector<std::string>> readHeadLabels(
    FileSystem& files, const std::string& directory, size_t rows,
    std::vector<std::string> known);

}  // namespace graft

#endif  // GRAFT_FRONTEND_ADAPTERS_H_
