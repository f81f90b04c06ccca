// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a training must know of a checkpoint before it reads its tables.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_MODEL_FACTS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_MODEL_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/data/match_labels.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

struct ModelFacts {
  int64_t max_positions = 0;  // most tokens of a sequence
  int64_t types = 0;          // of tokens; 0: any number
  bool pooler = true;         // whether it has one, or needs none
  std::string head_scope;     // begins the names of the head's parameters
  int64_t labels = 0;         // rows of the head; 0: there is none that serves
  std::string found;          // what there is, in words
  HeadLabels head;
  std::string problem_type;  // of config.json, or empty
  std::string label_error;   // what is wrong with the names of the rows
  // StrategyInput::settings of the compiler's page for it; of a strategy that
  // is a file: empty.
  std::string settings;
};

// Has the compiler check the checkpoint `directory` and say so, unless it is
// one of options.strategy.checkpoints. Writes in options.scratch, which exists.
// Errors of RunCompiler, which has named the file and what is wrong.
absl::StatusOr<ModelFacts> ReadModelFacts(FileSystem& files,
                                          const FinetuneOptions& options,
                                          const std::string& directory);

// How the predicted model gets its head.
struct HeadChoice {
  std::vector<std::string> labels;     // of the classes; none for a regression
  std::vector<std::string> arguments;  // of the compiler
  std::vector<std::string> notes;      // to tell the user
  bool surprising = false;             // the checkpoint has what is not used
};

// Chooses the head of the model with `facts` for the sorted `labels` of the
// table, or for those of a teacher (`teacher` is its directory), which keep
// their order. INVALID_ARGUMENT as MatchLabels.
absl::StatusOr<HeadChoice> ChooseHead(const FinetuneOptions& options,
                                      const ModelFacts& facts,
                                      std::vector<std::string> labels);

// "t.tsv, column 'label'", for messages: of a stream, or of LabelStream.
std::string LabelColumn(const FinetuneOptions& options, size_t stream);
std::string LabelColumn(const FinetuneOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_MODEL_FACTS_H_
