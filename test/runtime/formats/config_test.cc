// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view text) {
  return std::string(
      ModelConfig::Parse(text, "config.json").status().message());
}

TEST(ConfigTest, ReadsWhatAllFamiliesShare) {
  const auto config = ModelConfig::Parse(R"({
    "architectures": ["AcmeModel"], "model_type": "acme",
    "max_position_embeddings": 32,
    "id2label": {"1": "POS", "0": "NEG"}, "label2id": {"NEG": 0, "POS": 1},
    "problem_type": "single_label_classification", "width": 7})",
                                         "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model_type(), "acme");
  EXPECT_THAT(config->architectures(), ElementsAre("AcmeModel"));
  EXPECT_EQ(config->max_positions(), 32);
  EXPECT_THAT(config->labels(), ElementsAre("NEG", "POS"));
  EXPECT_EQ(config->problem_type(), "single_label_classification");

  const auto empty = ModelConfig::Parse("{}", "config.json");
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->model_type(), "");
  EXPECT_EQ(empty->max_positions(), 0);
  EXPECT_TRUE(empty->labels().empty());
}

TEST(ConfigTest, KeepsWhatItDoesNotKnow) {
  auto config = ModelConfig::Parse(
      R"({"model_type": "acme", "wings": {"left": [1, 2.5]}, "rate": 1e-12,
          "id2label": {"0": "a"}})",
      "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  config->SetLabels({"no", "yes", "\xE4\xB8\xAD"});
  config->SetArchitectures({"AcmeForSequenceClassification"});
  config->SetProblemType("single_label_classification");
  config->Set("width", int64_t{7});
  const std::string text = config->Text();
  EXPECT_THAT(text, HasSubstr("\"wings\""));
  const auto back = ModelConfig::Parse(text, "config.json");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->labels(), config->labels());
  EXPECT_EQ(back->architectures(), config->architectures());
  EXPECT_EQ(back->problem_type(), config->problem_type());
  double rate = 0;
  EXPECT_TRUE(back->Real("rate", 0, 1, rate).ok());
  EXPECT_EQ(rate, 1e-12);
  EXPECT_EQ(back->Text(), text);

  config->SetLabels({});
  config->SetArchitectures({});
  config->SetProblemType("");
  const std::string plain = config->Text();
  for (const char* key :
       {"id2label", "label2id", "architectures", "problem_type"})
    EXPECT_THAT(plain, ::testing::Not(HasSubstr(key)));
}

TEST(ConfigTest, FieldsAreReadWithTheirRange) {
  const auto config = ModelConfig::Parse(
      R"({"n": 5, "large": 18446744073709551615, "real": 0.5, "whole": 5.0,
          "text": "x", "list": ["a"], "flag": true, "none": null})",
      "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  int64_t n = 1;
  EXPECT_TRUE(config->Integer("absent", 1, 9, n).ok());
  EXPECT_TRUE(config->Integer("none", 1, 9, n).ok());
  EXPECT_EQ(n, 1);
  EXPECT_TRUE(config->Integer("n", 1, 5, n).ok());
  EXPECT_EQ(n, 5);
  for (const char* key : {"large", "whole", "text", "flag"}) {
    const absl::Status status = config->Integer(key, 1, 9, n);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << key;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("config.json: ", key,
                                       " expects an integer in [1, 9], got ")));
  }
  EXPECT_FALSE(config->Integer("n", 6, 9, n).ok());
  double real = 0;
  EXPECT_FALSE(config->Real("real", 0, 0.5, real).ok());
  EXPECT_TRUE(config->Real("n", 5, 6, real).ok());
  EXPECT_EQ(real, 5);
  std::string text;
  EXPECT_TRUE(config->String("text", text).ok());
  EXPECT_EQ(config->String("n", text).message(),
            "config.json: n expects a string, got 5");
  std::vector<std::string> list;
  EXPECT_TRUE(config->Strings("list", list).ok());
  EXPECT_THAT(list, ElementsAre("a"));
  EXPECT_FALSE(config->Strings("text", list).ok());
  bool flag = false;
  EXPECT_TRUE(config->Flag("flag", flag).ok());
  EXPECT_TRUE(flag);
  EXPECT_EQ(config->Flag("n", flag).message(),
            "config.json: n expects true or false, got 5");
  EXPECT_TRUE(absl::IsUnimplemented(config->Unsupported("n", "6")));
}

struct BadField {
  const char* field;
  const char* expected;
};

class ConfigBadFieldTest : public ::testing::TestWithParam<BadField> {};

TEST_P(ConfigBadFieldTest, IsNamedWithExpectedAndFound) {
  const std::string error = ErrorOf(absl::StrCat("{", GetParam().field, "}"));
  EXPECT_THAT(error, HasSubstr(GetParam().expected));
  EXPECT_THAT(error, ::testing::StartsWith("config.json: "));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigBadFieldTest,
    ::testing::Values(
        BadField{R"("model_type": 1)", "model_type expects a string, got 1"},
        BadField{R"("max_position_embeddings": 65537)", "got 65537"},
        BadField{R"("architectures": "AcmeModel")", "a list of strings"},
        BadField{R"("architectures": [1])", "a list of strings"},
        BadField{R"("problem_type": "ranking")",
                 "problem_type expects regression, "
                 "single_label_classification or multi_label_classification, "
                 "got \"ranking\""},
        BadField{R"("n": 64, "n": 64)",
                 "expects each key once, got a second \"n\""}));

// Only a head uses them, so the file can be read all the same.
TEST(ConfigTest, LabelsAreCheckedWhenTheyAreUsed) {
  for (const auto& [fields, expected] : {
           BadField{R"("id2label": ["a"])", "id2label expects an object"},
           BadField{R"("id2label": {"0": "a", "2": "b"})", "each id 0, 1"},
           BadField{R"("id2label": {"0": "a", "00": "b"})", "each id 0, 1"},
           BadField{R"("id2label": {"0": 1.5})", "each id 0, 1"},
           BadField{R"("id2label": {"x": "a"})", "each id 0, 1"},
           BadField{R"("id2label": {"0": "a", "1": "b"},
                       "label2id": {"b": 0, "a": 1})",
                    "label2id expects the inverse of id2label, got 1 for "
                    "\"a\", where id2label has \"b\""},
           BadField{R"("id2label": {"0": "a"}, "label2id": {"a": 1})",
                    "got 1 for \"a\", an id that id2label lacks"},
           BadField{R"("label2id": [])", "label2id expects an object"},
       }) {
    auto config =
        ModelConfig::Parse(absl::StrCat("{", fields, "}"), "config.json");
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_TRUE(config->labels().empty());
    EXPECT_TRUE(absl::IsInvalidArgument(config->CheckLabels()));
    EXPECT_THAT(std::string(config->CheckLabels().message()),
                ::testing::AllOf(::testing::StartsWith("config.json: "),
                                 HasSubstr(expected)));
    config->SetLabels({"x", "y"});
    EXPECT_TRUE(config->CheckLabels().ok());
  }
}

TEST(ConfigTest, TakesLabelsAsOtherToolsWriteThem) {
  const auto config = ModelConfig::Parse(
      R"({"id2label": {"0": 1, "1": "x\ny"}, "label2id": {"1": "0"}})",
      "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->CheckLabels().ok()) << config->CheckLabels();
  EXPECT_THAT(config->labels(), ElementsAre("1", "x\ny"));
}

TEST(ConfigTest, DoesNotWaitForAPipe) {
  const std::string path = ::testing::TempDir() + "graft-config-pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const absl::Status status =
      ModelConfig::Read(FileSystem::Posix(), path).status();
  ::unlink(path.c_str());
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("expects a regular file, got a pipe"));
}

TEST(ConfigTest, BadJsonNamesThePlace) {
  EXPECT_THAT(ErrorOf("{\n\"model_type\": }"), HasSubstr("line 2, column"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("config.json: expects JSON"));
  EXPECT_EQ(ErrorOf("[1]"), "config.json: expects an object, got [1]");
  EXPECT_THAT(ErrorOf("{} x"), HasSubstr("expects JSON"));
  EXPECT_THAT(ErrorOf("{\"a\": 1e999}"), HasSubstr("expects JSON"));
  EXPECT_THAT(ErrorOf("{\"a\": \"\xff\"}"), HasSubstr("expects JSON"));
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("config.json: "));
  std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_THAT(ErrorOf(deep), HasSubstr("at most 64 nested values"));
}

TEST(ConfigTest, ReadsAFile) {
  const std::string path = JoinPath(::testing::TempDir(), "graft_config.json");
  FileSystem& files = FileSystem::Posix();
  ASSERT_TRUE(WriteFile(files, path, "{\"model_type\": \"acme\"}").ok());
  EXPECT_EQ(ModelConfig::Read(files, path)->model_type(), "acme");
  ASSERT_TRUE(files.Remove(path).ok());
  EXPECT_TRUE(absl::IsNotFound(ModelConfig::Read(files, path).status()));
}

}  // namespace
}  // namespace graft
