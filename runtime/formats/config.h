// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The config.json of a checkpoint directory, of any family of models.

#ifndef GRAFT_RUNTIME_FORMATS_CONFIG_H_
#define GRAFT_RUNTIME_FORMATS_CONFIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "runtime/base/file.h"

namespace graft {

// Limits of every model. Heads and positions must fit into 16 bits, because
// dropout masks address them so (philox.h).
inline constexpr int64_t kMaxPositions = 65536;
inline constexpr int64_t kMaxLabels = 1 << 20;

// One JSON object that is kept whole, including fields that Graft does not
// know, and the fields that Hugging Face Transformers gives to every model,
// read and checked. A family of models reads its own fields with the checked
// accessors. A value type; thread-compatible.
class ModelConfig {
 public:
  // An empty object. `path` is for messages.
  explicit ModelConfig(absl::string_view path);
  ModelConfig(const ModelConfig& other);
  ModelConfig(ModelConfig&& other) noexcept;
  ModelConfig& operator=(const ModelConfig& other);
  ModelConfig& operator=(ModelConfig&& other) noexcept;
  ~ModelConfig();

  // Parses the text of a config.json. INVALID_ARGUMENT names path, field,
  // expected and found value.
  static absl::StatusOr<ModelConfig> Parse(absl::string_view text,
                                           absl::string_view path);
  // Reads and parses the file `path`.
  static absl::StatusOr<ModelConfig> Read(FileSystem& files,
                                          const std::string& path);

  const std::string& path() const { return path_; }
  // Empty in files from before Transformers 2.
  const std::string& model_type() const { return model_type_; }
  // Such as BertForSequenceClassification.
  const std::vector<std::string>& architectures() const {
    return architectures_;
  }
  // max_position_embeddings: most tokens of a sequence; 0 where the file names
  // no maximum.
  int64_t max_positions() const { return max_positions_; }
  // Label of each class id (id2label); empty when the file names none, or in a
  // way that CheckLabels refuses.
  const std::vector<std::string>& labels() const { return labels_; }
  // INVALID_ARGUMENT: id2label does not give each id 0, 1, ... a name, or
  // label2id says something else. Only the head of a classification
  // uses them; what stands in other files does not matter.
  absl::Status CheckLabels() const;
  // regression, single_label_classification, multi_label_classification, or
  // empty.
  const std::string& problem_type() const { return problem_type_; }

  // Read a field into `value`, which keeps its value where the field is absent
  // or null, as in Transformers. INVALID_ARGUMENT: it has another type or lies
  // outside of its range.
  absl::Status Integer(absl::string_view key, int64_t low, int64_t high,
                       int64_t& value) const;  // low <= value <= high
  absl::Status Real(absl::string_view key, double low, double high,
                    double& value) const;  // low <= value < high
  absl::Status String(absl::string_view key, std::string& value) const;
  absl::Status Strings(absl::string_view key,
                       std::vector<std::string>& values) const;
  absl::Status Flag(absl::string_view key, bool& value) const;

  // INVALID_ARGUMENT: "<path>: <key> expects <expected>, got <its value>".
  absl::Status Error(absl::string_view key, absl::string_view expected) const;
  // The same as UNIMPLEMENTED, for what Graft has no graph for.
  absl::Status Unsupported(absl::string_view key,
                           absl::string_view expected) const;

  // Set a field; the values are in range.
  void Set(absl::string_view key, int64_t value);
  void Set(absl::string_view key, double value);
  void Set(absl::string_view key, absl::string_view value);
  void SetNull(absl::string_view key);
  // Set model_type and the like; no architectures, labels or problem type
  // remove the field.
  void SetModelType(absl::string_view type);
  void SetArchitectures(std::vector<std::string> architectures);
  void SetLabels(std::vector<std::string> labels);  // id2label and label2id
  void SetProblemType(absl::string_view type);

  // The text of a config.json that Parse and Transformers read back to the same
  // values. Keys are sorted, so equal configurations give equal bytes.
  std::string Text() const;

 private:
  // Null when absent.
  const nlohmann::json* Find(absl::string_view key) const;
  absl::Status ReadCommonFields();
  absl::Status ReadLabels();
  absl::Status CheckLabelIds() const;

  std::string path_;
  std::unique_ptr<nlohmann::json> object_;
  std::string model_type_;
  std::vector<std::string> architectures_;
  int64_t max_positions_ = 0;
  std::vector<std::string> labels_;
  absl::Status labels_status_;
  std::string problem_type_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_CONFIG_H_
