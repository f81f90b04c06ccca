// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/model_facts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/table_paths.h"
#include "runtime/formats/config.h"
#include "runtime/formats/json.h"
#include "runtime/formats/labels.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/training/strategy_options.h"

namespace graft {
namespace {

// Why the head of `facts`, which has rows, cannot serve the task; empty: it
// can, as far as its names allow.
std::string OtherTask(const FinetuneOptions& options, const ModelFacts& facts,
                      const std::vector<std::string>& labels) {
  const std::string& owner = facts.head.owner;
  const bool number = options.task == "regression";
  const bool sets = options.streams[LabelStream(options)].sets;
  if (!sets && facts.problem_type == "multi_label_classification")
    return absl::StrCat(owner, " predicts several labels of a text at once");
  if (sets && facts.problem_type == "single_label_classification")
    return absl::StrCat(owner, " predicts one label of a text");
  if (facts.labels > 1 && facts.problem_type == "regression")
    return absl::StrCat(owner, " predicts ", facts.labels, " numbers");
  if (number && facts.labels > 1)
    return absl::StrCat(owner, " has ", facts.labels, " labels ",
                        DescribeLabels(facts.head.names),
                        ", a regression has none");
  if (!number && facts.labels == 1)
    return absl::StrCat(owner, " predicts a number, the table has ",
                        labels.size(), " labels ", DescribeLabels(labels));
  if (number && !facts.problem_type.empty() &&
      facts.problem_type != "regression")
    return absl::StrCat(owner, " has one label, a regression has none");
  return "";
}

// Whether the text of the strategy says that its head is new.
bool DeclaresNewHead(const FinetuneOptions& options, const ModelFacts& facts) {
  const std::vector<std::string>& names = options.strategy.initialised;
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return absl::StartsWith(name, absl::StrCat(facts.head_scope, "."));
  });
}

// Whether the checkpoint's head is kept, and with which labels.
absl::StatusOr<LabelMatch> MatchHead(const FinetuneOptions& options,
                                     const ModelFacts& facts,
                                     const std::vector<std::string>& labels) {
  LabelMatch match{false, labels, ""};
  if (facts.labels == 0) {
    match.reason = absl::StrCat(facts.head.owner, " has ", facts.found);
    return match;
  }
  match.reason = OtherTask(options, facts, labels);
  if (!match.reason.empty()) return match;
  if (!facts.pooler) {
    match.reason = absl::StrCat(facts.head.owner,
                                " has no pooler for the head that it has");
    return match;
  }
  match.keep = true;
  if (options.task == "regression") return match;
  if (!facts.label_error.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        facts.label_error, "; --new-head makes a head without these names"));
  if (options.teacher.empty())
    return MatchLabels(facts.head, labels, LabelColumn(options));
  return MatchRows(facts.head, labels,
                   absl::StrCat("the teacher ", options.teacher));
}

}  // namespace

std::string LabelColumn(const FinetuneOptions& options, size_t stream) {
  return absl::StrCat(DescribePaths(options.streams[stream].paths),
                      ", column '", options.table.label_column, "'");
}

std::string LabelColumn(const FinetuneOptions& options) {
  return LabelColumn(options, LabelStream(options));
}

absl::StatusOr<ModelFacts> ReadModelFacts(FileSystem& files,
                                          const FinetuneOptions& options,
                                          const std::string& directory) {
  const auto known = options.strategy.checkpoints.find(directory);
  std::string text;
  const std::string path = JoinPath(options.scratch, "facts.json");
  if (known != options.strategy.checkpoints.end()) {
    text = known->second;
  } else {
    std::vector<std::string> arguments;
    if (directory == options.model && options.strategy.file.empty()) {
      arguments = PageArguments(options);
    } else {
      for (const std::string& plugin : options.plugins)
        arguments.push_back(absl::StrCat("--plugin=", plugin));
      if (!options.adapter.empty() && directory == options.model)
        arguments.push_back(absl::StrCat("--adapter=", options.adapter));
    }
    for (const char* word :
         {directory.c_str(), "--emit=facts", "-o", path.c_str()})
      arguments.emplace_back(word);
    GRAFT_RETURN_IF_ERROR(RunCompiler(arguments));
    GRAFT_ASSIGN_OR_RETURN(text, ReadFile(files, path));
    GRAFT_RETURN_IF_ERROR(files.Remove(path));
  }
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, path));
  const nlohmann::json& head = json["head"];
  ModelFacts facts;
  facts.max_positions = json.value("max_position_embeddings", kMaxPositions);
  facts.types = json.value("type_vocab_size", int64_t{0});
  facts.pooler = json["pooler"];
  facts.head_scope = head["scope"];
  facts.labels = head["labels"];
  facts.found = head["found"];
  facts.head = {directory, head["names"], head["named"]};
  facts.problem_type = head["problem_type"];
  facts.label_error = head["error"];
  facts.settings = json.value("settings", "");
  return facts;
}

absl::StatusOr<HeadChoice> ChooseHead(const FinetuneOptions& options,
                                      const ModelFacts& facts,
                                      std::vector<std::string> labels) {
  HeadChoice choice;
  choice.labels = labels;
  if (options.task == "none") return choice;
  const bool declared = options.strategy.declares_predicted;
  if (options.new_head) choice.arguments.push_back("--new-head");
  if (options.strategy.head && !options.new_head &&
      !(declared && DeclaresNewHead(options, facts))) {
    GRAFT_ASSIGN_OR_RETURN(LabelMatch match, MatchHead(options, facts, labels));
    choice.labels = match.labels;
    if (match.keep || declared) return choice;
    choice.arguments.push_back("--new-head");
    choice.notes.push_back(absl::StrCat("new head: ", match.reason));
    choice.surprising = facts.labels > 0;
  }
  if (facts.pooler || declared) return choice;
  // One that nobody trains would be noise.
  const bool trained = options.strategy.trained;
  choice.arguments.push_back(trained ? "--pooler=new" : "--pooler=none");
  choice.notes.push_back(absl::StrCat(
      trained ? "new pooler: " : "no pooler: ", facts.head.owner, " has none"));
  choice.surprising = true;
  return choice;
}

}  // namespace graft
