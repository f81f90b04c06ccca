// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/checkpoint_weights.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kIndex[] = "model.safetensors.index.json";

class CheckpointWeightsTest : public ::testing::Test {
 protected:
  CheckpointWeightsTest() {
    char path[] = "/tmp/graft-weights-XXXXXX";
    directory_ = mkdtemp(path);
  }
  ~CheckpointWeightsTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(absl::string_view name) const {
    return JoinPath(directory_, name);
  }
  void WriteText(absl::string_view name, absl::string_view text) {
    ASSERT_TRUE(WriteFile(files_, Path(name), text).ok());
  }
  // Writes one tensor of two values.
  void WriteTensor(absl::string_view file, const std::string& name,
                   std::vector<float> values) {
    std::vector<uint8_t> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    const TensorView view{
        {name, DType::kF32, {static_cast<int64_t>(values.size())}}, bytes};
    ASSERT_TRUE(
        WriteSafetensors(files_, Path(file), absl::MakeConstSpan(&view, 1))
            .ok());
  }
  // Two files with a tensor each, and their index.
  void WriteTwo() {
    WriteTensor("one.safetensors", "a", {1, 2});
    WriteTensor("two.safetensors", "b", {3, 4});
    WriteText(kIndex, R"({"metadata": {"total_size": 16}, "weight_map":
        {"a": "one.safetensors", "b": "two.safetensors"}})");
  }
  absl::StatusOr<std::unique_ptr<CheckpointWeights>> Open() {
    absl::StatusOr<std::string> path =
        FindCheckpointWeights(files_, directory_);
    if (!path.ok()) return path.status();
    return CheckpointWeights::Open(files_, *path);
  }
  std::string ErrorOf(absl::StatusCode code) {
    const absl::Status status = Open().status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string directory_;
};

TEST_F(CheckpointWeightsTest, ReadsTheFilesOfAnIndexAsOne) {
  WriteTwo();
  const auto weights = Open();
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ((*weights)->path(), Path(kIndex));
  EXPECT_EQ((*weights)->tensors().size(), 2u);
  EXPECT_EQ((*weights)->PathOf("b"), Path("two.safetensors"));
  std::vector<float> values(2);
  ASSERT_TRUE((*weights)->ReadFloats("b", {2}, absl::MakeSpan(values)).ok());
  EXPECT_THAT(values, ElementsAre(3, 4));
  EXPECT_THAT(std::string((*weights)->Get("b", {3}).status().message()),
              HasSubstr("two.safetensors: tensor 'b' expects shape [3]"));
  EXPECT_THAT(std::string((*weights)->Get("c", {3}).status().message()),
              HasSubstr("index.json: expects a tensor 'c', got 2 others in 2 "
                        "files"));
  EXPECT_THAT(*ListCheckpointFiles(files_, directory_),
              ElementsAre(Path(kIndex), Path("one.safetensors"),
                          Path("two.safetensors")));
}

TEST_F(CheckpointWeightsTest, OneFileHoldsPrecedence) {
  WriteTwo();
  WriteTensor("model.safetensors", "whole", {5});
  const auto weights = Open();
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_TRUE((*weights)->Find("whole"));
  EXPECT_FALSE((*weights)->Find("a"));
  EXPECT_THAT(*ListCheckpointFiles(files_, directory_),
              ElementsAre(Path("model.safetensors")));
}

TEST_F(CheckpointWeightsTest, LeavesOutWhatTheIndexDoesNotList) {
  WriteTwo();
  WriteText(kIndex, R"({"weight_map": {"a": "one.safetensors"}})");
  const auto weights = Open();
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ((*weights)->tensors().size(), 1u);
}

TEST_F(CheckpointWeightsTest, NamesWhatIsWrongWithAnIndex) {
  WriteTwo();
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& wrong : {
           Case{"{", "index.json: expects JSON"},
           Case{"[]", "weight_map expects an object with a file for each"},
           Case{"{}", "weight_map expects an object with a file for each"},
           Case{R"({"weight_map": {}})", "got {}"},
           Case{R"({"weight_map": {"a": 1}})",
                "weight_map of 'a' expects the name of a file, got 1"},
           Case{R"({"weight_map": {"a": "../one.safetensors"}})",
                "expects a file in the same directory, got \"../one"},
           Case{R"({"weight_map": {"a": "/etc/passwd"}})",
                "expects a file in the same directory, got \"/etc"},
           Case{R"({"weight_map": {"a": ".."}})",
                "expects a file in the same directory"},
           Case{R"({"weight_map": {"b": "one.safetensors"}})",
                "one.safetensors: expects the tensor 'b', which "},
       }) {
    WriteText(kIndex, wrong.text);
    EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
                HasSubstr(wrong.message))
        << wrong.text;
  }
  WriteText(kIndex, std::string(20000, '['));
  ErrorOf(absl::StatusCode::kInvalidArgument);
  WriteText(kIndex, R"({"weight_map": {"a": "three.safetensors"}})");
  EXPECT_THAT(ErrorOf(absl::StatusCode::kNotFound),
              HasSubstr("three.safetensors: no such file, where "));
}

TEST_F(CheckpointWeightsTest, NamesTheFormatThatItDoesNotRead) {
  EXPECT_THAT(ErrorOf(absl::StatusCode::kNotFound),
              HasSubstr("expects model.safetensors or "
                        "model.safetensors.index.json, got none"));
  WriteText("pytorch_model.bin", "");
  EXPECT_THAT(ErrorOf(absl::StatusCode::kNotFound),
              HasSubstr(absl::StrCat("got pytorch_model.bin; this converts "
                                     "it:\n  python3 -c '")));
  std::filesystem::remove(Path("pytorch_model.bin"));
  WriteText("tf_model.h5", "");
  EXPECT_THAT(ErrorOf(absl::StatusCode::kNotFound),
              HasSubstr("got tf_model.h5; Transformers converts it"));
}

TEST_F(CheckpointWeightsTest, DoesNotWaitForAPipe) {
  ASSERT_EQ(mkfifo(Path("model.safetensors").c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf(absl::StatusCode::kFailedPrecondition),
              HasSubstr("model.safetensors: expects a regular file, got a "
                        "pipe"));
  std::filesystem::remove(Path("model.safetensors"));
  std::filesystem::create_directory(Path("model.safetensors"));
  EXPECT_THAT(ErrorOf(absl::StatusCode::kFailedPrecondition),
              HasSubstr("model.safetensors: cannot read"));
}

TEST_F(CheckpointWeightsTest, FindsValuesThatAreNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr size_t kCount = 10000;
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    for (const size_t place : {size_t{0}, size_t{4095}, kCount - 1}) {
      std::vector<float> values(kCount, 3.4e38f);
      values[place] = bad;
      WriteTensor("model.safetensors", "a", values);
      const auto weights = Open();
      ASSERT_TRUE(weights.ok()) << weights.status();
      EXPECT_THAT(
          std::string((*weights)->CheckFinite("a").message()),
          HasSubstr(absl::StrCat("model.safetensors: tensor 'a' expects finite "
                                 "values, got NaN or infinity at element ",
                                 place)));
    }
  }
  WriteTensor("model.safetensors", "a", std::vector<float>(kCount, 3.4e38f));
  EXPECT_TRUE((*Open())->CheckFinite("a").ok());
}

TEST_F(CheckpointWeightsTest, FindsThemInEveryFloatType) {
  const auto check = [&](DType dtype, uint64_t bits) {
    std::vector<uint8_t> bytes(DTypeSize(dtype));
    std::memcpy(bytes.data(), &bits, bytes.size());
    const TensorView view{{"a", dtype, {1}}, bytes};
    EXPECT_TRUE(WriteSafetensors(files_, Path("model.safetensors"),
                                 absl::MakeConstSpan(&view, 1))
                    .ok());
    return (*Open())->CheckFinite("a").ok();
  };
  EXPECT_FALSE(check(DType::kF16, 0x7C00));
  EXPECT_TRUE(check(DType::kF16, 0x7BFF));
  EXPECT_FALSE(check(DType::kBF16, 0xFF80));
  EXPECT_TRUE(check(DType::kBF16, 0x7F7F));
  EXPECT_FALSE(check(DType::kF64, 0x7FF0000000000000));
  EXPECT_FALSE(check(DType::kF64, 0x7FE0000000000000));  // no float has it
  EXPECT_TRUE(check(DType::kF64, 0x3FF0000000000000));
  EXPECT_TRUE(check(DType::kI64, 0x7FF0000000000000));
}

}  // namespace
}  // namespace graft
