// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How a model's texts were read in its training, kept in the config.json of an
// exported directory under keys of their own, which Transformers hands on. An
// import finds them there again.

#ifndef GRAFT_RUNTIME_ARTIFACT_DATA_SETTINGS_H_
#define GRAFT_RUNTIME_ARTIFACT_DATA_SETTINGS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "runtime/artifact/spec.h"
#include "runtime/formats/config.h"

namespace graft {

// Sets the keys graft_text_column, graft_pair_column, graft_label_column,
// graft_format and graft_max_length, those that have a value. The column of
// weights is of a training alone.
void WriteDataSettings(const DataSettingsSpec& data, ModelConfig& config);

// The settings of those keys; none where the file has no text column.
// INVALID_ARGUMENT names file, key, expected and found value.
absl::StatusOr<std::optional<DataSettingsSpec>> ReadDataSettings(
    const ModelConfig& config);

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_DATA_SETTINGS_H_
