// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/temporary_files.h"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/temporary_directory.h"

namespace graft {
namespace {

FileSystem& Files() { return FileSystem::Posix(); }

// In a process that ends then, as one does that a signal ends: afterwards a
// process creates no files any more.
void RemoveInChild() {
  const pid_t child = ::fork();
  if (child == 0) {
    RemoveTemporaryFiles();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

TEST(TemporaryDirectory, GoesWithItsFiles) {
  std::string path;
  {
    absl::StatusOr<TemporaryDirectory> directory = TemporaryDirectory::Create();
    ASSERT_TRUE(directory.ok()) << directory.status();
    path = directory->path();
    TemporaryDirectory moved = *std::move(directory);
    EXPECT_EQ(moved.path(), path);
    ASSERT_TRUE(WriteFile(Files(), JoinPath(path, "file"), "text").ok());
  }
  EXPECT_FALSE(Files().Exists(path));
}

TEST(RemoveTemporaryFiles, LeavesWhatWasWritten) {
  absl::StatusOr<TemporaryDirectory> folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok()) << folder.status();
  // Only what is below is to go.
  DropTemporary(folder->path());
  const std::string path = JoinPath(folder->path(), "file");
  ASSERT_TRUE(WriteFile(Files(), path, "old").ok());
  absl::StatusOr<std::unique_ptr<WritableFile>> file =
      Files().CreateAtomic(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Files().List(folder->path())->size(), 2u);
  RemoveInChild();
  EXPECT_EQ(*Files().List(folder->path()), std::vector<std::string>{"file"});
  EXPECT_EQ(*ReadFile(Files(), path), "old");
}

TEST(RemoveTemporaryFiles, EmptiesDirectoriesOfManyFilesAndDirectories) {
  absl::StatusOr<TemporaryDirectory> directory = TemporaryDirectory::Create();
  ASSERT_TRUE(directory.ok()) << directory.status();
  const std::string& path = directory->path();
  const std::string inner = JoinPath(path, "inner/.hidden");
  ASSERT_TRUE(Files().CreateDirectories(inner).ok());
  for (int i = 0; i < 60; ++i) {
    const std::string name =
        "a-name-of-which-few-fit-into-one-answer-" + std::to_string(i);
    ASSERT_TRUE(WriteFile(Files(), JoinPath(path, name), "").ok());
    ASSERT_TRUE(WriteFile(Files(), JoinPath(inner, name), "").ok());
  }
  RemoveInChild();
  EXPECT_FALSE(Files().Exists(path));
}

TEST(RemoveTemporaryFiles, FollowsNoLinks) {
  absl::StatusOr<TemporaryDirectory> kept = TemporaryDirectory::Create();
  ASSERT_TRUE(kept.ok()) << kept.status();
  DropTemporary(kept->path());
  ASSERT_TRUE(WriteFile(Files(), JoinPath(kept->path(), "file"), "").ok());
  absl::StatusOr<TemporaryDirectory> directory = TemporaryDirectory::Create();
  ASSERT_TRUE(directory.ok()) << directory.status();
  ASSERT_EQ(::symlink(kept->path().c_str(),
                      JoinPath(directory->path(), "link").c_str()),
            0);
  RemoveInChild();
  EXPECT_FALSE(Files().Exists(directory->path()));
  EXPECT_TRUE(Files().Exists(JoinPath(kept->path(), "file")));
}

}  // namespace
}  // namespace graft
