// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/checkpoint.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontend/adapter_set.h"
#include "frontend/adapters.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/hf_directory.h"
#include "runtime/formats/labels.h"

namespace graft {
namespace {

std::string defaultLabel(size_t id) { return absl::StrCat("LABEL_", id); }

std::string configPath(const Checkpoint& checkpoint) {
  return JoinPath(checkpoint.directory, "config.json");
}

std::string headWeight(const Checkpoint& checkpoint) {
  return absl::StrCat(checkpoint.description->facts().scopes.head, ".weight");
}

}  // namespace

absl::StatusOr<Checkpoint> openCheckpoint(const FamilyRegistry& families,
                                          FileSystem& files,
                                          const std::string& directory,
                                          const AdapterSource& adapters) {
  GRAFT_RETURN_IF_ERROR(CheckCheckpointDirectory(files, directory, directory));
  Checkpoint checkpoint;
  checkpoint.directory = directory;
  GRAFT_ASSIGN_OR_RETURN(
      const ModelConfig config,
      ModelConfig::Read(files, JoinPath(directory, "config.json")));
  GRAFT_ASSIGN_OR_RETURN(checkpoint.description, families.read(config));
  GRAFT_ASSIGN_OR_RETURN(const std::string weights,
                         FindCheckpointWeights(files, directory));
  GRAFT_ASSIGN_OR_RETURN(checkpoint.weights,
                         CheckpointWeights::Open(files, weights));
  checkpoint.names = std::make_unique<TensorNames>(*checkpoint.weights,
                                                   *checkpoint.description);
  if (!adapters.directory.empty())
    GRAFT_RETURN_IF_ERROR(addAdapters(files, adapters, checkpoint));
  if (!adapters.several.empty())
    GRAFT_RETURN_IF_ERROR(addAdapterSet(files, adapters.several, checkpoint));
  return checkpoint;
}

bool hasPooler(const Checkpoint& checkpoint) {
  const std::string& pooler = checkpoint.description->facts().scopes.pooler;
  return pooler.empty() || !checkpoint.names->inScope(pooler).empty();
}

absl::StatusOr<CheckpointHead> findHead(const Checkpoint& checkpoint) {
  const ModelDescription& description = *checkpoint.description;
  CheckpointHead head;
  head.found = "no head";
  const std::vector<std::string>& architectures = description.architectures();
  if (!description.facts().has_sequence_head) {
    // A bare encoder has no head that one could miss.
    if (!architectures.empty() &&
        !absl::EndsWith(architectures.front(), "Model"))
      head.found = absl::StrCat("the head of a ", architectures.front());
    return head;
  }
  const std::string weight = headWeight(checkpoint);
  GRAFT_ASSIGN_OR_RETURN(const std::optional<std::string> name,
                         checkpoint.names->find(weight));
  if (!name) return head;
  const TensorView& tensor = *checkpoint.weights->Find(*name);
  head.found = absl::StrCat(*name, " of ",
                            DescribeTensorType(tensor.dtype, tensor.shape));
  if (tensor.shape.size() == 2 && tensor.shape[0] <= kMaxLabels)
    head.labels = tensor.shape[0];
  head.named = !areDefaultLabels(description.labels());
  return head;
}

absl::Status checkHeadLabels(const Checkpoint& checkpoint, int64_t labels) {
  const ModelDescription& description = *checkpoint.description;
  // A regression has no labels to name.
  if (labels > 1) GRAFT_RETURN_IF_ERROR(description.checkLabels());
  const size_t names = description.labels().size();
  if (labels > 0 && names > 0 && names != static_cast<size_t>(labels)) {
    return absl::InvalidArgumentError(absl::StrCat(
        configPath(checkpoint), ": id2label expects ", labels, " names as ",
        checkpoint.names->expected(headWeight(checkpoint)), " has rows, got ",
        names));
  }
  return absl::OkStatus();
}

absl::Status checkProblemType(const Checkpoint& checkpoint, int64_t labels,
                              absl::string_view fitting) {
  const std::string& type = checkpoint.description->problemType();
  // Otherwise its loss and probabilities would not be those it was made for.
  if (labels > 0 && !type.empty() && type != fitting) {
    return absl::UnimplementedError(absl::StrCat(
        configPath(checkpoint), ": problem_type expects ", fitting, " with ",
        labels, labels == 1 ? " label" : " labels", ", got ", type));
  }
  return absl::OkStatus();
}

absl::Status checkKeptLabels(const Checkpoint& checkpoint,
                             const std::vector<std::string>& names) {
  const std::vector<std::string>& kept = checkpoint.description->labels();
  if (kept == names || areDefaultLabels(kept)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      configPath(checkpoint),
      ": the labels of a head that is kept expect to be those of id2label, in "
      "its order, ",
      DescribeLabels(kept), ", got ", DescribeLabels(names),
      "; --new-head makes a new head"));
}

std::vector<std::string> headLabels(const ModelDescription& description,
                                    int64_t labels) {
  std::vector<std::string> names = description.labels();
  names.resize(std::min(names.size(), static_cast<size_t>(labels)));
  for (size_t i = names.size(); i < static_cast<size_t>(labels); ++i)
    names.push_back(defaultLabel(i));
  return names;
}

bool areDefaultLabels(const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != defaultLabel(i)) return false;
  return true;
}

}  // namespace graft
