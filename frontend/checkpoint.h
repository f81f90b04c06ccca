// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The files of a checkpoint directory, opened, and the head that they have.

#ifndef GRAFT_FRONTEND_CHECKPOINT_H_
#define GRAFT_FRONTEND_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontend/model_family.h"
#include "frontend/tensor_names.h"
#include "runtime/base/file.h"
#include "runtime/formats/checkpoint_weights.h"

namespace graft {

struct Checkpoint {
  std::string directory;
  std::unique_ptr<ModelDescription> description;  // as read
  std::unique_ptr<CheckpointWeights> weights;
  std::unique_ptr<TensorNames> names;  // borrows both
};

// Opens config.json by its family, and the weights, of which nothing is read.
// Errors name the file, the field, what was expected and what was found.
absl::StatusOr<Checkpoint> openCheckpoint(const FamilyRegistry& families,
                                          FileSystem& files,
                                          const std::string& directory);

// The head of a checkpoint: one row of logits per sequence.
struct CheckpointHead {
  int64_t labels = 0;  // 0: there is none that serves
  // Why there is none, for messages: "a head of BertForMaskedLM" or "none".
  std::string found;
  // Whether its labels have names other than LABEL_0, LABEL_1, ...
  bool named = false;
};

// Whether the file has anything of the pooler; true where the family has none.
bool hasPooler(const Checkpoint& checkpoint);

// INVALID_ARGUMENT: several tensors could be the head's, and differ.
absl::StatusOr<CheckpointHead> findHead(const Checkpoint& checkpoint);

// INVALID_ARGUMENT unless the labels of config.json fit to a head of `labels`
// rows that is kept.
absl::Status checkHeadLabels(const Checkpoint& checkpoint, int64_t labels);

// UNIMPLEMENTED: config.json has a problem type that does not fit to a head of
// `labels` rows that is kept.
absl::Status checkProblemType(const Checkpoint& checkpoint, int64_t labels);

// INVALID_ARGUMENT unless `names` are those of config.json, in its order, where
// it has names for a head that is kept. Both lists are in the message.
absl::Status checkKeptLabels(const Checkpoint& checkpoint,
                             const std::vector<std::string>& names);

// Labels of the head that is kept: those of config.json, or LABEL_0, ... where
// it names none, as in Transformers.
std::vector<std::string> headLabels(const ModelDescription& description,
                                    int64_t labels);

// Whether `labels` are LABEL_0, LABEL_1, ..., or empty.
bool areDefaultLabels(const std::vector<std::string>& labels);

}  // namespace graft

#endif  // GRAFT_FRONTEND_CHECKPOINT_H_
