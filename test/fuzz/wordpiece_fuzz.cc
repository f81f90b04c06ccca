// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A byte of options, a text up to the first NUL, then a vocab.txt, (option 1) a
// tokenizer.json, (option 128) what an artifact keeps, or (both) every file of
// a directory in one. Ids are those of pieces, offsets lie inside the text,
// lengths stay below the limit, and what an artifact and an export keep is an
// equal tokenizer.

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/utf8.h"
#include "runtime/tokenize/registry.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"
#include "test/fuzz/check.h"
#include "test/fuzz/one_file.h"

namespace {

using graft::WordPieceTokenizer;

constexpr absl::string_view kSpecials = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

absl::StatusOr<std::unique_ptr<graft::Tokenizer>> Load(uint8_t bits,
                                                       absl::string_view file) {
  if ((bits & 129) == 129) {
    graft::OneFile files(file, 4096);
    return graft::LoadTokenizer(files, "directory");
  }
  if ((bits & 128) != 0) return WordPieceTokenizer::FromArtifact(file, "a");
  if ((bits & 1) != 0) return WordPieceTokenizer::FromJson(file, "t.json");
  graft::WordPieceOptions options;
  options.lowercase = (bits & 2) != 0;
  options.clean_text = (bits & 4) != 0;
  options.handle_chinese_chars = (bits & 8) != 0;
  if ((bits & 16) != 0) options.strip_accents = (bits & 32) != 0;
  if ((bits & 64) != 0) options.max_word_length = 3;
  return WordPieceTokenizer::FromVocabulary(absl::StrCat(kSpecials, file),
                                            "vocab.txt", options);
}

// What was kept of a tokenizer gives the same ids.
void CheckKept(const graft::Tokenizer& tokenizer) {
  std::string bytes;
  tokenizer.ToArtifact(bytes);
  const auto again = WordPieceTokenizer::FromArtifact(bytes, "again");
  GRAFT_FUZZ_CHECK(again.ok());
  GRAFT_FUZZ_CHECK(graft::CheckSameTokenizer(tokenizer, "a", **again).ok());
  GRAFT_FUZZ_CHECK(!(*again)->ToFiles(512).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const absl::string_view text = input.substr(0, input.find('\0'));
  const absl::string_view file =
      text.size() < input.size() ? input.substr(text.size() + 1) : "";
  const auto loaded = Load(data[0], file);
  if (!loaded.ok()) return 0;
  const auto* const self = static_cast<WordPieceTokenizer*>(loaded->get());
  const WordPieceTokenizer* const* const tokenizer = &self;
  CheckKept(**tokenizer);

  std::vector<int32_t> ids;
  std::vector<graft::TokenOffset> offsets;
  const absl::Status status = (*tokenizer)->Tokenize(text, ids, &offsets);
  GRAFT_FUZZ_CHECK(status.ok() ==
                   (graft::FindInvalidUtf8(text) == absl::string_view::npos));
  if (!status.ok()) return 0;
  GRAFT_FUZZ_CHECK(ids.size() == offsets.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    GRAFT_FUZZ_CHECK(ids[i] >= 0 && ids[i] < (*tokenizer)->vocabulary_size());
    GRAFT_FUZZ_CHECK((*tokenizer)->HasId(ids[i]));
    GRAFT_FUZZ_CHECK(offsets[i].begin < offsets[i].end);
    GRAFT_FUZZ_CHECK(offsets[i].end <= text.size());
  }

  std::vector<int32_t> again;
  GRAFT_FUZZ_CHECK((*tokenizer)->Tokenize(text, again).ok());
  GRAFT_FUZZ_CHECK(again == ids);
  for (int64_t length : {2, 3, 5, 1000000}) {
    graft::Encoding encoding;
    const absl::string_view half = text.substr(text.size() / 2);
    if ((*tokenizer)->Encode(text, half, length, encoding, true).ok()) {
      GRAFT_FUZZ_CHECK(encoding.ids.size() <= static_cast<size_t>(length));
      GRAFT_FUZZ_CHECK(encoding.ids.size() == encoding.type_ids.size());
      GRAFT_FUZZ_CHECK(encoding.ids.size() == encoding.offsets.size());
    }
    GRAFT_FUZZ_CHECK(
        (*tokenizer)->Encode(text, std::nullopt, length, encoding).ok());
    GRAFT_FUZZ_CHECK(encoding.ids.size() <= static_cast<size_t>(length));
    GRAFT_FUZZ_CHECK(encoding.ids.front() == (*tokenizer)->special_ids().begin);
    GRAFT_FUZZ_CHECK(encoding.ids.back() ==
                     (*tokenizer)->special_ids().separator);
  }
  return 0;
}
