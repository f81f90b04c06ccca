// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "config.h"

#include "runtime/base/status_macros.h"

namespace mean_embedding {

absl::StatusOr<Config> readConfig(const graft::ModelConfig& fields) {
  Config config;
  GRAFT_RETURN_IF_ERROR(fields.Integer("words", 1, 1 << 20, config.words));
  GRAFT_RETURN_IF_ERROR(fields.Integer("width", 1, 1 << 16, config.width));
  GRAFT_RETURN_IF_ERROR(
      fields.Integer("longest", 1, graft::kMaxPositions, config.longest));
  GRAFT_RETURN_IF_ERROR(fields.Real("drop", 0, 1, config.drop));
  if (config.words == 0) return fields.Error("words", "a number of words");
  if (config.width == 0) return fields.Error("width", "a number of columns");
  if (config.longest == 0) return fields.Error("longest", "a number of tokens");
  return config;
}

}  // namespace mean_embedding
