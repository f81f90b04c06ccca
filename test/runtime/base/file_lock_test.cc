// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/file_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

std::string LockPath() {
  return absl::StrCat(::testing::TempDir(), "/file_lock_test.", ::getpid());
}

TEST(FileLockTest, IsHeldOnceAndNamesItsHolder) {
  const std::string path = LockPath();
  {
    const auto first = FileLock::Acquire(path);
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = FileLock::Acquire(path);
    EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
    EXPECT_THAT(
        std::string(second.status().message()),
        HasSubstr(absl::StrCat(path, ": locked by process ", ::getpid())));
  }
  EXPECT_TRUE(FileLock::Acquire(path).ok());
  ::unlink(path.c_str());
}

TEST(FileLockTest, DoesNotOutliveAKilledProcess) {
  const std::string path = LockPath();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::Acquire(path);
    const char byte = lock.ok() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_THAT(std::string(FileLock::Acquire(path).status().message()),
              HasSubstr(absl::StrCat("locked by process ", child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::Acquire(path).ok());
  ::unlink(path.c_str());
}

TEST(FileLockTest, NamesAFolderThatIsNotThere) {
  const auto lock = FileLock::Acquire("/nowhere/at/all");
  EXPECT_TRUE(absl::IsNotFound(lock.status()));
}

}  // namespace
}  // namespace graft
