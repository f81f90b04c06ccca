// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/run_models.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/config.h"
#include "runtime/tokenize/registry.h"

namespace graft {
namespace {

// As many as a tokenizer may have.
constexpr int64_t kMaxVocabulary = 10'000'000;

// INVALID_ARGUMENT if a text could get an id that the word embeddings do not
// have. The configuration says how many there are under the name of
// Transformers; of other families the compiler knows.
absl::Status CheckIds(const Tokenizer& tokenizer, const std::string& directory,
                      const ModelConfig& config) {
  int64_t rows = 0;
  GRAFT_RETURN_IF_ERROR(config.Integer("vocab_size", 1, kMaxVocabulary, rows));
  if (rows == 0) return absl::OkStatus();
  return CheckTokenIds(tokenizer, rows,
                       absl::StrCat("the word embeddings of ", directory));
}

// The facts of the teacher, which has its labels.
absl::StatusOr<ModelFacts> ReadTeacher(FileSystem& files,
                                       const FinetuneOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(ModelFacts facts,
                         ReadModelFacts(files, options, options.teacher));
  if (facts.labels < 2)
    return absl::InvalidArgumentError(absl::StrCat(
        options.teacher, ": expects a classifier of at least 2 labels, got ",
        facts.labels, "; fine-tune one and `graft export` it"));
  if (!facts.label_error.empty())
    return absl::InvalidArgumentError(facts.label_error);
  return facts;
}

// INVALID_ARGUMENT: pairs of texts have types of tokens that the model lacks.
absl::Status CheckPairs(const FinetuneOptions& options,
                        const Tokenizer& tokenizer, const ModelFacts& facts) {
  if (options.table.pair_column.empty() || facts.types == 0)
    return absl::OkStatus();
  Encoding encoding;
  GRAFT_RETURN_IF_ERROR(
      tokenizer.Encode("a", "a", /*max_length=*/16, encoding));
  const int64_t most =
      *std::max_element(encoding.type_ids.begin(), encoding.type_ids.end());
  if (most < facts.types) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      JoinPath(facts.head.owner, "config.json"), ": type_vocab_size expects ",
      most + 1, " types of tokens, for the pairs of --pair-column, got ",
      facts.types));
}

// INVALID_ARGUMENT: the model in `directory` reads other tokens.
absl::Status CheckTokenizer(FileSystem& files, const FinetuneOptions& options,
                            const Tokenizer& tokenizer,
                            const std::string& directory) {
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> other,
                         LoadTokenizer(files, directory));
  const absl::Status same =
      CheckSameTokenizer(tokenizer, options.model, *other);
  if (same.ok()) return same;
  return absl::InvalidArgumentError(
      absl::StrCat(directory, ": ", same.message()));
}

}  // namespace

std::vector<std::string> FrozenModels(const FinetuneOptions& options) {
  if (!options.strategy.file.empty()) return options.strategy.frozen;
  // Of a page of the compiler.
  if (options.teacher.empty()) return {};
  return {options.teacher};
}

absl::StatusOr<RunModels> ReadRunModels(FileSystem& files,
                                        const FinetuneOptions& options) {
  RunModels models;
  if (options.model.empty()) return models;  // there are no texts
  // Said by this program, before the compiler is asked.
  GRAFT_ASSIGN_OR_RETURN(
      const ModelConfig config,
      ModelConfig::Read(files, JoinPath(options.model, "config.json")));
  GRAFT_ASSIGN_OR_RETURN(models.tokenizer, LoadTokenizer(files, options.model));
  const Tokenizer& tokenizer = *models.tokenizer;
  GRAFT_RETURN_IF_ERROR(CheckIds(tokenizer, options.model, config));
  GRAFT_ASSIGN_OR_RETURN(models.model,
                         ReadModelFacts(files, options, options.model));
  if (!options.teacher.empty()) {
    GRAFT_ASSIGN_OR_RETURN(models.teacher, ReadTeacher(files, options));
  }
  GRAFT_RETURN_IF_ERROR(CheckPairs(options, tokenizer, models.model));
  int64_t limit = models.model.max_positions;
  for (const std::string& directory : FrozenModels(options)) {
    ModelFacts frozen;
    if (models.teacher && directory == options.teacher) {
      frozen = *models.teacher;
    } else {
      GRAFT_ASSIGN_OR_RETURN(frozen, ReadModelFacts(files, options, directory));
    }
    GRAFT_RETURN_IF_ERROR(CheckPairs(options, tokenizer, frozen));
    GRAFT_RETURN_IF_ERROR(CheckTokenizer(files, options, tokenizer, directory));
    limit = std::min(limit, frozen.max_positions);
  }
  if (options.max_length > limit)
    return absl::InvalidArgumentError(absl::StrCat(
        "--max-length: expects at most ", limit,
        ", the most that the model takes, got ", options.max_length));
  // Of the training of a teacher, or what the tokenizer says.
  const int64_t asked = options.teacher_length > 0 ? options.teacher_length
                                                   : tokenizer.max_length();
  models.max_length = options.max_length > 0
                          ? options.max_length
                          : std::min(limit, asked > 0 ? asked : limit);
  return models;
}

}  // namespace graft
