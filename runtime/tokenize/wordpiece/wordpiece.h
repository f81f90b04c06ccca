// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// BERT's tokenizer: clean, split off ideographs, strip accents, lower-case, cut
// at blanks and punctuation, then the longest pieces of a vocabulary. Gives the
// ids of Hugging Face's BertTokenizerFast.

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_WORDPIECE_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_WORDPIECE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "runtime/base/file.h"
#include "runtime/tokenize/registry.h"
#include "runtime/tokenize/tokenizer.h"
#include "runtime/tokenize/wordpiece/added_tokens.h"

namespace graft {

// How words are made and cut.
struct WordPieceOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool lowercase = true;
  // Unset: as `lowercase`.
  std::optional<bool> strip_accents = std::nullopt;
  std::string continuation_prefix = "##";
  // Longer words, in code points after normalisation, are unknown.
  int64_t max_word_length = 100;

  bool strips_accents() const { return strip_accents.value_or(lowercase); }
  // Whether both give the same ids.
  bool SameEffect(const WordPieceOptions& other) const {
    return clean_text == other.clean_text &&
           handle_chinese_chars == other.handle_chinese_chars &&
           lowercase == other.lowercase &&
           strips_accents() == other.strips_accents() &&
           continuation_prefix == other.continuation_prefix &&
           max_word_length == other.max_word_length;
  }
};

// All of a WordPiece tokenizer but its vocabulary.
struct WordPieceSettings {
  WordPieceOptions options;
  // In the order in which they were added. The ids are those of their pieces,
  // or else follow the vocabulary.
  std::vector<AddedToken> added;
  std::string unknown = "[UNK]";
  std::string cls = "[CLS]";
  std::string sep = "[SEP]";
  // Empty: the tokenizer has none.
  std::string padding = "[PAD]";
  std::string mask = "[MASK]";
  bool truncate_left = false;
  // The most ids of an example; 0 for no maximum.
  int64_t max_length = 0;
};

// [CLS] a [SEP], or [CLS] a [SEP] b [SEP] with type 1 from b on. Immutable
// after construction, hence thread-safe.
class WordPieceTokenizer final : public Tokenizer {
 public:
  // What a tokenizer is made of, as all file formats give it.
  struct Parts {
    // Ids are not negative, pieces and ids differ from each other.
    std::vector<std::pair<std::string, int32_t>> pieces;
    WordPieceSettings settings;
    // A tokenizer.json of the same effect, as it was read; may be empty.
    std::string json;
    // The file of the vocabulary, for messages.
    std::string source;
  };

  // Longest text that one call accepts, so that offsets fit.
  static constexpr size_t kMaxTextBytes = size_t{1} << 30;

  // INVALID_ARGUMENT begins with `path` and names the special token that is
  // missing, or the added token whose id is not its own.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromParts(
      Parts parts, absl::string_view path);

  // From the text of a vocab.txt: piece i on line i, counted from 0. `path` is
  // for messages. INVALID_ARGUMENT names the special token that is missing, or
  // the line that is not UTF-8 or has the piece of another.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromVocabulary(
      absl::string_view text, absl::string_view path,
      WordPieceOptions options = {});

  // From the text of a tokenizer.json of the `tokenizers` package. Of its
  // truncation the side counts; padding is ignored. UNIMPLEMENTED names a
  // component or option that is not BERT's.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromJson(
      absl::string_view text, absl::string_view path);

  // From the file of a vocabulary and the settings beside it (directory.h).
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> LoadVocabulary(
      FileSystem& files, const std::string& path);

  // From what ToArtifact made of one, which must outlive the result. Errors
  // begin with `where`.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromArtifact(
      absl::string_view data, absl::string_view where);

  // Appends the ids of `text`, without special tokens of its own, and, unless
  // null, one offset each. Added tokens that stand in the text are matched.
  // INVALID_ARGUMENT names the byte where `text` is not UTF-8; the outputs are
  // then unspecified.
  absl::Status Tokenize(absl::string_view text, std::vector<int32_t>& ids,
                        std::vector<TokenOffset>* offsets = nullptr) const;

  absl::string_view kind() const override;
  absl::Status Encode(absl::string_view first,
                      std::optional<absl::string_view> second,
                      int64_t max_length, Encoding& encoding,
                      bool with_offsets = false) const override;
  int64_t vocabulary_size() const override {
    return static_cast<int64_t>(pieces_.size());
  }
  int64_t max_length() const override { return settings_.max_length; }
  std::optional<int32_t> PieceToId(absl::string_view piece) const override;
  absl::string_view IdToPiece(int32_t id) const override;
  bool HasId(int32_t id) const override;
  absl::string_view SourceOf(int32_t id) const override;
  SpecialIds special_ids() const override;
  std::string Settings() const override;
  std::vector<std::string> AddedTokens() const override;
  TokenizerSpec ToArtifact(std::string& data) const override;
  std::vector<NamedText> ToFiles(int64_t max_length) const override;

  const WordPieceOptions& options() const { return settings_.options; }

 private:
  // Normalised text with the range of the input that each byte came from.
  struct Normalized {
    std::string text;
    std::vector<TokenOffset> origins;  // per byte of text; empty if not wanted
    bool with_origins = false;
  };

  WordPieceTokenizer() = default;

  // Makes the tables of `pieces_` and `settings_`.
  absl::Status Index(absl::string_view path);
  absl::Status IndexAdded(absl::string_view path);

  void Normalize(absl::string_view text, uint32_t base, bool with_offsets,
                 Normalized& out) const;
  void Emit(uint32_t code, TokenOffset origin, Normalized& out) const;
  // Cuts bytes [from, to) of a normalised text.
  void CutWords(const Normalized& text, size_t from, size_t to,
                std::vector<int32_t>& ids,
                std::vector<TokenOffset>* offsets) const;
  void CutPieces(const Normalized& text, size_t begin, size_t end,
                 size_t code_points, std::vector<int32_t>& ids,
                 std::vector<TokenOffset>* offsets) const;

  // The vocabulary as the text of a vocab.txt, unless lines cannot hold it.
  std::optional<std::string> VocabularyText() const;
  std::string JsonText() const;
  std::string ConfigText(int64_t max_length) const;

  WordPieceSettings settings_;
  bool strip_accents_ = true;
  std::vector<char> bytes_;  // of the pieces, unless an artifact has them
  // By id, without the added tokens that the vocabulary lacks; null where there
  // is none.
  std::vector<absl::string_view> vocabulary_;
  std::vector<absl::string_view> pieces_;  // by id, with all added tokens
  // Pieces by text; those inside a word without their prefix.
  absl::flat_hash_map<absl::string_view, int32_t> first_pieces_;
  absl::flat_hash_map<absl::string_view, int32_t> inner_pieces_;
  size_t longest_piece_ = 0;  // bytes
  // Of the text as written, and of the normalised text.
  AddedTokenMatcher written_;
  AddedTokenMatcher normalized_;
  int32_t unknown_id_ = 0;
  int32_t cls_id_ = 0;
  int32_t sep_id_ = 0;
  absl::string_view json_;  // in `kept_json_` or an artifact
  std::string kept_json_;
  std::string source_;
};

// Of the registry: artifacts keep the kind "wordpiece" (store.cc).
TokenizerKind WordPieceKind();

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_WORDPIECE_H_
