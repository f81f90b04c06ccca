// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/tokenizer.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/tokenize/registry.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::string_view kVocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfern\nmoss\n";

class TokenizerTest : public ::testing::Test {
 protected:
  TokenizerTest() {
    std::string pattern = ::testing::TempDir() + "/graft_tokenizer_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~TokenizerTest() override { std::filesystem::remove_all(directory_); }

  void Put(const std::string& name, absl::string_view text) {
    ASSERT_TRUE(WriteFile(files_, JoinPath(directory_, name), text).ok());
  }
  std::unique_ptr<Tokenizer> Load() {
    auto tokenizer = LoadTokenizer(files_, directory_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }
  std::string LoadError() {
    return std::string(LoadTokenizer(files_, directory_).status().message());
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
};

std::string Here() { return "table.tsv:7"; }

TEST_F(TokenizerTest, LoadsTheVocabularyOfADirectory) {
  EXPECT_EQ(LoadError(), directory_ +
                             ": expects tokenizer.json or vocab.txt, got "
                             "neither");
  Put("vocab.txt", kVocabulary);
  const auto tokenizer = Load();
  EXPECT_EQ(tokenizer->kind(), "wordpiece");
  EXPECT_EQ(tokenizer->vocabulary_size(), 7);
  const SpecialIds special = tokenizer->special_ids();
  EXPECT_EQ(special.padding, 0);
  EXPECT_EQ(special.unknown, 1);
  EXPECT_EQ(special.begin, 2);
  EXPECT_EQ(special.separator, 3);
  EXPECT_EQ(special.mask, 4);
}

TEST_F(TokenizerTest, TheModelOfTokenizerJsonChoosesTheKind) {
  Put("vocab.txt", kVocabulary);
  Put("tokenizer.json", R"({"model": {"type": "BPE"}})");
  EXPECT_EQ(LoadError(), JoinPath(directory_, "tokenizer.json") +
                             ": model.type expects \"WordPiece\", got \"BPE\"");
  Put("tokenizer.json", "[1]");
  EXPECT_THAT(LoadError(), HasSubstr("expects an object, got [1]"));
  // Without a model, or without its type, WordPiece says what it lacks.
  for (const char* text : {"{}", R"({"model": 3})", R"({"model": {}})"}) {
    Put("tokenizer.json", text);
    EXPECT_THAT(LoadError(), HasSubstr("expects \"BertNormalizer\"")) << text;
  }
}

TEST_F(TokenizerTest, EncodesAndSaysWhatWasCut) {
  Put("vocab.txt", kVocabulary);
  const auto tokenizer = Load();
  Encoding encoding;
  ASSERT_TRUE(EncodeText(*tokenizer, "fern moss", std::nullopt, 4,
                         /*strict=*/true, Here, encoding)
                  .ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 5, 6, 3));
  EXPECT_FALSE(encoding.truncated());
  ASSERT_TRUE(EncodeText(*tokenizer, "fern moss fern", std::nullopt, 4,
                         /*strict=*/false, Here, encoding)
                  .ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 5, 6, 3));
  EXPECT_TRUE(encoding.truncated());
  EXPECT_EQ(encoding.whole_length, 5);
  ASSERT_TRUE(EncodeText(*tokenizer, "fern moss fern", "moss moss", 6,
                         /*strict=*/false, Here, encoding)
                  .ok());
  EXPECT_THAT(encoding.ids, ElementsAre(2, 5, 6, 3, 6, 3));
  EXPECT_EQ(encoding.whole_length, 8);
}

TEST_F(TokenizerTest, ErrorsOfATextSayWhereItStands) {
  Put("vocab.txt", kVocabulary);
  const auto tokenizer = Load();
  Encoding encoding;
  EXPECT_EQ(EncodeText(*tokenizer, "fern moss fern", std::nullopt, 4,
                       /*strict=*/true, Here, encoding)
                .message(),
            "table.tsv:7: expects at most 4 tokens, got 5");
  EXPECT_THAT(std::string(EncodeText(*tokenizer, "\xFF", std::nullopt, 4,
                                     /*strict=*/false, Here, encoding)
                              .message()),
              HasSubstr("table.tsv:7: tokenizer expects UTF-8"));
}

TEST_F(TokenizerTest, ArtifactsAndExportedFilesMakeAnEqualTokenizer) {
  Put("vocab.txt", kVocabulary);
  Put("tokenizer_config.json", R"({"do_lower_case": false})");
  const auto tokenizer = Load();
  EXPECT_EQ(tokenizer->Settings(),
            "lower case 0, strip accents 0, split Chinese 1");
  ArtifactSpec spec;
  std::string bytes;
  spec.tokenizer = tokenizer->ToArtifact(bytes);
  EXPECT_EQ(spec.tokenizer->kind, "wordpiece");
  const auto again = TokenizerFromArtifact(spec, "model.graft");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(CheckSameTokenizer(*tokenizer, "the model", **again).ok());
  for (const NamedText& file : (*again)->ToFiles(/*max_length=*/512))
    Put(file.name, file.text);
  EXPECT_TRUE(CheckSameTokenizer(*tokenizer, "the model", *Load()).ok());
}

TEST_F(TokenizerTest, ArtifactsWithoutAKnownTokenizerAreRefused) {
  ArtifactSpec spec;
  EXPECT_EQ(TokenizerFromArtifact(spec, "m.graft").status().message(),
            "m.graft: expects a tokenizer of kind wordpiece, got none");
  spec.tokenizer.emplace();
  spec.tokenizer->kind = "bpe";
  EXPECT_EQ(TokenizerFromArtifact(spec, "m.graft").status().message(),
            "m.graft: expects a tokenizer of kind wordpiece, got bpe");
  spec.tokenizer->kind = "wordpiece";
  EXPECT_THAT(
      std::string(TokenizerFromArtifact(spec, "m.graft").status().message()),
      HasSubstr("m.graft: tokenizer: "));
  const auto error = [&](absl::string_view text) {
    spec.tokenizer->data = absl::MakeConstSpan(
        reinterpret_cast<const uint8_t*>(text.data()), text.size());
    return std::string(
        TokenizerFromArtifact(spec, "m.graft").status().message());
  };
  EXPECT_EQ(error("{\"lower_case\":true}\n[PAD]\n[UNK]\n"),
            "m.graft: tokenizer: expects version 2, got 1; compile or train "
            "again with this version of graft");
  Put("vocab.txt", kVocabulary);
  std::string bytes;
  Load()->ToArtifact(bytes);
  EXPECT_EQ(error(bytes), "");
  const auto changed = [&](absl::string_view from, absl::string_view to) {
    std::string other = bytes;
    other.replace(other.find(std::string(from)), from.size(), std::string(to));
    return error(other);
  };
  EXPECT_EQ(changed("\"ids\":7", "\"ids\":8"),
            "m.graft: tokenizer: expects token 6 of 4 bytes, got 0 bytes");
  EXPECT_THAT(changed("\"ids\":7", "\"ids\":7000"),
              HasSubstr("expects the lengths of 7000 tokens, got "));
  EXPECT_THAT(changed("\"lower_case\":true", "\"lower_case\":1"),
              HasSubstr("tokenizer.lower_case expects true or false, got 1"));
  EXPECT_THAT(changed("\"prefix\"", "\"xrefix\""),
              HasSubstr("tokenizer.prefix expects a string, got none"));
  EXPECT_THAT(changed("\"cls\":\"[CLS]\"", "\"cls\":\"[XLS]\""),
              HasSubstr("expects a vocabulary with [XLS], got 7"));
}

TEST_F(TokenizerTest, DifferencesAreNamed) {
  Put("vocab.txt", kVocabulary);
  const auto ours = Load();
  const auto difference = [&] {
    return std::string(
        CheckSameTokenizer(*ours, "the student", *Load()).message());
  };
  EXPECT_EQ(difference(), "");
  Put("vocab.txt", absl::StrCat(kVocabulary, "oak\n"));
  EXPECT_EQ(difference(),
            "expects the tokenizer of the student, 7 tokens, got 8");
  Put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nmoss\nfern\n");
  EXPECT_EQ(difference(),
            "expects the tokenizer of the student, token 5 \"fern\", got "
            "\"moss\"");
  Put("vocab.txt", kVocabulary);
  Put("tokenizer_config.json", R"({"strip_accents": false})");
  EXPECT_THAT(difference(), HasSubstr("got lower case 1, strip accents 0"));
  Put("tokenizer_config.json", R"({"truncation_side": "left"})");
  EXPECT_THAT(difference(), HasSubstr("truncate left 1"));
  Put("tokenizer_config.json", R"({"added_tokens_decoder": {
    "5": {"content": "fern", "normalized": true}}})");
  EXPECT_EQ(difference(),
            "expects the tokenizer of the student, added none, got added "
            "token 5 \"fern\", normalized");
}

TEST_F(TokenizerTest, IdsBehindTheEmbeddingsAreNamed) {
  Put("vocab.txt", kVocabulary);
  Put("added_tokens.json", R"({"<url>": 7, "<user>": 8})");
  const auto tokenizer = Load();
  EXPECT_TRUE(CheckTokenIds(*tokenizer, 9, "the table").ok());
  EXPECT_TRUE(CheckTokenIds(*tokenizer, 100, "the table").ok());
  const auto error = [&](int64_t rows) {
    return std::string(CheckTokenIds(*tokenizer, rows, "the table").message());
  };
  EXPECT_EQ(error(8), JoinPath(directory_, "added_tokens.json") +
                          ": expects ids below 8, the rows of the table, got 8 "
                          "of the token \"<user>\"");
  EXPECT_EQ(error(6), JoinPath(directory_, "vocab.txt") +
                          ": expects ids below 6, the rows of the table, got 6 "
                          "of the token \"moss\" and 2 more");
}

TEST_F(TokenizerTest, WhatIsNoFileIsRefusedAtOnce) {
  for (const char* name : {"vocab.txt", "tokenizer.json"}) {
    const std::string path = JoinPath(directory_, name);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(LoadError(), path + ": expects a regular file, got a pipe");
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    EXPECT_THAT(LoadError(), HasSubstr(path + ": cannot read: Is a directory"));
    std::filesystem::remove(path);
  }
  Put("tokenizer.json", std::string(20000, '['));
  EXPECT_THAT(LoadError(), HasSubstr("tokenizer.json: expects JSON"));
  Put("tokenizer.json", std::string(20000, '[') + std::string(20000, ']'));
  EXPECT_THAT(LoadError(), HasSubstr("expects at most 64 nested values"));
}

}  // namespace
}  // namespace graft
