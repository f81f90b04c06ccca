// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/tokenizer.h"

#include <stdlib.h>

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
  EXPECT_EQ(bytes, absl::StrCat(R"({"lower_case":false,"split_chinese":true,)"
                                R"("strip_accents":false})"
                                "\n",
                                kVocabulary));
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
  constexpr absl::string_view kSettings =
      R"({"lower_case": true, "strip_accents": true, "split_chinese": true})";
  EXPECT_THAT(error("[PAD]\n[UNK]\n"), HasSubstr("m.graft: tokenizer: "));
  EXPECT_EQ(error("{}\n[UNK]\n"),
            "m.graft: tokenizer: expects true or false for lower_case, got "
            "none");
  EXPECT_THAT(error(R"({"lower_case": 1})"),
              HasSubstr("for lower_case, got 1"));
  EXPECT_THAT(error(kSettings), HasSubstr("m.graft: vocabulary: "));
  EXPECT_THAT(error(absl::StrCat(kSettings, "\n[PAD]\n")),
              HasSubstr("m.graft: vocabulary: expects a vocabulary with "
                        "[UNK]"));
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
}

}  // namespace
}  // namespace graft
