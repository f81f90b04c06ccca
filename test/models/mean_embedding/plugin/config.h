// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_CONFIG_H_
#define GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_CONFIG_H_

#include <cstdint>

#include "runtime/formats/config.h"

namespace mean_embedding {

// None of the fields has a name that Transformers knows.
struct Config {
  int64_t words = 0;    // rows of the table
  int64_t width = 0;    // columns of the table
  int64_t longest = 0;  // most tokens of a sequence
  double drop = 0;      // rate of the dropout before the output layer
};

absl::StatusOr<Config> readConfig(const graft::ModelConfig& fields);

}  // namespace mean_embedding

#endif  // GRAFT_TEST_MODELS_MEAN_EMBEDDING_PLUGIN_CONFIG_H_
