// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/hf_directory.h"

#include <stdlib.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"
#include "test/models/bert/bert_tensors.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HfDirectoryTest : public ::testing::Test {
 protected:
  HfDirectoryTest() {
    char path[] = "/tmp/graft-hf-directory-XXXXXX";
    root_ = mkdtemp(path);
    bert_.vocab_size = 5;
    bert_.hidden_size = 4;
    bert_.num_hidden_layers = 2;
    bert_.num_attention_heads = 2;
    bert_.intermediate_size = 6;
    bert_.max_position_embeddings = 7;
    SetConfig();
    config_.SetLabels({"no", "yes", "maybe"});
  }
  ~HfDirectoryTest() override { std::filesystem::remove_all(root_); }

  // The fields that Transformers needs.
  void SetConfig() {
    config_.SetModelType("bert");
    config_.Set("vocab_size", bert_.vocab_size);
    config_.Set("hidden_size", bert_.hidden_size);
    config_.Set("num_hidden_layers", bert_.num_hidden_layers);
    config_.Set("num_attention_heads", bert_.num_attention_heads);
    config_.Set("intermediate_size", bert_.intermediate_size);
    config_.Set("max_position_embeddings", bert_.max_position_embeddings);
  }

  // Tensors of the model, no two with the same values.
  void MakeTensors(bool pooler, int64_t labels) {
    tensors_.clear();
    data_.clear();
    float next = 0;
    for (const TensorSpec& spec : BertTensors(bert_, pooler, labels)) {
      size_t count = 1;
      for (int64_t extent : spec.shape) count *= static_cast<size_t>(extent);
      std::vector<float>& values = data_.emplace_back(count);
      for (float& value : values) value = std::sin(next += 1.0f);
      tensors_.push_back({spec.name, spec.shape, values});
    }
  }

  absl::Status Write(FileSystem& files, DType dtype = DType::kF32) {
    return WriteHuggingFaceDirectory(files, Path(), config_, tensors_,
                                     tokenizer_, dtype);
  }
  std::string ErrorOf() {
    const absl::Status status = Write(FileSystem::Posix());
    EXPECT_FALSE(std::filesystem::exists(Path()));
    return std::string(status.message());
  }
  std::string Path(absl::string_view name = "") const {
    return absl::StrCat(root_, "/out", name.empty() ? "" : "/", name);
  }
  std::vector<std::string> Entries(const std::string& directory) {
    return *FileSystem::Posix().List(directory);
  }

  std::string root_;
  BertConfig bert_;
  ModelConfig config_{"config.json"};
  std::vector<ModelTensor> tensors_;
  std::vector<std::vector<float>> data_;
  std::vector<NamedText> tokenizer_ = {{"vocab.txt", "[PAD]\n[UNK]\n"},
                                       {"tokenizer_config.json", "{}"}};
};

TEST_F(HfDirectoryTest, WritesAClassifier) {
  MakeTensors(/*pooler=*/true, /*labels=*/3);
  ASSERT_TRUE(Write(FileSystem::Posix()).ok());
  EXPECT_THAT(Entries(root_), ElementsAre("out"));
  EXPECT_THAT(Entries(Path()),
              ElementsAre("config.json", "model.safetensors",
                          "tokenizer_config.json", "vocab.txt"));

  const auto config =
      ModelConfig::Read(FileSystem::Posix(), Path("config.json"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->architectures(),
              ElementsAre("BertForSequenceClassification"));
  EXPECT_EQ(config->labels(), config_.labels());
  int64_t hidden = 0;
  ASSERT_TRUE(config->Integer("hidden_size", 1, 100, hidden).ok());
  EXPECT_EQ(hidden, 4);

  const auto file =
      SafetensorsFile::Open(FileSystem::Posix(), Path("model.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  ASSERT_EQ((*file)->tensors().size(), tensors_.size());
  for (const ModelTensor& tensor : tensors_) {
    const std::string name = absl::StrCat(
        tensor.name.substr(0, 11) == "classifier." ? "" : "bert.", tensor.name);
    std::vector<float> values(tensor.values.size());
    const absl::Status read =
        (*file)->ReadFloats(name, tensor.shape, absl::MakeSpan(values));
    ASSERT_TRUE(read.ok()) << read;
    EXPECT_EQ(absl::MakeConstSpan(values), tensor.values) << name;
  }
}

TEST_F(HfDirectoryTest, WritesAnEncoderInHalfPrecision) {
  MakeTensors(/*pooler=*/false, /*labels=*/0);
  config_.SetArchitectures({"BertModel"});
  ASSERT_TRUE(Write(FileSystem::Posix(), DType::kBF16).ok());
  const auto config =
      ModelConfig::Read(FileSystem::Posix(), Path("config.json"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->architectures(), ElementsAre("BertModel"));
  const auto file =
      SafetensorsFile::Open(FileSystem::Posix(), Path("model.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorView* table =
      (*file)->Find("embeddings.token_type_embeddings.weight");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->dtype, DType::kBF16);
  EXPECT_EQ((*file)->Find("pooler.dense.weight"), nullptr);
}

TEST_F(HfDirectoryTest, NamesAreThoseOfTheModelType) {
  const auto architecture = [&](absl::string_view type,
                                std::vector<std::string> read) {
    std::filesystem::remove_all(Path());
    config_.SetModelType(type);
    config_.SetArchitectures(std::move(read));
    EXPECT_TRUE(Write(FileSystem::Posix()).ok());
    const auto config =
        ModelConfig::Read(FileSystem::Posix(), Path("config.json"));
    const auto file =
        SafetensorsFile::Open(FileSystem::Posix(), Path("model.safetensors"));
    EXPECT_NE((*file)->Find(absl::StrCat(type, ".words")), nullptr);
    EXPECT_NE((*file)->Find("classifier.bias"), nullptr);
    return config->architectures().at(0);
  };
  const float values[] = {1, 2, 3};
  tensors_ = {{"words", {3}, values}, {"classifier.bias", {3}, values}};
  EXPECT_EQ(architecture("bert", {}), "BertForSequenceClassification");
  EXPECT_EQ(architecture("bert", {"BertLMHeadModel"}),
            "BertForSequenceClassification");
  EXPECT_EQ(architecture("xlm-roberta", {"XLMRobertaModel"}),
            "XLMRobertaForSequenceClassification");
  EXPECT_EQ(architecture("mean_words", {"Other"}),
            "MeanWordsForSequenceClassification");

  // A head by another name: no model of Transformers.
  std::filesystem::remove_all(Path());
  config_.SetArchitectures({"Other"});
  tensors_ = {{"words", {3}, values}, {"output.bias", {3}, values}};
  ASSERT_TRUE(Write(FileSystem::Posix()).ok());
  const auto file =
      SafetensorsFile::Open(FileSystem::Posix(), Path("model.safetensors"));
  EXPECT_NE((*file)->Find("words"), nullptr);
  EXPECT_THAT(ModelConfig::Read(FileSystem::Posix(), Path("config.json"))
                  ->architectures(),
              ElementsAre("Other"));
}

TEST_F(HfDirectoryTest, WritesIntoAnEmptyDirectoryOnly) {
  MakeTensors(true, 3);
  std::filesystem::create_directory(Path());
  ASSERT_TRUE(Write(FileSystem::Posix()).ok());
  const absl::Status again = Write(FileSystem::Posix());
  EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;
  EXPECT_THAT(
      std::string(again.message()),
      HasSubstr("expects a new or empty directory, got one with files"));
}

TEST_F(HfDirectoryTest, FillsADirectoryThatIsThere) {
  MakeTensors(true, 3);
  // As what is mounted, the working directory stays.
  std::filesystem::create_directory(Path());
  std::filesystem::permissions(Path(), std::filesystem::perms(0750));
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(Path());
  const absl::Status status = WriteHuggingFaceDirectory(
      FileSystem::Posix(), ".", config_, tensors_, tokenizer_);
  EXPECT_THAT(Entries("."), ElementsAre("config.json", "model.safetensors",
                                        "tokenizer_config.json", "vocab.txt"));
  std::filesystem::current_path(before);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(std::filesystem::status(Path()).permissions(),
            std::filesystem::perms(0750));
  EXPECT_THAT(Entries(root_), ElementsAre("out"));
}

TEST_F(HfDirectoryTest, AFailureLeavesADirectoryEmpty) {
  using Operation = FaultyFileSystem::Operation;
  MakeTensors(true, 3);
  int left_empty = 0;
  for (const Operation operation : {Operation::kOpenWrite, Operation::kAppend,
                                    Operation::kCommit, Operation::kMetadata}) {
    for (int64_t nth = 1;; ++nth) {
      std::filesystem::remove_all(Path());
      std::filesystem::create_directory(Path());
      FaultyFileSystem files(FileSystem::Posix());
      files.FailCall(operation, nth, EIO, /*sticky=*/false);
      const absl::Status status = Write(files);
      if (status.ok()) break;
      if (Entries(Path()).empty()) {
        ++left_empty;
        continue;
      }
      // It was the last step, which makes it durable, or that before.
      EXPECT_THAT(Entries(Path()),
                  ElementsAre("config.json", "model.safetensors",
                              "tokenizer_config.json", "vocab.txt"));
    }
  }
  EXPECT_GT(left_empty, 15);
}

TEST_F(HfDirectoryTest, SaysThatNothingIsDownloaded) {
  FileSystem& files = FileSystem::Posix();
  EXPECT_TRUE(CheckCheckpointDirectory(files, root_, root_).ok());
  EXPECT_EQ(CheckCheckpointDirectory(files, Path(), "--model").message(),
            "--model: expects a checkpoint directory, got nothing of that "
            "name; nothing is downloaded");
  std::ofstream(Path()) << "text";
  EXPECT_EQ(CheckCheckpointDirectory(files, Path(), "--model").message(),
            "--model: expects a checkpoint directory, got a file; `graft "
            "export` makes one of a trained artifact");
}

TEST_F(HfDirectoryTest, AcceptsATrailingSlash) {
  MakeTensors(true, 3);
  ASSERT_TRUE(WriteHuggingFaceDirectory(FileSystem::Posix(), Path() + "/",
                                        config_, tensors_, tokenizer_)
                  .ok());
  EXPECT_TRUE(std::filesystem::exists(Path("config.json")));
}

TEST_F(HfDirectoryTest, LeavesWhatLiesBeside) {
  MakeTensors(true, 3);
  std::filesystem::create_directory(Path() + ".tmp");
  std::ofstream(Path() + ".tmp/notes") << "mine";
  ASSERT_TRUE(Write(FileSystem::Posix()).ok());
  EXPECT_THAT(Entries(root_), ElementsAre("out", "out.tmp"));
  EXPECT_TRUE(std::filesystem::exists(Path() + ".tmp/notes"));
}

TEST_F(HfDirectoryTest, NamesTheTensorThatDoesNotFit) {
  MakeTensors(true, 3);
  const std::vector<ModelTensor> whole = tensors_;

  tensors_.push_back(whole[0]);
  EXPECT_THAT(ErrorOf(), HasSubstr("expects to be given once"));

  tensors_ = whole;
  tensors_.back().values.remove_suffix(1);
  EXPECT_EQ(ErrorOf(),
            "tensor 'classifier.bias' expects 3 values of shape [3], got 2");

  tensors_ = whole;
  config_.SetLabels({});
  EXPECT_THAT(ErrorOf(), HasSubstr("names of its labels"));
}

TEST_F(HfDirectoryTest, NamesTheTokenizerFileThatDoesNotFit) {
  MakeTensors(true, 3);
  tokenizer_ = {{"vocab.txt", ""}, {"../evil", ""}};
  EXPECT_THAT(ErrorOf(), HasSubstr("got ../evil"));
  tokenizer_ = {{"tokenizer_config.json", "{}"}};
  EXPECT_THAT(ErrorOf(), HasSubstr("tokenizer.json or vocab.txt, got neither"));
}

TEST_F(HfDirectoryTest, AFullDiskLeavesNothing) {
  MakeTensors(true, 3);
  int failures = 0;
  for (uint64_t bytes = 0; bytes < 16384; bytes += 512) {
    FaultyFileSystem files(FileSystem::Posix());
    files.FailWritesAfter(bytes, ENOSPC);
    const absl::Status status = Write(files);
    if (status.ok()) break;
    ++failures;
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(Entries(root_), IsEmpty());
  }
  EXPECT_GT(failures, 3);
  EXPECT_THAT(Entries(root_), ElementsAre("out"));
}

// What load_hf_directory.py prints about the directory.
std::string LoadedByTransformers(const std::string& python,
                                 const std::string& directory) {
  const std::string command =
      absl::StrCat(python, " ", GRAFT_SOURCE_DIR,
                   "/test/runtime/formats/load_hf_directory.py ", directory,
                   " 'A dog, cats' 2> ", directory, ".log");
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "cannot start " + command;
  char buffer[4096];
  while (const size_t count = fread(buffer, 1, sizeof(buffer), pipe))
    output.append(buffer, count);
  if (pclose(pipe) != 0) {
    std::ifstream log(directory + ".log");
    output.append(std::istreambuf_iterator<char>(log), {});
  }
  return output;
}

TEST_F(HfDirectoryTest, TransformersOpensIt) {
  const char* python = getenv("GRAFT_REFERENCE_PYTHON");
  if (python == nullptr || *python == 0)
    GTEST_SKIP() << "GRAFT_REFERENCE_PYTHON is not set";
  tokenizer_ = {
      {"vocab.txt",
       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ndog\ncat\n##s\n,\n"},
      {"tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\"}"}};
  bert_.vocab_size = 10;
  SetConfig();
  MakeTensors(/*pooler=*/true, /*labels=*/3);
  ASSERT_TRUE(Write(FileSystem::Posix()).ok());
  const std::string classifier = LoadedByTransformers(python, Path());
  EXPECT_THAT(classifier, HasSubstr("ids [2, 5, 6, 9, 7, 8, 3]\n"));
  EXPECT_THAT(classifier, HasSubstr("labels ['no', 'yes', 'maybe']\n"));
  EXPECT_THAT(classifier, HasSubstr("logits [1, 3] True\n"));

  std::filesystem::remove_all(Path());
  MakeTensors(/*pooler=*/true, /*labels=*/0);
  config_.SetArchitectures({"BertModel"});
  ASSERT_TRUE(Write(FileSystem::Posix(), DType::kF16).ok());
  EXPECT_THAT(LoadedByTransformers(python, Path()),
              HasSubstr("hidden [1, 7, 4]\n"));
}

}  // namespace
}  // namespace graft
