// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// BERT's tokenizer: clean, split off ideographs, strip accents, lower-case, cut
// at blanks and punctuation, then the longest pieces of a vocabulary. Gives the
// ids of Hugging Face's BertTokenizerFast.

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_WORDPIECE_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_WORDPIECE_H_

#include <array>
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

namespace graft {

// What a vocab.txt does not say and a tokenizer.json does.
struct WordPieceOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool lowercase = true;
  // Unset: as `lowercase`.
  std::optional<bool> strip_accents = std::nullopt;
  std::string continuation_prefix = "##";
  // Longer words, in code points after normalisation, are unknown.
  int64_t max_word_length = 100;
};

// [CLS] a [SEP], or [CLS] a [SEP] b [SEP] with type 1 from b on. Immutable
// after construction, hence thread-safe.
class WordPieceTokenizer final : public Tokenizer {
 public:
  // A token that is looked for in the raw text before anything else.
  struct AddedToken {
    std::string content;
    int32_t id = 0;
    // Whether it takes the white space beside it.
    bool strip_left = false;
    bool strip_right = false;
  };

  // What a tokenizer is made of, as both file formats give it.
  struct Parts {
    // Ids are not negative; of two equal pieces the later one counts.
    std::vector<std::pair<std::string, int32_t>> pieces;
    std::vector<AddedToken> added;
    WordPieceOptions options;
    std::string unknown = "[UNK]";
    std::string cls = "[CLS]";
    std::string sep = "[SEP]";
  };

  // Longest text that one call accepts, so that offsets fit.
  static constexpr size_t kMaxTextBytes = size_t{1} << 30;

  // INVALID_ARGUMENT names the special token that is missing.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromParts(
      Parts parts, absl::string_view path);

  // From the text of a vocab.txt: piece i on line i, counted from 0. `path` is
  // for messages. INVALID_ARGUMENT names the special token that is missing, or
  // the line that is not UTF-8.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromVocabulary(
      absl::string_view text, absl::string_view path,
      WordPieceOptions options = {});

  // From the text of a tokenizer.json of the `tokenizers` package. Its
  // truncation and padding are ignored. UNIMPLEMENTED names a component or
  // option that is not BERT's.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromJson(
      absl::string_view text, absl::string_view path);

  // As FromJson, of the parsed file.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> FromParsedJson(
      const nlohmann::json& object, absl::string_view path);

  // From the file of a vocabulary, with do_lower_case, strip_accents and
  // tokenize_chinese_chars of the tokenizer_config.json beside it, if any.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> LoadVocabulary(
      FileSystem& files, const std::string& path);

  // Appends the ids of `text`, without special tokens of its own, and, unless
  // null, one offset each. Special tokens that stand in the text are matched.
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
  std::optional<int32_t> PieceToId(absl::string_view piece) const override;
  absl::string_view IdToPiece(int32_t id) const override;
  SpecialIds special_ids() const override;
  std::string Settings() const override;
  TokenizerSpec ToArtifact(std::string& data) const override;
  std::vector<NamedText> ToFiles(int64_t max_length) const override;

  const WordPieceOptions& options() const { return options_; }

 private:
  // Normalised text with the range of the input that each byte came from.
  struct Normalized {
    std::string text;
    std::vector<TokenOffset> origins;  // per byte of text; empty if not wanted
    bool with_origins = false;
  };

  WordPieceTokenizer() = default;

  // Next added token at or after `from`, with the blanks it takes, as [begin,
  // end) in `text`; null when there is none.
  const AddedToken* FindAdded(absl::string_view text, size_t from,
                              size_t& begin, size_t& end) const;
  void Normalize(absl::string_view text, uint32_t base, bool with_offsets,
                 Normalized& out) const;
  void Emit(uint32_t code, TokenOffset origin, Normalized& out) const;
  // The vocabulary as the text of a vocab.txt.
  std::string VocabularyText() const;
  void CutWords(const Normalized& text, std::vector<int32_t>& ids,
                std::vector<TokenOffset>* offsets) const;
  void CutPieces(const Normalized& text, size_t begin, size_t end,
                 size_t code_points, std::vector<int32_t>& ids,
                 std::vector<TokenOffset>* offsets) const;

  WordPieceOptions options_;
  bool strip_accents_ = true;
  std::vector<std::string> pieces_;  // by id
  // Pieces by text; those inside a word without their prefix.
  absl::flat_hash_map<absl::string_view, int32_t> first_pieces_;
  absl::flat_hash_map<absl::string_view, int32_t> inner_pieces_;
  size_t longest_piece_ = 0;  // bytes
  // Sorted by first byte, longer ones first; where each first byte begins.
  std::vector<AddedToken> added_;
  std::array<uint16_t, 257> added_start_ = {};
  int32_t unknown_id_ = 0;
  int32_t cls_id_ = 0;
  int32_t sep_id_ = 0;
};

// Of the registry: artifacts keep the kind "wordpiece", the bytes of a
// vocab.txt and the settings of the normalisation.
TokenizerKind WordPieceKind();

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_WORDPIECE_H_
