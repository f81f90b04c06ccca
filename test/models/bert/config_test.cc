// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/bert/config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<BertConfig> Parse(absl::string_view text) {
  absl::StatusOr<ModelConfig> config = ModelConfig::Parse(text, "config.json");
  if (!config.ok()) return config.status();
  return ReadBertConfig(*config);
}

std::string ErrorOf(absl::string_view text) {
  return std::string(Parse(text).status().message());
}

TEST(BertConfigTest, ReadsEveryField) {
  const auto config = Parse(R"({
    "vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 128,
    "max_position_embeddings": 32, "type_vocab_size": 3, "pad_token_id": 1,
    "hidden_act": "gelu_new", "layer_norm_eps": 1e-6,
    "initializer_range": 0.05, "hidden_dropout_prob": 0,
    "attention_probs_dropout_prob": 0.2, "classifier_dropout": 0.3,
    "use_cache": true, "gradient_checkpointing": false})");
  ASSERT_TRUE(config.ok()) << config.status();
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
}

TEST(BertConfigTest, DefaultsAreThoseOfTransformers) {
  const auto config = Parse(R"({"classifier_dropout": null})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, BertConfig());
  EXPECT_EQ(config->classifier_dropout_rate(), 0.1);
}

TEST(BertConfigTest, RoundTrips) {
  BertConfig config;
  config.hidden_act = Activation::kGeluPytorchTanh;
  config.classifier_dropout = 0.25;
  config.layer_norm_eps = 1e-12;
  config.pad_token_id = 7;
  ModelConfig common("config.json");
  common.SetArchitectures({"BertModel"});
  common.SetLabels({"no", "yes", "\xE4\xB8\xAD"});
  common.SetProblemType("single_label_classification");
  // What BERT does not know is not written.
  common.Set("use_cache", int64_t{1});
  const std::string text = WriteBertConfig(config, common).Text();
  EXPECT_THAT(text, ::testing::Not(HasSubstr("use_cache")));
  const auto back = Parse(text);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, config);
  const auto fields = ModelConfig::Parse(text, "config.json");
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ(fields->model_type(), "bert");
  EXPECT_EQ(fields->architectures(), common.architectures());
  EXPECT_EQ(fields->labels(), common.labels());
  EXPECT_EQ(fields->problem_type(), common.problem_type());
}

TEST(BertConfigTest, UnknownOptionsAreNamed) {
  const absl::Status status = Parse(R"({"hidden_act": "swish"})").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "config.json: hidden_act expects gelu, gelu_new, "
            "gelu_pytorch_tanh, relu or tanh, got \"swish\"");
  EXPECT_EQ(ErrorOf(R"({"position_embedding_type": "relative_key"})"),
            "config.json: position_embedding_type expects \"absolute\", got "
            "\"relative_key\"");
  EXPECT_EQ(ErrorOf(R"({"is_decoder": true})"),
            "config.json: is_decoder expects false, got true");
}

struct BadField {
  const char* field;
  const char* expected;
};

class BertConfigBadFieldTest : public ::testing::TestWithParam<BadField> {};

TEST_P(BertConfigBadFieldTest, IsNamedWithExpectedAndFound) {
  const std::string error = ErrorOf(
      absl::StrCat(R"({"model_type": "bert", )", GetParam().field, "}"));
  EXPECT_THAT(error, HasSubstr(GetParam().expected));
  EXPECT_THAT(error, ::testing::StartsWith("config.json: "));
}

INSTANTIATE_TEST_SUITE_P(
    All, BertConfigBadFieldTest,
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
        BadField{R"("is_decoder": 0)", "is_decoder expects true or false"}));

}  // namespace
}  // namespace graft
