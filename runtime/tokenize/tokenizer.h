// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What every tokenizer does. Each kind of tokenizer has a folder beside this
// file and a line in registry.cc.

#ifndef GRAFT_RUNTIME_TOKENIZE_TOKENIZER_H_
#define GRAFT_RUNTIME_TOKENIZE_TOKENIZER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/artifact/spec.h"
#include "runtime/formats/hf_directory.h"

namespace graft {

// Bytes [begin, end) of the input that a token came from. Special tokens that
// Encode adds have an empty range at 0.
struct TokenOffset {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const TokenOffset&) const = default;
};

// One example ready for a model.
struct Encoding {
  std::vector<int32_t> ids;          // special tokens included
  std::vector<int32_t> type_ids;     // as long as ids; 1 in a second text
  std::vector<TokenOffset> offsets;  // as long as ids, when asked for
  int64_t whole_length = 0;          // ids there would be without a maximum

  bool truncated() const {
    return whole_length > static_cast<int64_t>(ids.size());
  }
};

// Ids that a model gives a meaning of their own; unset where the vocabulary has
// none.
struct SpecialIds {
  std::optional<int32_t> unknown;    // of what the vocabulary cannot express
  std::optional<int32_t> begin;      // first token of an example, [CLS]
  std::optional<int32_t> separator;  // ends each text, [SEP]
  std::optional<int32_t> padding;
  std::optional<int32_t> mask;  // hides a token from a model that predicts it
};

// Turns text into token ids. Immutable once made, hence thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The name of its kind in artifacts, such as "wordpiece".
  virtual absl::string_view kind() const = 0;

  // Replaces `encoding` by that of one text, or of a pair when `second` is set,
  // of at most `max_length` ids: a text loses its end, or its beginning if the
  // tokenizer's files say so; of a pair the longer one is cut first. The memory
  // of `encoding` is used again. INVALID_ARGUMENT names the byte where a text
  // is not UTF-8, and says when max_length leaves no room for the special
  // tokens.
  virtual absl::Status Encode(absl::string_view first,
                              std::optional<absl::string_view> second,
                              int64_t max_length, Encoding& encoding,
                              bool with_offsets = false) const = 0;

  // One above the largest id.
  virtual int64_t vocabulary_size() const = 0;
  virtual std::optional<int32_t> PieceToId(absl::string_view piece) const = 0;
  // Empty for an id that no piece has.
  virtual absl::string_view IdToPiece(int32_t id) const = 0;
  // Whether a piece or an added token has the id.
  virtual bool HasId(int32_t id) const = 0;
  // The file that gives a token its id; empty for tokenizers of artifacts.
  virtual absl::string_view SourceOf(int32_t id) const = 0;
  virtual SpecialIds special_ids() const = 0;

  // The most ids of an example that the tokenizer's files ask for
  // (model_max_length), the default of --max-length; 0 for no maximum.
  virtual int64_t max_length() const = 0;

  // All that decides over ids beside the vocabulary and the added tokens, for
  // people: "lower case 1, strip accents 1". Equal for tokenizers of a kind
  // that differ in nothing else.
  virtual std::string Settings() const = 0;
  // The tokens that are found as they stand, by id, for people: "token 45
  // "<url>", normalized". Equal for tokenizers of a kind that find the same.
  virtual std::vector<std::string> AddedTokens() const = 0;

  // What an artifact keeps, from which TokenizerFromArtifact makes an equal
  // tokenizer. Fills `data`, which the result borrows.
  virtual TokenizerSpec ToArtifact(std::string& data) const = 0;

  // Files of a Hugging Face directory from which Transformers, and
  // LoadTokenizer, make an equal tokenizer. `max_length` is the most tokens
  // of a text (model_max_length), or 0 for what this tokenizer says.
  virtual std::vector<NamedText> ToFiles(int64_t max_length) const = 0;

 protected:
  Tokenizer() = default;
};

// Encode, for a text that comes from a table or a user. With `strict` a text
// that is longer than `max_length` is INVALID_ARGUMENT instead of cut. Errors
// begin with what `where` returns.
absl::Status EncodeText(const Tokenizer& tokenizer, absl::string_view text,
                        std::optional<absl::string_view> pair,
                        int64_t max_length, bool strict,
                        absl::FunctionRef<std::string()> where,
                        Encoding& encoding);

// A token for a message, in quotes, shortened after 40 bytes.
std::string QuoteToken(absl::string_view token);

// INVALID_ARGUMENT unless all ids are below `rows`: "m/vocab.txt: expects ids
// below 44, the rows of TABLE, got 44 of the token "<url>" and 2 more".
absl::Status CheckTokenIds(const Tokenizer& tokenizer, int64_t rows,
                           absl::string_view table);

// INVALID_ARGUMENT unless both give the same ids for every text: "expects the
// tokenizer of NAME, 54 tokens, got 55".
absl::Status CheckSameTokenizer(const Tokenizer& expected,
                                absl::string_view name, const Tokenizer& got);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_TOKENIZER_H_
