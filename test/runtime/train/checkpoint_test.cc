// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/checkpoint.h"

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"
#include "runtime/formats/safetensors.h"
#include "test/runtime/host/program.h"
#include "test/runtime/train/nested_spec.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace host_program;  // NOLINT: the language of a program

double& Register(HostState& state, const std::string& name,
                 const ArtifactSpec& spec) {
  ArtifactSpec copy = spec;
  return state.registers[RegisterIndex(name, copy)];
}

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/graft_checkpoint_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    path_ = CheckpointPath(directory_, 5);
  }
  void TearDown() override {
    EXPECT_TRUE(RemoveTree(FileSystem::Posix(), directory_).ok());
  }

  // A parameter, a state that begins as zeros, and one of integers.
  struct Memory {
    std::vector<float> a = std::vector<float>(6);
    std::vector<float> b = std::vector<float>(2);
    std::vector<int32_t> c = std::vector<int32_t>(1);
    bool operator==(const Memory&) const = default;
  };
  template <typename T>
  static absl::Span<uint8_t> Bytes(std::vector<T>& values) {
    return {reinterpret_cast<uint8_t*>(values.data()),
            values.size() * sizeof(T)};
  }
  static std::vector<StateTensor> Tensors(Memory& memory) {
    return {{"model.w", DType::kF32, {2, 3}, Bytes(memory.a)},
            {"model.w.moment", DType::kF32, {2}, Bytes(memory.b), true},
            {"model.count", DType::kI32, {1}, Bytes(memory.c), true}};
  }

  RunState Beginning() const { return {BeginningOf(spec_)}; }
  absl::Status Save(const RunState& state, Memory memory,
                    FileSystem* files = nullptr) {
    return SaveCheckpoint(files ? *files : files_, path_, state, spec_,
                          Tensors(memory));
  }
  absl::StatusOr<RunState> Load(Memory& memory) {
    return LoadCheckpoint(files_, path_, spec_, spec_.host_programs[0],
                          Tensors(memory));
  }
  // The file's text with one replacement.
  void Replace(absl::string_view from, absl::string_view to) {
    const std::string text = ReadFile(files_, path_).value();
    const std::string changed = absl::StrReplaceAll(text, {{from, to}});
    ASSERT_NE(text, changed) << from;
    ASSERT_TRUE(WriteFile(files_, path_, changed).ok());
  }

  std::string directory_, path_;
  FileSystem& files_ = FileSystem::Posix();
  const ArtifactSpec spec_ = NestedSpec();
};

TEST_F(CheckpointTest, RoundTripIsExact) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Memory memory;
  memory.a = {1.0f / 3, -0.0f, 1e-38f, 1e-45f, INFINITY, 5};
  memory.b = {0, -0.0f};  // not the zeros that files leave out
  memory.c = {-7};
  RunState state = Beginning();
  state.seed = 0xFFFFFFFFFFFFFFFF;
  state.run = {{"model", "run-id"}};
  state.logged = 98765;
  state.kept = {"best", "last"};
  state.host.at = kInMicroBatch;
  state.host.marks = 120;
  state.host.streams[0] = {31, 2, 4};
  state.host.streams[1] = {7, -1, 5};
  state.host.filled = {true, false};
  const std::vector<std::pair<std::string, double>> values = {
      {"epoch", -kInfinity},
      {"a", 0.1 + 0.2},
      {"b", -0.0},
      {"c", 5e-324},
      {"d", kInfinity}};
  for (const auto& [name, value] : values)
    Register(state.host, name, spec_) = value;
  // Of the artifact or of whoever runs it, and not of the checkpoint.
  Register(state.host, "rate", spec_) = 0.25;
  ASSERT_TRUE(Save(state, memory).ok());

  Memory read;
  auto loaded = Load(read);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(read, memory);
  EXPECT_TRUE(std::signbit(read.a[1]));
  EXPECT_TRUE(std::signbit(read.b[1]));
  EXPECT_EQ(loaded->seed, state.seed);
  ASSERT_EQ(loaded->run.size(), 1u);
  EXPECT_EQ(loaded->run[0].name, "model");
  EXPECT_EQ(loaded->run[0].value, "run-id");
  EXPECT_EQ(loaded->logged, 98765u);
  EXPECT_EQ(loaded->kept, state.kept);
  EXPECT_EQ(PartOf(*ReadRunOf(files_, path_), "model"), "run-id");
  EXPECT_EQ(loaded->host.at, kInMicroBatch);
  EXPECT_EQ(loaded->host.marks, 120);
  EXPECT_EQ(loaded->host.streams, state.host.streams);
  EXPECT_EQ(loaded->host.filled, state.host.filled);
  for (const auto& [name, value] : values)
    EXPECT_EQ(std::bit_cast<uint64_t>(Register(loaded->host, name, spec_)),
              std::bit_cast<uint64_t>(value))
        << name;
  EXPECT_EQ(Register(loaded->host, "rate", spec_), 0.5);
  EXPECT_EQ(Register(loaded->host, "every", spec_), 10);

  Register(state.host, "a", spec_) = std::nan("");
  ASSERT_TRUE(Save(state, memory).ok());
  loaded = Load(read);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(std::isnan(Register(loaded->host, "a", spec_)));
}

TEST_F(CheckpointTest, StatesOfZerosAreLeftOut) {
  Memory memory;
  memory.c = {3};
  ASSERT_TRUE(Save(Beginning(), memory).ok());
  auto file = SafetensorsFile::Open(files_, path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_NE((*file)->Find("model.w"), nullptr);  // zeros of a parameter
  EXPECT_EQ((*file)->Find("model.w.moment"), nullptr);
  EXPECT_NE((*file)->Find("model.count"), nullptr);
  Memory read;
  read.b = {8, 9};
  ASSERT_TRUE(Load(read).ok());
  EXPECT_EQ(read, memory);
}

TEST_F(CheckpointTest, EachDamagedSectionIsNamed) {
  Memory memory;
  memory.a = {1, 2, 3, 4, 5, 6};
  memory.b = {7, 8};
  memory.c = {9};
  RunState state = Beginning();
  state.seed = 12345;
  state.run = {{"model", "run-id"}};
  state.logged = 98765;
  state.kept = {"best", "last"};
  state.host.marks = 678;
  ASSERT_TRUE(Save(state, memory).ok());
  const std::string whole = ReadFile(files_, path_).value();
  const auto error = [&](const std::string& text) {
    EXPECT_TRUE(WriteFile(files_, path_, text).ok());
    Memory read;
    const Memory before = read;
    const absl::Status status = Load(read).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_EQ(read, before);
    EXPECT_THAT(std::string(status.message()), HasSubstr("is damaged"));
    return std::string(status.message());
  };
  // Any byte of a tensor.
  std::vector<std::pair<std::string, BatchRange>> sections;
  {
    auto file = SafetensorsFile::Open(files_, path_).value();
    const size_t data = whole.size() - (6 + 2 + 1) * 4;
    const uint8_t* first = file->tensors().front().data.data();
    for (const TensorView& tensor : file->tensors())
      first = std::min(first, tensor.data.data());
    for (const TensorView& tensor : file->tensors()) {
      const auto begin =
          static_cast<int64_t>(data + (tensor.data.data() - first));
      sections.push_back(
          {tensor.name,
           {begin, begin + static_cast<int64_t>(tensor.data.size())}});
    }
  }
  ASSERT_EQ(sections.size(), 3u);
  for (const auto& [name, range] : sections) {
    for (int64_t i = range.begin; i < range.end; ++i) {
      std::string flipped = whole;
      flipped[i] ^= static_cast<char>(1 << (i % 8));
      EXPECT_THAT(error(flipped),
                  HasSubstr(absl::StrCat(path_, ": ", name,
                                         ": expects the checksum ")));
    }
  }
  EXPECT_THAT(error(absl::StrReplaceAll(whole, {{"678", "679"}})),
              HasSubstr(": state: expects the checksum "));
  EXPECT_THAT(error(absl::StrReplaceAll(whole, {{"12345", "12344"}})),
              HasSubstr(": seed: expects the checksum "));
  EXPECT_THAT(error(absl::StrReplaceAll(whole, {{"run-id", "run-if"}})),
              HasSubstr(": run: expects the checksum "));
  EXPECT_THAT(error(absl::StrReplaceAll(whole, {{"98765", "98764"}})),
              HasSubstr(": logged: expects the checksum "));
  EXPECT_THAT(error(absl::StrReplaceAll(whole, {{"best,", "test,"}})),
              HasSubstr(": kept: expects the checksum "));
}

TEST_F(CheckpointTest, ListsNewestFirstAndPrunes) {
  Memory memory;
  for (const int64_t number : {20, 100, 9}) {
    path_ = CheckpointPath(directory_, number);
    ASSERT_TRUE(Save(Beginning(), memory).ok());
  }
  // Files of others, however like a checkpoint, are neither listed nor removed.
  const std::vector<std::string> others = {
      "checkpoint-5.safetensors", "checkpoint-+00000005.safetensors", "other"};
  for (const std::string& other : others)
    ASSERT_TRUE(WriteFile(files_, JoinPath(directory_, other), "x").ok());
  ASSERT_TRUE(PruneCheckpoints(files_, directory_, 100, 2).ok());
  for (const std::string& other : others)
    EXPECT_TRUE(files_.Exists(JoinPath(directory_, other)));
  auto paths = ListCheckpoints(files_, directory_);
  ASSERT_TRUE(paths.ok());
  EXPECT_THAT(*paths, ElementsAre(CheckpointPath(directory_, 100),
                                  CheckpointPath(directory_, 20)));
  EXPECT_TRUE(ListCheckpoints(files_, directory_ + "/absent")->empty());
  // Later ones do not take the places of this run's own.
  for (const int64_t number : {22, 24}) {
    path_ = CheckpointPath(directory_, number);
    ASSERT_TRUE(Save(Beginning(), memory).ok());
    ASSERT_TRUE(PruneCheckpoints(files_, directory_, number, 2).ok());
  }
  EXPECT_THAT(*ListCheckpoints(files_, directory_),
              ElementsAre(CheckpointPath(directory_, 100),
                          CheckpointPath(directory_, 24),
                          CheckpointPath(directory_, 22)));
}

TEST_F(CheckpointTest, FullDiskKeepsThePreviousOne) {
  Memory memory;
  memory.a = {1, 2, 3, 4, 5, 6};
  RunState state = Beginning();
  state.host.marks = 5;
  ASSERT_TRUE(Save(state, memory).ok());
  auto size = files_.Size(path_);
  ASSERT_TRUE(size.ok());
  for (uint64_t bytes = 0; bytes < *size; ++bytes) {
    FaultyFileSystem faulty(files_);
    faulty.FailWritesAfter(bytes, ENOSPC);
    memory.a[0] = 100;
    state.host.marks = 6;
    const absl::Status status = Save(state, memory, &faulty);
    ASSERT_FALSE(status.ok()) << bytes;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    Memory read;
    auto loaded = Load(read);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->host.marks, 5);
    EXPECT_EQ(read.a[0], 1);
  }
}

TEST_F(CheckpointTest, RefusesTensorsThatDoNotFit) {
  Memory memory, read;
  memory.c = {1};
  ASSERT_TRUE(Save(Beginning(), memory).ok());
  const auto error = [&](const std::vector<StateTensor>& tensors) {
    return std::string(
        LoadCheckpoint(files_, path_, spec_, spec_.host_programs[0], tensors)
            .status()
            .message());
  };
  std::vector<StateTensor> tensors = Tensors(read);
  tensors[0].shape = {3, 2};
  EXPECT_THAT(error(tensors), HasSubstr("model.w"));
  tensors = Tensors(read);
  tensors[2].dtype = DType::kF32;
  EXPECT_EQ(error(tensors), path_ + ": model.count: expects F32, got I32");
  tensors.pop_back();
  EXPECT_EQ(error(tensors),
            path_ + ": expects tensors of this program, got model.count");
  tensors = Tensors(read);
  tensors.push_back({"model.v", DType::kF32, {2}, Bytes(memory.b)});
  EXPECT_THAT(error(tensors), HasSubstr("model.v"));
}

TEST_F(CheckpointTest, RefusesOtherFiles) {
  Memory memory;
  ASSERT_TRUE(SaveTensors(files_, path_, Tensors(memory)).ok());
  EXPECT_EQ(Load(memory).status(),
            absl::InvalidArgumentError(
                path_ + ": expects a file of format graft-checkpoint-3, got "
                        "graft-parameters-1"));
  ASSERT_TRUE(WriteSafetensors(files_, path_, {}, {}).ok());
  EXPECT_EQ(
      Load(memory).status(),
      absl::InvalidArgumentError(
          path_ + ": expects a file of format graft-checkpoint-3, got none"));
  ASSERT_TRUE(
      WriteSafetensors(files_, path_, {}, {{"format", "graft-checkpoint-3"}})
          .ok());
  EXPECT_EQ(Load(memory).status(),
            absl::InvalidArgumentError(
                path_ + ": expects \"run\" in the metadata, got none"));
  ASSERT_TRUE(WriteFile(files_, path_, "short").ok());
  EXPECT_FALSE(Load(memory).ok());
}

TEST_F(CheckpointTest, ParametersAlone) {
  Memory memory, read;
  memory.a = {1, 2, 3, 4, 5, 6};
  read.b = {8, 8};
  ASSERT_TRUE(SaveTensors(files_, path_, Tensors(memory)).ok());
  ASSERT_TRUE(LoadTensors(files_, path_, Tensors(read)).ok());
  EXPECT_EQ(read, memory);
  ASSERT_TRUE(Save(Beginning(), memory).ok());
  EXPECT_EQ(LoadTensors(files_, path_, Tensors(read)).message(),
            path_ +
                ": expects a file of format graft-parameters-1, got "
                "graft-checkpoint-3");
}

}  // namespace
}  // namespace graft
