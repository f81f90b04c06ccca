// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The models of a run, before its tables are read.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_RUN_MODELS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_RUN_MODELS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/tokenize/tokenizer.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/model_facts.h"

namespace graft {

struct RunModels {
  std::unique_ptr<Tokenizer> tokenizer;
  ModelFacts model;                   // that learns
  std::optional<ModelFacts> teacher;  // of --teacher
  // Tokens that texts are cut to: --max-length, or else that of a teacher's
  // training, or else what the tokenizer says, or else the most that all of the
  // models take.
  int64_t max_length = 0;
};

// Reads what the models are and checks that they fit to each other, without
// their values. INVALID_ARGUMENT, of which each names the file or the option: a
// text could get an id that a model lacks, a pair of texts a type, the
// tokenizers of two models differ, the teacher is no classifier, or
// --max-length is more than a model takes.
absl::StatusOr<RunModels> ReadRunModels(FileSystem& files,
                                        const FinetuneOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_RUN_MODELS_H_
