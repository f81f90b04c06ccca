// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Directories with all files that Transformers keeps of a tokenizer, and the
// ids that its AutoTokenizer gives (directory_goldens.json, which
// directory_goldens.py wrote).

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/tokenize/registry.h"

namespace graft {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

using Ids = std::vector<int32_t>;

class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    std::string pattern = ::testing::TempDir() + "/graft_directory_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    Put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfern\nmoss\n");
  }
  ~DirectoryTest() override { std::filesystem::remove_all(directory_); }

  void Put(const std::string& name, absl::string_view text) {
    // Not WriteFile, which waits for the disk.
    std::ofstream(JoinPath(directory_, name), std::ios::binary) << text;
  }
  // Makes the directory one of these files only.
  void PutAll(const json& files) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    for (const auto& [name, value] : files.items())
      Put(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  std::unique_ptr<Tokenizer> Load() {
    auto tokenizer = LoadTokenizer(files_, directory_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }
  std::string Error() {
    return std::string(LoadTokenizer(files_, directory_).status().message());
  }
  std::string Path(const char* name) { return JoinPath(directory_, name); }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
};

Ids Encode(const Tokenizer& tokenizer, const std::string& text,
           std::optional<absl::string_view> pair = std::nullopt,
           int64_t max_length = 1000) {
  Encoding encoding;
  EXPECT_TRUE(tokenizer.Encode(text, pair, max_length, encoding).ok());
  return encoding.ids;
}

const json& Goldens() {
  static const json* const kGoldens = [] {
    const auto text =
        ReadFile(FileSystem::Posix(), GRAFT_SOURCE_DIR
                 "/test/runtime/tokenize/wordpiece/directory_goldens.json");
    return new json(json::parse(*text));
  }();
  return *kGoldens;
}

// Compares with the ids of Transformers: whole, cut, and of a pair.
void ExpectGoldens(const Tokenizer& tokenizer, const json& golden) {
  const auto texts = Goldens()["texts"].get<std::vector<std::string>>();
  // The generator's: three further, without the empty text.
  const auto other = [&](size_t i) {
    return i + 3 < texts.size() - 1 ? texts[i + 3]
                                    : texts[i + 3 - (texts.size() - 1)];
  };
  for (size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(texts[i]);
    const json& expected = golden["texts"][i];
    EXPECT_EQ(Encode(tokenizer, texts[i]), expected["ids"].get<Ids>());
    EXPECT_EQ(Encode(tokenizer, texts[i], std::nullopt, 6),
              expected["cut"].get<Ids>());
    EXPECT_EQ(Encode(tokenizer, texts[i], other(i), 9),
              expected["pair"].get<Ids>());
  }
  EXPECT_EQ(tokenizer.max_length(), golden["max_length"].get<int64_t>());
}

TEST_F(DirectoryTest, GivesTheIdsOfTransformers) {
  for (size_t i = 0; i < Goldens()["cases"].size(); ++i) {
    SCOPED_TRACE(i);
    const json& golden = Goldens()["cases"][i];
    PutAll(golden["files"]);
    ExpectGoldens(*Load(), golden);
  }
}

TEST_F(DirectoryTest, ArtifactsAndExportsKeepTheWholeTokenizer) {
  for (size_t i = 0; i < Goldens()["cases"].size(); ++i) {
    SCOPED_TRACE(i);
    const json& golden = Goldens()["cases"][i];
    PutAll(golden["files"]);
    const auto tokenizer = Load();
    std::string bytes;
    ArtifactSpec spec;
    spec.tokenizer = tokenizer->ToArtifact(bytes);
    const auto again = TokenizerFromArtifact(spec, "model.graft");
    ASSERT_TRUE(again.ok()) << again.status();
    ExpectGoldens(**again, golden);
    json exported = json::object();
    for (const NamedText& file : (*again)->ToFiles(/*max_length=*/0))
      exported[file.name] = file.text;
    EXPECT_TRUE(exported.contains("tokenizer.json"));
    PutAll(exported);
    const auto imported = Load();
    ExpectGoldens(*imported, golden);
    EXPECT_EQ(CheckSameTokenizer(*tokenizer, "the model", *imported),
              absl::OkStatus());
  }
}

TEST_F(DirectoryTest, AnyPieceOfAJsonStringIsKept) {
  json described = {
      {"normalizer", {{"type", "BertNormalizer"}, {"clean_text", false}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "BertProcessing"},
        {"sep", {"[SEP]", 2}},
        {"cls", {"[CLS]", 1}}}},
      {"model",
       {{"type", "WordPiece"},
        {"vocab",
         {{"[UNK]", 0},
          {"[CLS]", 1},
          {"[SEP]", 2},
          {"\n", 3},
          {"", 4},
          {"a ", 5},
          {"\r", 6},
          {std::string("\0x", 2), 7},
          {"b", 9}}}}}};
  PutAll({{"tokenizer.json", described}});
  const auto tokenizer = Load();
  std::string bytes;
  ArtifactSpec spec;
  spec.tokenizer = tokenizer->ToArtifact(bytes);
  const auto again = TokenizerFromArtifact(spec, "model.graft");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->IdToPiece(3), "\n");
  EXPECT_EQ((*again)->IdToPiece(5), "a ");
  EXPECT_TRUE((*again)->HasId(4));
  EXPECT_FALSE((*again)->HasId(8));
  EXPECT_EQ(Encode(**again, std::string("\0x b", 4)), (Ids{1, 7, 9, 2}));
  json exported = json::object();
  for (const NamedText& file : (*again)->ToFiles(0))
    exported[file.name] = file.text;
  // Lines cannot hold these.
  EXPECT_FALSE(exported.contains("vocab.txt"));
  const json file = json::parse(exported["tokenizer.json"].get<std::string>());
  EXPECT_EQ(file["model"]["vocab"], described["model"]["vocab"]);
  PutAll(exported);
  EXPECT_EQ(CheckSameTokenizer(*tokenizer, "the model", *Load()),
            absl::OkStatus());
}

TEST_F(DirectoryTest, OldAddedTokensFollowTheVocabulary) {
  Put("added_tokens.json", R"({"<url>": 7, "Oak": 8})");
  EXPECT_EQ(Encode(*Load(), "fern<URL> oak"), (Ids{2, 5, 7, 8, 3}));
  Put("added_tokens.json", R"({"<url>": 9})");
  EXPECT_EQ(Error(), Path("added_tokens.json") +
                         ": \"<url>\" expects 7, the next one after the "
                         "vocabulary, for \"<url>\", got 9");
  Put("added_tokens.json", R"({"fern": 6})");
  EXPECT_THAT(Error(), HasSubstr("expects 5, the id that the vocabulary has"));
  Put("added_tokens.json", R"({"fern": -1})");
  EXPECT_THAT(Error(), HasSubstr("\"fern\" expects an id in [0, 10000000), "
                                 "got -1"));
}

TEST_F(DirectoryTest, SpecialTokensThatTheVocabularyLacksAreAdded) {
  Put("special_tokens_map.json",
      R"({"cls_token": {"content": "<s>", "lstrip": true}})");
  EXPECT_EQ(Encode(*Load(), "fern <s>"), (Ids{7, 5, 7, 3}));
  // A vocabulary that was cut short is none.
  Put("special_tokens_map.json", R"({"cls_token": "[CLS]"})");
  Put("vocab.txt", "[PAD]\n[UNK]\n");
  EXPECT_EQ(Error(), Path("vocab.txt") +
                         ": expects a vocabulary with [CLS], got 2 other "
                         "tokens");
  Put("special_tokens_map.json", "{}");
  Put("vocab.txt", "");
  EXPECT_EQ(Error(), Path("vocab.txt") +
                         ": expects a vocabulary with [UNK], got 0 other "
                         "tokens");
}

TEST_F(DirectoryTest, SettingsOfOtherTypesAreNamed) {
  const auto error = [&](absl::string_view config) {
    Put("tokenizer_config.json", config);
    return Error();
  };
  const std::string path = Path("tokenizer_config.json") + ": ";
  EXPECT_EQ(error("[1]"), path + "expects an object, got [1]");
  EXPECT_EQ(error(R"({"truncation_side": "top"})"),
            path +
                "config.truncation_side expects \"left\" or \"right\", got "
                "\"top\"");
  EXPECT_EQ(error(R"({"model_max_length": 0})"),
            path + "config.model_max_length expects a positive integer, got 0");
  EXPECT_EQ(error(R"({"cls_token": 3})"),
            path + "config.cls_token expects a token, got 3");
  EXPECT_EQ(error(R"({"cls_token": null})"),
            path + "config.cls_token expects a token, got none");
  EXPECT_EQ(error(R"({"added_tokens_decoder": {"x": {"content": "y"}}})"),
            path +
                "added_tokens_decoder expects ids in [0, 10000000), got "
                "\"x\"");
  EXPECT_EQ(error(R"({"split_special_tokens": true})"),
            path + "config.split_special_tokens expects false, got true");
  EXPECT_EQ(error(R"({"model_max_length": 1e30})"), "");
}

}  // namespace
}  // namespace graft
