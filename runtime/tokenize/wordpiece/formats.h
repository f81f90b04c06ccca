// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Readers of the files of a WordPiece tokenizer. `path` is for messages; errors
// are those of WordPieceTokenizer.

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_FORMATS_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_FORMATS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "runtime/base/file.h"
#include "runtime/tokenize/wordpiece/json_section.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {

// Far above any vocabulary, low enough to index a table by id.
inline constexpr int64_t kMaxTokenId = 10'000'000;

// Fills `parts.pieces` and `parts.source` from the text of a vocab.txt.
absl::Status ParseVocabulary(absl::string_view text, absl::string_view path,
                             WordPieceTokenizer::Parts& parts);

// Fills `parts` from a parsed tokenizer.json as the `tokenizers` package reads
// the file alone; keeps `parts.json`.
absl::Status ParseTokenizerJson(const nlohmann::json& object,
                                absl::string_view path,
                                WordPieceTokenizer::Parts& parts);

// Reads an added token, an object with its content; `normalized` is the
// opposite of `special` where the file does not say it. Leaves the id alone.
absl::Status ParseAddedToken(const JsonSection& section, AddedToken& token);

// Reads an id in [0, kMaxTokenId).
std::optional<int32_t> ReadTokenId(const nlohmann::json& value);

// Adds tokens to `parts.settings` by the rule of the `tokenizers` package: a
// token that the vocabulary has takes its id, others the next one behind all,
// whatever their files say; one that is added again takes its new options. The
// pieces of `parts` may not change while it lives.
class TokenAdder {
 public:
  explicit TokenAdder(WordPieceTokenizer::Parts& parts);

  // Ignores a token without content. INVALID_ARGUMENT begins with `where`: the
  // id is not `declared`.
  absl::Status Add(AddedToken token, std::optional<int32_t> declared,
                   absl::string_view where);
  // The id of a piece or of an added token.
  std::optional<int32_t> Find(absl::string_view content) const;

 private:
  WordPieceTokenizer::Parts& parts_;
  absl::flat_hash_map<absl::string_view, int32_t> pieces_;
  absl::flat_hash_map<std::string, size_t> added_;  // places in settings.added
  int64_t highest_ = -1;                            // id of an added token
};

// Fills `parts` from a directory as AutoTokenizer of Transformers 5 does,
// docs/formats/wordpiece.md says how. `described` is the parsed tokenizer.json
// and `text` its text, or else `vocabulary` is the path of the vocab.txt.
absl::Status ReadTokenizerDirectory(FileSystem& files,
                                    const std::string& directory,
                                    const nlohmann::json* described,
                                    absl::string_view text,
                                    const std::string& vocabulary,
                                    WordPieceTokenizer::Parts& parts);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_FORMATS_H_
