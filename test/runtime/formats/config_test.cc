// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view text) {
  return std::string(ParseBertConfig(text, "config.json").status().message());
}

TEST(ConfigTest, ReadsEveryField) {
  const auto config = ParseBertConfig(R"({
    "architectures": ["BertForSequenceClassification"], "model_type": "bert",
    "vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 128,
    "max_position_embeddings": 32, "type_vocab_size": 3, "pad_token_id": 1,
    "hidden_act": "gelu_new", "layer_norm_eps": 1e-6,
    "initializer_range": 0.05, "hidden_dropout_prob": 0,
    "attention_probs_dropout_prob": 0.2, "classifier_dropout": 0.3,
    "id2label": {"1": "POS", "0": "NEG"}, "label2id": {"NEG": 0, "POS": 1},
    "problem_type": "single_label_classification",
    "transformers_version": "5.0", "use_cache": true, "gradient_checkpointing":
    false})",
                                      "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->architectures,
              ::testing::ElementsAre("BertForSequenceClassification"));
  EXPECT_EQ(config->vocab_size, 100);
  EXPECT_EQ(config->hidden_size, 64);
  EXPECT_EQ(config->head_size(), 16);
  EXPECT_EQ(config->num_hidden_layers, 2);
  EXPECT_EQ(config->intermediate_size, 128);
  EXPECT_EQ(config->max_position_embeddings, 32);
  EXPECT_EQ(config->type_vocab_size, 3);
  EXPECT_EQ(config->pad_token_id, 1);
  EXPECT_EQ(config->hidden_act, Activation::kGeluNew);
  EXPECT_EQ(config->layer_norm_eps, 1e-6);
  EXPECT_EQ(config->initializer_range, 0.05);
  EXPECT_EQ(config->hidden_dropout_prob, 0);
  EXPECT_EQ(config->attention_probs_dropout_prob, 0.2);
  EXPECT_EQ(config->classifier_dropout_rate(), 0.3);
  EXPECT_THAT(config->labels, ::testing::ElementsAre("NEG", "POS"));
  EXPECT_EQ(config->problem_type, "single_label_classification");
}

TEST(ConfigTest, DefaultsAreThoseOfTransformers) {
  const auto config = ParseBertConfig(
      R"({"model_type": "bert", "classifier_dropout": null})", "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, BertConfig());
  EXPECT_EQ(config->classifier_dropout_rate(), 0.1);
  EXPECT_TRUE(config->labels.empty());
}

TEST(ConfigTest, RoundTrips) {
  BertConfig config;
  config.architectures = {"BertModel"};
  config.hidden_act = Activation::kGeluPytorchTanh;
  config.classifier_dropout = 0.25;
  config.labels = {"no", "yes", "\xE4\xB8\xAD"};
  config.problem_type = "single_label_classification";
  config.layer_norm_eps = 1e-12;
  config.pad_token_id = 7;
  const auto back = ParseBertConfig(BertConfigToJson(config), "config.json");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, config);
  const auto plain =
      ParseBertConfig(BertConfigToJson(BertConfig()), "config.json");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(*plain, BertConfig());
}

TEST(ConfigTest, OldFilesAreKnownByArchitecture) {
  EXPECT_TRUE(
      ParseBertConfig(R"({"architectures": ["BertForMaskedLM"]})", "c").ok());
  EXPECT_EQ(ErrorOf(R"({"architectures": ["RobertaModel"]})"),
            "config.json: architectures expects names that begin with Bert, "
            "got [\"RobertaModel\"]");
  EXPECT_EQ(ErrorOf("{}"),
            "config.json: model_type expects \"bert\", got none");
}

TEST(ConfigTest, UnknownModelsAndOptionsAreNamed) {
  const absl::Status status =
      ParseBertConfig(R"({"model_type": "llama"})", "config.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "config.json: model_type expects \"bert\", got \"llama\"");
  EXPECT_EQ(
      ErrorOf(R"({"model_type": "bert", "hidden_act": "swish"})"),
      "config.json: hidden_act expects gelu, gelu_new, gelu_pytorch_tanh, "
      "relu or tanh, got \"swish\"");
  EXPECT_EQ(ErrorOf(R"({"model_type": "bert",
                        "position_embedding_type": "relative_key"})"),
            "config.json: position_embedding_type expects \"absolute\", got "
            "\"relative_key\"");
  EXPECT_EQ(ErrorOf(R"({"model_type": "bert", "is_decoder": true})"),
            "config.json: is_decoder expects false, got true");
  EXPECT_EQ(ErrorOf(R"({"model_type": "bert", "problem_type": "ranking"})"),
            "config.json: problem_type expects regression, "
            "single_label_classification or multi_label_classification, got "
            "\"ranking\"");
}

struct BadField {
  const char* field;
  const char* expected;
};

class ConfigBadFieldTest : public ::testing::TestWithParam<BadField> {};

TEST_P(ConfigBadFieldTest, IsNamedWithExpectedAndFound) {
  const std::string error = ErrorOf(
      absl::StrCat(R"({"model_type": "bert", )", GetParam().field, "}"));
  EXPECT_THAT(error, HasSubstr(GetParam().expected));
  EXPECT_THAT(error, ::testing::StartsWith("config.json: "));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigBadFieldTest,
    ::testing::Values(
        BadField{R"("vocab_size": 0)",
                 "vocab_size expects an integer in [1, 10000000], got 0"},
        BadField{R"("vocab_size": 99999999999999999999)", "vocab_size expects"},
        BadField{R"("vocab_size": 18446744073709551615)", "vocab_size expects"},
        BadField{R"("vocab_size": "100")", "got \"100\""},
        BadField{R"("hidden_size": -64)", "got -64"},
        BadField{R"("hidden_size": 64.0)", "got 64.0"},
        BadField{R"("hidden_size": 100)",
                 "num_attention_heads expects a divisor of hidden_size 100"},
        BadField{R"("num_attention_heads": 0)", "[1, 65536], got 0"},
        BadField{R"("num_hidden_layers": 100000)", "[1, 4096], got 100000"},
        BadField{R"("intermediate_size": true)", "got true"},
        BadField{R"("max_position_embeddings": 65537)", "got 65537"},
        BadField{R"("type_vocab_size": [])", "got []"},
        BadField{R"("vocab_size": 10, "pad_token_id": 10)",
                 "pad_token_id expects an integer in [0, 9], got 10"},
        BadField{R"("layer_norm_eps": -1e-12)", "[0, 1), got -1e-12"},
        BadField{R"("hidden_dropout_prob": 1.0)",
                 "hidden_dropout_prob expects a number in [0, 1), got 1.0"},
        BadField{R"("attention_probs_dropout_prob": "x")", "got \"x\""},
        BadField{R"("classifier_dropout": 1)", "got 1"},
        BadField{R"("hidden_act": 3)", "hidden_act expects a string, got 3"},
        BadField{R"("architectures": "BertModel")", "a list of strings"},
        BadField{R"("architectures": [1])", "a list of strings"},
        BadField{R"("is_decoder": 0)", "is_decoder expects true or false"},
        BadField{R"("id2label": ["a"])", "id2label expects an object"},
        BadField{R"("id2label": {"0": "a", "2": "b"})", "each id 0, 1"},
        BadField{R"("id2label": {"0": "a", "00": "b"})", "each id 0, 1"},
        BadField{R"("id2label": {"0": 1})", "each id 0, 1"},
        BadField{R"("id2label": {"x": "a"})", "each id 0, 1"},
        BadField{R"("id2label": {"0": "a"}, "label2id": {"a": 1})",
                 "label2id expects the inverse of id2label"},
        BadField{R"("label2id": [])", "label2id expects an object"},
        BadField{R"("hidden_size": 64, "hidden_size": 64)",
                 "expects each key once, got a second \"hidden_size\""}));

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
  ASSERT_TRUE(WriteFile(files, path, BertConfigToJson(BertConfig())).ok());
  EXPECT_EQ(ReadBertConfig(files, path).value(), BertConfig());
  ASSERT_TRUE(files.Remove(path).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadBertConfig(files, path).status()));
}

}  // namespace
}  // namespace graft
