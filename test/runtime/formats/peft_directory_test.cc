// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/peft_directory.h"

#include <stdlib.h>

#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/formats/labels.h"
#include "runtime/formats/merge_adapters.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PeftDirectoryTest : public ::testing::Test {
 protected:
  PeftDirectoryTest() : config_("config.json") {
    char path[] = "/tmp/graft-peft-XXXXXX";
    root_ = mkdtemp(path);
    directory_ = JoinPath(root_, "peft");
    config_.SetModelType("bert");
    for (size_t i = 0; i < values_.size(); ++i)
      values_[i] = static_cast<float>(i);
  }
  ~PeftDirectoryTest() override { std::filesystem::remove_all(root_); }

  ModelTensor Tensor(std::string name, std::vector<int64_t> shape) {
    size_t count = 1;
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    return {std::move(name), std::move(shape),
            absl::MakeConstSpan(values_).first(count)};
  }
  // Two layers of which the query is adapted, and a head.
  PeftContent Content() {
    PeftContent content{config_, "base", {}, {}, 1.5f, {&bias_, &weight_}, {}};
    for (const char* layer : {"encoder.layer.0.", "encoder.layer.1."}) {
      for (const char* name :
           {"self.query.weight", "self.key.weight", "output.dense.weight"})
        content.parameters.push_back(absl::StrCat(layer, name));
      content.adapted.push_back(
          {absl::StrCat(layer, "self.query.weight"), &a_, &b_, nullptr});
    }
    content.parameters.insert(content.parameters.end(),
                              {"classifier.weight", "classifier.bias"});
    return content;
  }
  absl::Status Write(const PeftContent& content) {
    return WritePeftDirectory(files_, directory_, content, DType::kF32);
  }
  nlohmann::json ReadConfig() {
    return nlohmann::json::parse(
        *ReadFile(files_, JoinPath(directory_, std::string(kPeftConfig))));
  }
  // Writes the content with `key` as `value`, and reads it.
  absl::StatusOr<PeftAdapters> ReadWith(const char* key,
                                        const nlohmann::json& value) {
    std::filesystem::remove_all(directory_);
    EXPECT_TRUE(Write(Content()).ok());
    nlohmann::json config = ReadConfig();
    config[key] = value;
    EXPECT_TRUE(WriteFile(files_,
                          JoinPath(directory_, std::string(kPeftConfig)),
                          config.dump())
                    .ok());
    return ReadPeftDirectory(files_, directory_);
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string root_, directory_;
  ModelConfig config_;
  std::vector<float> values_ = std::vector<float>(64);
  ModelTensor a_ = Tensor("a", {2, 4}), b_ = Tensor("b", {3, 2});
  ModelTensor norms_ = Tensor("norms", {3});
  ModelTensor weight_ = Tensor("classifier.weight", {5, 4});
  ModelTensor bias_ = Tensor("classifier.bias", {5});
};

TEST_F(PeftDirectoryTest, ReadsWhatItWrites) {
  ASSERT_TRUE(Write(Content()).ok());
  absl::StatusOr<PeftAdapters> read = ReadPeftDirectory(files_, directory_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rank, 2);
  EXPECT_EQ(read->alpha, 3);
  EXPECT_EQ(read->scale, 1.5);
  EXPECT_FALSE(read->dora);
  EXPECT_THAT(read->targets, ElementsAre("query"));
  ASSERT_EQ(read->modules.size(), 2);
  EXPECT_EQ(read->modules[1].module, "bert.encoder.layer.1.self.query");
  EXPECT_EQ(read->modules[1].a->name,
            "base_model.model.bert.encoder.layer.1.self.query.lora_A.weight");
  EXPECT_THAT(read->modules[1].b->shape, ElementsAre(3, 2));
  ASSERT_EQ(read->saved.size(), 2);
  std::vector<std::string> saved = {read->saved[0].first, read->saved[1].first};
  EXPECT_THAT(saved, ::testing::UnorderedElementsAre("classifier.bias",
                                                     "classifier.weight"));
}

TEST_F(PeftDirectoryTest, NamesWhatPeftReads) {
  PeftContent content = Content();
  for (AdaptedTensor& matrix : content.adapted) matrix.magnitude = &norms_;
  content.labels = {"yes", "no", "maybe", "never", "always"};
  ASSERT_TRUE(Write(content).ok());
  const nlohmann::json config = ReadConfig();
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["task_type"], "SEQ_CLS");
  EXPECT_EQ(config["base_model_name_or_path"], "base");
  EXPECT_EQ(config["use_dora"], true);
  EXPECT_EQ(config["modules_to_save"], nlohmann::json({"classifier"}));
  EXPECT_TRUE(config["lora_alpha"].is_number_integer());
  const absl::StatusOr<PeftAdapters> read =
      ReadPeftDirectory(files_, directory_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->modules[0].magnitude->name,
            "base_model.model.bert.encoder.layer.0.self.query."
            "lora_magnitude_vector");
  EXPECT_EQ(*ReadLabels(files_, JoinPath(directory_, "labels.json")),
            content.labels);
}

// target_modules are ends of names that no other module has.
TEST_F(PeftDirectoryTest, ChoosesTargets) {
  PeftContent content = Content();
  content.adapted.pop_back();
  ASSERT_TRUE(Write(content).ok());
  EXPECT_EQ(ReadConfig()["target_modules"], nlohmann::json({"0.self.query"}));
}

TEST_F(PeftDirectoryTest, KeepsOddScales) {
  PeftContent content = Content();
  content.scale = 5.0f / 2;
  ASSERT_TRUE(Write(content).ok());
  EXPECT_EQ(ReadConfig()["lora_alpha"], 5);
  std::filesystem::remove_all(directory_);
  content.scale = std::nextafter(1.0f, 2.0f);
  ASSERT_TRUE(Write(content).ok());
  EXPECT_EQ(static_cast<float>(ReadPeftDirectory(files_, directory_)->scale),
            content.scale);
}

TEST_F(PeftDirectoryTest, ReadsTheDefaultsOfPeft) {
  absl::StatusOr<PeftAdapters> read = ReadWith("use_rslora", true);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_DOUBLE_EQ(read->scale, 3 / std::sqrt(2.0));
  read = ReadWith("target_modules", ".*query");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->targets.empty());
  // Without lora_alpha it is 8.
  nlohmann::json config = ReadConfig();
  config.erase("lora_alpha");
  ASSERT_TRUE(WriteFile(files_, JoinPath(directory_, std::string(kPeftConfig)),
                        config.dump())
                  .ok());
  EXPECT_EQ(ReadPeftDirectory(files_, directory_)->scale, 4);
}

TEST_F(PeftDirectoryTest, RefusesOtherAdapters) {
  const struct {
    const char* key;
    nlohmann::json value;
    const char* message;
  } cases[] = {
      {"peft_type", "LOHA", "peft_type expects LORA, got \"LOHA\""},
      {"peft_type", nullptr, "peft_type expects LORA, got null"},
      {"alpha_pattern", {{"query", 2}}, "alpha_pattern expects nothing"},
      {"lora_bias", true, "lora_bias expects nothing"},
      {"fan_in_fan_out", true, "fan_in_fan_out expects nothing"},
      {"trainable_token_indices", {1}, "trainable_token_indices expects"},
      {"bias", "lora_only", "bias expects \"none\", got \"lora_only\""},
      {"init_lora_weights", "olora", "got \"olora\""},
      {"r", 2.5, "r expects a whole number in [1, 65536], got 2.5"},
      {"r", 0, "r expects a whole number in [1, 65536], got 0"},
      {"r", 4, "expects [r, in] with the r of"},
      {"lora_alpha", -1, "lora_alpha expects a positive number, got -1"},
      {"use_dora", 1, "use_dora expects true or false, got 1"},
      {"use_dora", true, "lora_magnitude_vector', got none"},
      {"target_modules", {1}, "target_modules expects names, got [1]"}};
  for (const auto& test : cases) {
    const absl::Status status = ReadWith(test.key, test.value).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message))
        << test.key;
    EXPECT_THAT(std::string(status.message()), HasSubstr(directory_))
        << test.key;
  }
  ASSERT_TRUE(
      WriteFile(files_, JoinPath(directory_, std::string(kPeftConfig)), "[]")
          .ok());
  EXPECT_THAT(
      std::string(ReadPeftDirectory(files_, directory_).status().message()),
      HasSubstr("adapter_config.json: expects an object, got []"));
}

TEST_F(PeftDirectoryTest, RefusesRanksThatDiffer) {
  PeftContent content = Content();
  const ModelTensor other = Tensor("other", {1, 4});
  content.adapted[1].a = &other;
  EXPECT_EQ(Write(content).message(),
            "encoder.layer.1.self.query.weight expects adapters of rank 2, as "
            "others have, got 1");
  EXPECT_FALSE(files_.Exists(directory_));
}

TEST(MergeAdaptersTest, AddsAndScalesRows) {
  std::vector<float> matrix = {1, 0, 0, 2, 0, 0};
  const std::vector<float> left = {1, 2, 0}, right = {3, 4};
  MergeAdapters({left, right, 1, 0.5, {}}, absl::MakeSpan(matrix));
  EXPECT_THAT(matrix, ElementsAre(2.5f, 2, 3, 6, 0, 0));
  matrix = {1.5, 2, 0, 0, 0, 0};
  const std::vector<float> norms = {10, 3, 7};
  MergeAdapters({left, right, 1, 1, norms}, absl::MakeSpan(matrix));
  // Of length 7.5; of the direction of right alone; and of no direction.
  EXPECT_THAT(matrix, ElementsAre(6, 8, 1.8f, 2.4f, 0, 0));
}

}  // namespace
}  // namespace graft
