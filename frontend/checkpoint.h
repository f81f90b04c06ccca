// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The files of a checkpoint directory, opened, and the head that they have.

#ifndef GRAFT_FRONTEND_CHECKPOINT_H_
#define GRAFT_FRONTEND_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontend/model_family.h"
#include "frontend/tensor_names.h"
#include "runtime/base/file.h"
#include "runtime/formats/checkpoint_weights.h"

namespace graft {

// One of several adapters of a program that chooses one for each text.
struct NamedAdapters {
  std::string name;
  std::string directory;  // of Hugging Face PEFT
};

// Adapters that a checkpoint begins with: a directory of Hugging Face PEFT.
struct AdapterSource {
  std::string directory;  // empty: none
  // Whether they are tensors of their own, under the names that
  // `transfer.inject` gives them. Else they become part of the matrices.
  bool beside = false;
  // Those to choose from for each text, in place of `directory`; see
  // AdapterSet.
  std::vector<NamedAdapters> several;
};

// The adapters of a checkpoint, as `transfer.inject` takes them.
struct AdapterFacts {
  std::string directory;
  int64_t rank = 0;
  double alpha = 0;  // the adapters' share is alpha / rank
  bool dora = false;
  std::vector<std::string> targets;   // ends of module names; empty: a pattern
  std::vector<std::string> matrices;  // the parameters that they adapt
};

// The head of one of several adapters: the linear map `<head>.<name>` of pooled
// rows, where `<head>` is the scope of the family's own.
struct AdapterHead {
  std::string name;
  std::vector<std::string> labels;  // one: the head predicts a number
};

// Several adapters side by side, as the tensors that `chooseAdapters` reads.
// With the ranks of all adapters joined to one, R, each matrix `NAME.weight`
// [out, in] that one of them adapts has
//   NAME.lora_a [R, in], NAME.lora_b [out, R],
// zero where an adapter leaves it alone, and, with `scales_rows`,
//   NAME.lora_factor [adapters, out],
// what each adapter multiplies the rows of the sum by; `adapters.share`
// [adapters, R] has the share of an adapter in its own columns and else zeros.
struct AdapterSet {
  int64_t rank = 0;                // R
  bool scales_rows = false;        // one of them is a DoRA
  std::set<std::string> matrices;  // parameters, of layers by number
  std::vector<AdapterHead> heads;  // one an adapter, in the order of the names
};

struct Checkpoint {
  std::string directory;
  std::unique_ptr<ModelDescription> description;  // as read
  std::unique_ptr<CheckpointWeights> weights;
  std::unique_ptr<TensorNames> names;  // borrows both
  std::optional<AdapterFacts> adapters;
  std::optional<AdapterSet> adapter_set;
  std::set<std::string> beside;  // tensors of adapters
};

// Opens config.json by its family, and the weights, of which nothing is read
// but the matrices that `adapters` are part of. What these save besides, such
// as a head, takes the place of what the files have. Errors name the file, the
// field, what was expected and what was found.
absl::StatusOr<Checkpoint> openCheckpoint(const FamilyRegistry& families,
                                          FileSystem& files,
                                          const std::string& directory,
                                          const AdapterSource& adapters = {});

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

// UNIMPLEMENTED: config.json has another problem type than `fitting` for a head
// of `labels` rows that is kept.
absl::Status checkProblemType(const Checkpoint& checkpoint, int64_t labels,
                              absl::string_view fitting);

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
