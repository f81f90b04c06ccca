// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/wordpiece/wordpiece.h"

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/tokenize/registry.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kVocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nun\n##aff\n##able\nrun\n##s\n,\n"
    "\xE4\xB8\xAD\n\xE6\x96\x87\ncafe\nA\n##B\n\xCF\x83\n##\xCE\xB1\n[\ncls\n]"
    "\n"
    "i\n";

std::unique_ptr<WordPieceTokenizer> Make(WordPieceOptions options = {}) {
  return WordPieceTokenizer::FromVocabulary(kVocabulary, "vocab.txt", options)
      .value();
}

std::vector<std::string> Pieces(const WordPieceTokenizer& tokenizer,
                                absl::string_view text) {
  std::vector<int32_t> ids;
  const absl::Status status = tokenizer.Tokenize(text, ids);
  EXPECT_TRUE(status.ok()) << status;
  std::vector<std::string> pieces;
  for (int32_t id : ids) pieces.emplace_back(tokenizer.IdToPiece(id));
  return pieces;
}

TEST(WordPieceTest, CutsLongestPiecesFirst) {
  const auto tokenizer = Make();
  EXPECT_THAT(
      Pieces(*tokenizer, "The unaffable, runs!"),
      ElementsAre("the", "un", "##aff", "##able", ",", "run", "##s", "[UNK]"));
  EXPECT_THAT(Pieces(*tokenizer, ""), ElementsAre());
  EXPECT_THAT(Pieces(*tokenizer, " \t\r\n\xE2\x80\x83 "), ElementsAre());
  // A word that cannot be cut to its end is unknown as a whole.
  EXPECT_THAT(Pieces(*tokenizer, "unx runx"), ElementsAre("[UNK]", "[UNK]"));
}

TEST(WordPieceTest, NormalisesLikeBert) {
  const auto tokenizer = Make();
  EXPECT_THAT(Pieces(*tokenizer, "CAF\xC3\x89 cafe\xCC\x81"),
              ElementsAre("cafe", "cafe"));
  EXPECT_THAT(Pieces(*tokenizer, "run\xE4\xB8\xAD\xE6\x96\x87s"),
              ElementsAre("run", "\xE4\xB8\xAD", "\xE6\x96\x87", "[UNK]"));
  // Zero width space, soft hyphen, NUL and the replacement character go.
  EXPECT_THAT(
      Pieces(*tokenizer,
             absl::string_view("ru\xE2\x80\x8Bn\xC2\xAD\0\xEF\xBF\xBDs", 13)),
      ElementsAre("run", "##s"));
  // Capital sigma at the end of a word does not become a final sigma; capital
  // dotted i loses its dot.
  EXPECT_THAT(Pieces(*tokenizer, "\xCE\xA3\xCE\x91 \xC4\xB0"),
              ElementsAre("\xCF\x83", "##\xCE\xB1", "i"));
}

TEST(WordPieceTest, CasedKeepsCaseAndAccents) {
  const auto tokenizer = Make({.lowercase = false});
  EXPECT_THAT(Pieces(*tokenizer, "AB ab caf\xC3\xA9"),
              ElementsAre("A", "##B", "[UNK]", "[UNK]"));
  const auto stripping = Make({.lowercase = false, .strip_accents = true});
  EXPECT_THAT(Pieces(*stripping, "caf\xC3\xA9 A"), ElementsAre("cafe", "A"));
  const auto lowering = Make({.strip_accents = false});
  EXPECT_THAT(Pieces(*lowering, "CAF\xC3\x89 CAFE"),
              ElementsAre("[UNK]", "cafe"));
}

TEST(WordPieceTest, SpecialTokensInTheTextAreMatchedAsWritten) {
  const auto tokenizer = Make();
  EXPECT_THAT(Pieces(*tokenizer, "the[MASK]runs [cls] [SEP][SEP]"),
              ElementsAre("the", "[MASK]", "run", "##s", "[", "cls", "]",
                          "[SEP]", "[SEP]"));
}

TEST(WordPieceTest, LongWordsAreUnknown) {
  WordPieceOptions options{.max_word_length = 5};
  const auto tokenizer = Make(options);
  EXPECT_THAT(Pieces(*tokenizer, "runss runsss"),
              ElementsAre("run", "##s", "##s", "[UNK]"));
  // Code points count, not bytes.
  EXPECT_THAT(Pieces(*tokenizer, "\xCF\x83\xCE\xB1\xCE\xB1\xCE\xB1\xCE\xB1"),
              ElementsAre("\xCF\x83", "##\xCE\xB1", "##\xCE\xB1", "##\xCE\xB1",
                          "##\xCE\xB1"));
  EXPECT_THAT(Pieces(*Make(), "run" + std::string(97, 's')),
              ::testing::SizeIs(98));
  EXPECT_THAT(Pieces(*Make(), "run" + std::string(98, 's')),
              ElementsAre("[UNK]"));
}

TEST(WordPieceTest, OffsetsAreBytesOfTheInput) {
  const auto tokenizer = Make();
  std::vector<int32_t> ids;
  std::vector<TokenOffset> offsets;
  ASSERT_TRUE(
      tokenizer->Tokenize(" CAF\xC3\x89 unaff\xE4\xB8\xAD[MASK]", ids, &offsets)
          .ok());
  EXPECT_THAT(offsets, ElementsAre(TokenOffset{1, 6}, TokenOffset{7, 9},
                                   TokenOffset{9, 12}, TokenOffset{12, 15},
                                   TokenOffset{15, 21}));
}

TEST(WordPieceTest, EncodesSinglesAndPairs) {
  const auto tokenizer = Make();
  Encoding encoding;
  ASSERT_TRUE(tokenizer->Encode("runs", std::nullopt, 10, encoding).ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 9, 10, 3));
  EXPECT_THAT(encoding.type_ids, ElementsAre(0, 0, 0, 0));
  EXPECT_TRUE(encoding.offsets.empty());
  ASSERT_TRUE(
      tokenizer->Encode("runs", "the", 10, encoding, /*with_offsets=*/true)
          .ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 9, 10, 3, 5, 3));
  EXPECT_THAT(encoding.type_ids, ElementsAre(0, 0, 0, 0, 1, 1));
  EXPECT_THAT(encoding.offsets,
              ElementsAre(TokenOffset{}, TokenOffset{0, 3}, TokenOffset{3, 4},
                          TokenOffset{}, TokenOffset{0, 3}, TokenOffset{}));
  ASSERT_TRUE(tokenizer->Encode("", "", 3, encoding).ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 3, 3));
}

// Lengths kept of (n1, n2) for a given maximum, as the reference keeps them.
TEST(WordPieceTest, TruncatesTheLongerFirst) {
  const auto tokenizer = Make();
  const auto kept = [&](size_t n1, size_t n2, int64_t max_length) {
    const auto text = [](size_t n) {
      return absl::StrJoin(std::vector<std::string>(n, "the"), " ");
    };
    Encoding encoding;
    EXPECT_TRUE(
        tokenizer->Encode(text(n1), text(n2), max_length, encoding, true).ok());
    EXPECT_LE(encoding.ids.size(), static_cast<size_t>(max_length));
    EXPECT_EQ(encoding.ids.size(), encoding.type_ids.size());
    EXPECT_EQ(encoding.ids.size(), encoding.offsets.size());
    const auto first_sep =
        std::find(encoding.ids.begin(), encoding.ids.end(), 3);
    const auto a = first_sep - encoding.ids.begin() - 1;
    return std::pair<int, int>(a, encoding.ids.size() - 3 - a);
  };
  using P = std::pair<int, int>;
  EXPECT_EQ(kept(5, 5, 13), P(5, 5));
  EXPECT_EQ(kept(5, 5, 10), P(3, 4));
  EXPECT_EQ(kept(6, 5, 10), P(4, 3));
  EXPECT_EQ(kept(2, 9, 10), P(2, 5));
  EXPECT_EQ(kept(9, 2, 10), P(5, 2));
  EXPECT_EQ(kept(9, 2, 3), P(0, 0));
  EXPECT_EQ(kept(0, 9, 5), P(0, 2));
  Encoding encoding;
  ASSERT_TRUE(tokenizer->Encode("the the run", std::nullopt, 4, encoding).ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 5, 5, 3));
  EXPECT_EQ(tokenizer->Encode("a", std::nullopt, 1, encoding).message(),
            "tokenizer expects a length of at least 2 for the special tokens, "
            "got 1");
  EXPECT_TRUE(
      absl::IsInvalidArgument(tokenizer->Encode("a", "b", 2, encoding)));
}

TEST(WordPieceTest, InvalidUtf8NamesTheByte) {
  std::vector<int32_t> ids;
  const absl::Status status = Make()->Tokenize("the \xFFrun", ids);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(),
            "tokenizer expects UTF-8, got byte 0xff at offset 4");
}

TEST(WordPieceTest, VocabularyWithoutSpecialTokensIsRefused) {
  for (absl::string_view special : {"[UNK]", "[CLS]", "[SEP]"}) {
    const std::string text =
        absl::StrReplaceAll(kVocabulary, {{special, "other"}});
    EXPECT_EQ(
        WordPieceTokenizer::FromVocabulary(text, "v.txt").status().message(),
        absl::StrCat("v.txt: expects a vocabulary with ", special,
                     ", got 23 other tokens"));
  }
  EXPECT_THAT(
      std::string(
          WordPieceTokenizer::FromVocabulary("", "v.txt").status().message()),
      HasSubstr("got 0 other tokens"));
  EXPECT_EQ(WordPieceTokenizer::FromVocabulary("a\nb\xC3\n", "v.txt")
                .status()
                .message(),
            "v.txt:2: expects UTF-8, got byte 0xc3 at column 2");
}

TEST(WordPieceTest, AVocabularyHasEachTokenOnce) {
  EXPECT_EQ(WordPieceTokenizer::FromVocabulary("a\nb\nb\xE3\x80\x80\n", "v.txt")
                .status()
                .message(),
            "v.txt:3: expects each token once, got \"b\" again, as in line 2");
  // Lines of white space are the token of no word.
  const auto tokenizer = WordPieceTokenizer::FromVocabulary(
      absl::StrCat(" \n", kVocabulary, "\n\xE3\x80\x80\nlast\n"), "v.txt");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->PieceToId("last"), 26);
}

TEST(WordPieceTest, LooksUpPieces) {
  const auto tokenizer = Make();
  EXPECT_EQ(tokenizer->vocabulary_size(), 23);
  EXPECT_EQ(tokenizer->PieceToId("##s"), 10);
  EXPECT_EQ(tokenizer->PieceToId("none"), std::nullopt);
  EXPECT_EQ(tokenizer->IdToPiece(9), "run");
  EXPECT_EQ(tokenizer->IdToPiece(-1), "");
  EXPECT_EQ(tokenizer->IdToPiece(23), "");
  // Windows line ends and a missing last line end change nothing.
  const auto windows = WordPieceTokenizer::FromVocabulary(
      absl::StrReplaceAll(kVocabulary, {{"\n", "\r\n"}}), "v.txt");
  ASSERT_TRUE(windows.ok());
  EXPECT_EQ((*windows)->PieceToId("##s"), 10);
}

TEST(WordPieceTest, IsThreadSafe) {
  const auto tokenizer = Make();
  std::vector<std::vector<int32_t>> ids(4);
  std::vector<std::thread> threads;
  for (auto& out : ids) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        out.clear();
        EXPECT_TRUE(tokenizer->Tokenize("the runs caf\xC3\x89", out).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& out : ids) EXPECT_EQ(out, ids[0]);
}

constexpr char kJson[] = R"({
  "version": "1.0",
  "truncation": {"max_length": 2}, "padding": {"strategy": "BatchLongest"},
  "added_tokens": [
    {"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false,
     "rstrip": false, "normalized": false, "special": true},
    {"id": 5, "content": "<E>", "lstrip": true, "rstrip": true,
     "normalized": false}],
  "normalizer": {"type": "BertNormalizer", "clean_text": true,
    "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
             {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
             {"Sequence": {"id": "B", "type_id": 1}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
    "special_tokens": {}},
  "decoder": {"type": "WordPiece"},
  "model": {"type": "WordPiece", "unk_token": "[UNK]",
    "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
    "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4}}})";

std::string JsonError(
    std::initializer_list<std::pair<absl::string_view, absl::string_view>>
        change) {
  const std::string text = absl::StrReplaceAll(kJson, change);
  EXPECT_NE(text, kJson);
  return std::string(
      WordPieceTokenizer::FromJson(text, "t.json").status().message());
}

TEST(WordPieceJsonTest, ReadsTokenizerJson) {
  const auto tokenizer = WordPieceTokenizer::FromJson(kJson, "t.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 6);
  std::vector<int32_t> ids;
  std::vector<TokenOffset> offsets;
  ASSERT_TRUE(
      (*tokenizer)->Tokenize("ab  <E> \xE2\x80\x83\x41", ids, &offsets).ok());
  EXPECT_THAT(ids, ElementsAre(3, 4, 5, 3));
  // The added token takes the blanks on both sides.
  EXPECT_THAT(offsets, ElementsAre(TokenOffset{0, 1}, TokenOffset{1, 2},
                                   TokenOffset{2, 11}, TokenOffset{11, 12}));
  EXPECT_EQ((*tokenizer)->PieceToId("<E>"), 5);
  EXPECT_EQ((*tokenizer)->IdToPiece(5), "<E>");

  const std::string old = absl::StrReplaceAll(
      kJson,
      {{"\"TemplateProcessing\"",
        R"("BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1])"}});
  EXPECT_TRUE(WordPieceTokenizer::FromJson(old, "t.json").ok());
}

// Pieces of `text` with one token that tokenizer.json adds with `flags`.
std::vector<std::string> WithToken(absl::string_view content,
                                   absl::string_view flags,
                                   absl::string_view text) {
  const auto tokenizer = WordPieceTokenizer::FromJson(
      absl::StrReplaceAll(
          kJson, {{R"("content": "<E>", "lstrip": true, "rstrip": true,
     "normalized": false)",
                   absl::StrCat("\"content\": \"", content, "\"", flags)}}),
      "t.json");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return Pieces(**tokenizer, text);
}

TEST(WordPieceJsonTest, AddedTokensAreFoundByTheirOptions) {
  constexpr absl::string_view kWritten = ", \"normalized\": false";
  EXPECT_THAT(WithToken("Ab", kWritten, "abaAb Ab"),
              ElementsAre("[UNK]", "Ab", "Ab"));
  // By default in the normalised text, its content normalised too.
  EXPECT_THAT(WithToken("\u00c9b", "", "aE\xCC\x81\x42 eb"),
              ElementsAre("a", "\xC3\x89\x62", "\xC3\x89\x62"));
  // Only where no word goes on; what is no match is not looked at again.
  constexpr absl::string_view kWord =
      ", \"normalized\": false, \"single_word\": true";
  EXPECT_THAT(WithToken("aa", kWord, "aaa aa a_aa (aa)"),
              ElementsAre("[UNK]", "aa", "a", "[UNK]", "[UNK]", "[UNK]", "aa",
                          "[UNK]"));
  EXPECT_THAT(WithToken("a b", ", \"lstrip\": true", "a  A B a b"),
              ElementsAre("a", "a b", "a b"));
}

TEST(WordPieceJsonTest, AddedTokensThatCannotBeToldApartAreRefused) {
  EXPECT_EQ(JsonError({{"\"content\": \"<E>\"", "\"content\": \"\\u0301\""},
                       {"\"normalized\": false}]", "\"normalized\": true}]"}}),
            "t.json: expects an added token of which the normalisation leaves "
            "something, got \"\xCC\x81\"");
  EXPECT_EQ(
      JsonError(
          {{"\"normalized\": false}]",
            "\"normalized\": true}, {\"id\": 6, \"content\": \"<e>\"}]"}}),
      "t.json: expects added tokens that differ after normalisation, got "
      "\"<E>\" and \"<e>\"");
}

TEST(WordPieceJsonTest, WhatIsNotBertIsNamed) {
  EXPECT_EQ(JsonError({{"BertNormalizer", "NFC"}}),
            "t.json: normalizer.type expects \"BertNormalizer\", got \"NFC\"");
  EXPECT_EQ(JsonError({{"BertPreTokenizer", "Whitespace"}}),
            "t.json: pre_tokenizer.type expects \"BertPreTokenizer\", got "
            "\"Whitespace\"");
  EXPECT_THAT(JsonError({{"\"pre_tokenizer\"", "\"other\""}}),
              HasSubstr("pre_tokenizer.type expects \"BertPreTokenizer\", got "
                        "none"));
  EXPECT_EQ(JsonError({{"{\"type\": \"WordPiece\", \"unk",
                        "{\"type\": \"BPE\", \"unk"}}),
            "t.json: model.type expects \"WordPiece\", got \"BPE\"");
  EXPECT_THAT(JsonError({{"\"TemplateProcessing\"", "\"RobertaProcessing\""}}),
              HasSubstr("post_processor.type expects \"BertProcessing\""));
  EXPECT_THAT(JsonError({{"\"B\", \"type_id\": 1", "\"B\", \"type_id\": 0"}}),
              HasSubstr("post_processor.pair expects [CLS] A [SEP] B [SEP]"));
  EXPECT_EQ(
      JsonError({{"\"truncation\": {", "\"truncation\": {\"direction\": 1, "}}),
      "t.json: truncation.direction expects a string, got 1");
}

TEST(WordPieceJsonTest, BadValuesAreNamed) {
  EXPECT_EQ(JsonError({{"\"a\": 3", "\"a\": -3"}}),
            "t.json: model.vocab['a'] expects an id in [0, 10000000), got -3");
  EXPECT_THAT(JsonError({{"\"a\": 3", "\"a\": 99999999999"}}),
              HasSubstr("got 99999999999"));
  EXPECT_EQ(JsonError({{"\"a\": 3", "\"a\": 2"}}),
            "t.json: model.vocab['a'] expects an id of its own, got 2 again");
  EXPECT_EQ(JsonError({{"\"a\": 3", "\"[UNK]\": 3"}}),
            "t.json: expects each key once, got a second \"[UNK]\"");
  EXPECT_THAT(JsonError({{"\"id\": 5", "\"id\": \"5\""}}),
              HasSubstr("added_tokens[1].id expects an id"));
  EXPECT_THAT(JsonError({{"\"content\": \"<E>\"", "\"content\": null"}}),
              HasSubstr("added_tokens[1].content expects a string, got none"));
  EXPECT_EQ(JsonError({{"\"lowercase\": true", "\"lowercase\": 1"}}),
            "t.json: normalizer.lowercase expects true or false, got 1");
  EXPECT_THAT(JsonError({{"\"vocab\": {", "\"v\": {"}}),
              HasSubstr("model.vocab expects an object of pieces and ids"));
  EXPECT_THAT(JsonError({{"_word\": 100", "_word\": -1"}}),
              HasSubstr("model.max_input_chars_per_word expects an integer"));
  EXPECT_EQ(JsonError({{"\"[CLS]\": 1", "\"x\": 1"}}),
            "t.json: expects a vocabulary with [CLS], got 5 other tokens");
  EXPECT_EQ(JsonError({{"\"id\": 5", "\"id\": 7"}}),
            "t.json: added_tokens[1].id expects 5, the next one after the "
            "vocabulary, for \"<E>\", got 7");
  EXPECT_EQ(JsonError({{"\"id\": 0", "\"id\": 1"}}),
            "t.json: added_tokens[0].id expects 0, the id that the vocabulary "
            "has for \"[UNK]\", got 1");
  EXPECT_EQ(JsonError({{"\"special_tokens\": {}",
                        "\"special_tokens\": {\"[SEP]\": {\"ids\": [3]}}"}}),
            "t.json: post_processor.special_tokens.[SEP].ids expects 2, the id "
            "of \"[SEP]\", got 3");
  EXPECT_THAT(
      std::string(WordPieceTokenizer::FromJson("[]", "t").status().message()),
      HasSubstr("t: expects an object, got []"));
}

TEST(WordPieceLoadTest, ReadsTheSettingsBesideAVocabulary) {
  std::string pattern = ::testing::TempDir() + "/graft_wp_XXXXXX";
  const std::string dir = ::mkdtemp(pattern.data());
  FileSystem& files = FileSystem::Posix();
  const auto put = [&](const char* name, absl::string_view text) {
    ASSERT_TRUE(WriteFile(files, JoinPath(dir, name), text).ok());
  };
  const auto load = [&] {
    return WordPieceTokenizer::LoadVocabulary(files,
                                              JoinPath(dir, "vocab.txt"));
  };
  EXPECT_TRUE(absl::IsNotFound(load().status()));
  put("vocab.txt", kVocabulary);
  EXPECT_TRUE(load().value()->options().lowercase);
  EXPECT_EQ(load().value()->vocabulary_size(), 23);
  put("tokenizer_config.json",
      R"({"do_lower_case": false, "strip_accents": null})");
  EXPECT_FALSE(load().value()->options().lowercase);
  put("tokenizer_config.json", R"({"do_lower_case": "no"})");
  EXPECT_THAT(std::string(load().status().message()),
              HasSubstr("do_lower_case expects true or false, got \"no\""));
  // A tokenizer.json goes before the vocabulary.
  put("tokenizer_config.json", "{}");
  put("tokenizer.json", kJson);
  EXPECT_EQ(LoadTokenizer(files, dir).value()->vocabulary_size(), 6);
  EXPECT_EQ(LoadTokenizer(files, JoinPath(dir, "tokenizer.json"))
                .value()
                ->vocabulary_size(),
            6);
  std::filesystem::remove_all(dir);
}

TEST(UnicodeClassesTest, DecomposesFully) {
  std::array<uint32_t, 4> parts;
  EXPECT_EQ(CanonicalDecomposition(0xD55C, parts), 3u);  // Hangul
  EXPECT_EQ(parts[0], 0x1112u);
  EXPECT_EQ(CanonicalDecomposition(0x1F82, parts), 4u);  // the longest kind
  EXPECT_EQ(CanonicalDecomposition(0x41, parts), 1u);
}

}  // namespace
}  // namespace graft
