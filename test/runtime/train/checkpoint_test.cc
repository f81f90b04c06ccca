// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/checkpoint.h"

#include <cerrno>
#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrainingState AtStep(int64_t step) {
  TrainingState state;
  state.step = step;
  return state;
}

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/graft_checkpoint_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    EXPECT_TRUE(RemoveTree(FileSystem::Posix(), directory_).ok());
  }

  // Two tensors of the given storage.
  std::vector<StateTensor> Tensors(std::vector<float>& a,
                                   std::vector<float>& b) {
    a.resize(6);
    b.resize(2);
    return {{"model.w", {2, 3}, absl::MakeSpan(a)},
            {"model.w.first_moment", {2}, absl::MakeSpan(b)}};
  }

  std::string directory_;
  FileSystem& files_ = FileSystem::Posix();
};

TEST_F(CheckpointTest, RoundTripIsExact) {
  std::vector<float> a = {1.0f / 3, -0.0f, 1e-38f, 3, 4, 5}, b = {7, 8};
  TrainingState state{120, 0xFFFFFFFFFFFFFFFF, "run-id", 0.1 + 0.2, 100, 3,
                      1.5, {1.0 / 8, 7, 5}};
  std::string path = CheckpointPath(directory_, 120);
  ASSERT_TRUE(SaveCheckpoint(files_, path, state, Tensors(a, b)).ok());

  std::vector<float> a2, b2;
  auto loaded = LoadCheckpoint(files_, path, Tensors(a2, b2));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(a2, a);
  EXPECT_EQ(b2, b);
  EXPECT_EQ(loaded->step, 120);
  EXPECT_EQ(loaded->seed, state.seed);
  EXPECT_EQ(loaded->run, "run-id");
  EXPECT_EQ(loaded->best, 0.1 + 0.2);
  EXPECT_EQ(loaded->best_step, 100);
  EXPECT_EQ(loaded->evaluations_since_best, 3);
  EXPECT_EQ(loaded->loss_sum, 1.5);
  EXPECT_EQ(loaded->loss_scale.scale, 1.0 / 8);
  EXPECT_EQ(loaded->loss_scale.steps, 7);
  EXPECT_EQ(loaded->loss_scale.skipped, 5);

  // A program without a scale has none of its numbers.
  state.loss_scale = {};
  ASSERT_TRUE(SaveCheckpoint(files_, path, state, Tensors(a, b)).ok());
  loaded = LoadCheckpoint(files_, path, Tensors(a2, b2));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->loss_scale.scale, 0);
  EXPECT_EQ(loaded->loss_scale.skipped, 0);
}

TEST_F(CheckpointTest, ListsNewestFirstAndPrunes) {
  std::vector<float> a, b;
  for (int64_t step : {20, 100, 9})
    ASSERT_TRUE(SaveCheckpoint(files_, CheckpointPath(directory_, step), {},
                               Tensors(a, b))
                    .ok());
  ASSERT_TRUE(WriteFile(files_, JoinPath(directory_, "other"), "x").ok());
  ASSERT_TRUE(PruneCheckpoints(files_, directory_, 2).ok());
  auto paths = ListCheckpoints(files_, directory_);
  ASSERT_TRUE(paths.ok());
  EXPECT_THAT(*paths, ElementsAre(CheckpointPath(directory_, 100),
                                  CheckpointPath(directory_, 20)));
  EXPECT_TRUE(ListCheckpoints(files_, directory_ + "/absent")->empty());
}

TEST_F(CheckpointTest, FullDiskKeepsThePreviousOne) {
  std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {7, 8};
  std::string path = CheckpointPath(directory_, 5);
  ASSERT_TRUE(SaveCheckpoint(files_, path, AtStep(5), Tensors(a, b)).ok());
  auto size = files_.Size(path);
  ASSERT_TRUE(size.ok());
  for (uint64_t bytes = 0; bytes < *size; ++bytes) {
    FaultyFileSystem faulty(files_);
    faulty.FailWritesAfter(bytes, ENOSPC);
    a[0] = 100;
    absl::Status status =
        SaveCheckpoint(faulty, path, AtStep(6), Tensors(a, b));
    ASSERT_FALSE(status.ok()) << bytes;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    std::vector<float> a2, b2;
    auto loaded = LoadCheckpoint(files_, path, Tensors(a2, b2));
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->step, 5);
    EXPECT_EQ(a2[0], 1);
  }
}

TEST_F(CheckpointTest, RefusesWhatDoesNotFit) {
  std::vector<float> a, b;
  std::string path = CheckpointPath(directory_, 5);
  ASSERT_TRUE(SaveCheckpoint(files_, path, AtStep(5), Tensors(a, b)).ok());
  std::vector<StateTensor> tensors = Tensors(a, b);
  tensors[0].shape = {3, 2};
  EXPECT_THAT(
      std::string(LoadCheckpoint(files_, path, tensors).status().message()),
      HasSubstr("model.w"));
  tensors = Tensors(a, b);
  tensors.pop_back();
  EXPECT_THAT(
      std::string(LoadCheckpoint(files_, path, tensors).status().message()),
      HasSubstr("expects 1 tensors, got 2"));
  ASSERT_TRUE(WriteFile(files_, path, "short").ok());
  EXPECT_FALSE(LoadCheckpoint(files_, path, Tensors(a, b)).ok());
}

}  // namespace
}  // namespace graft
