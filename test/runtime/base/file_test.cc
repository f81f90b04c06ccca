// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/file.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Operation = FaultyFileSystem::Operation;

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string pattern = ::testing::TempDir() + "/graft_file_XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~FileTest() override { std::filesystem::remove_all(dir_); }

  std::string Path(absl::string_view name) { return JoinPath(dir_, name); }
  std::vector<std::string> Names() { return files_.List(dir_).value(); }

  FileSystem& files_ = FileSystem::Posix();
  std::string dir_;
};

TEST_F(FileTest, WritesAndReadsBack) {
  const std::string text(300000, 'x');
  ASSERT_TRUE(WriteFile(files_, Path("a"), text).ok());
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), text);
  EXPECT_EQ(files_.Size(Path("a")).value(), 300000u);
  ASSERT_TRUE(WriteFile(files_, Path("a"), "short").ok());
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "short");
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, WritesThroughLinksAndKeepsThem) {
  ASSERT_TRUE(WriteFile(files_, Path("file"), "old").ok());
  ASSERT_EQ(::symlink("file", Path("link").c_str()), 0);
  ASSERT_EQ(::symlink(Path("link").c_str(), Path("far").c_str()), 0);
  ASSERT_EQ(::symlink("new", Path("dangling").c_str()), 0);
  ASSERT_TRUE(WriteFile(files_, Path("far"), "1").ok());
  ASSERT_TRUE(WriteFile(files_, Path("dangling"), "2").ok());
  EXPECT_EQ(ReadFile(files_, Path("file")).value(), "1");
  EXPECT_EQ(ReadFile(files_, Path("new")).value(), "2");
  for (const char* name : {"link", "far", "dangling"})
    EXPECT_TRUE(std::filesystem::is_symlink(Path(name))) << name;
  EXPECT_THAT(Names(), ElementsAre("dangling", "far", "file", "link", "new"));
}

TEST_F(FileTest, SeesLinksThatLeadNowhere) {
  ASSERT_EQ(::symlink("gone", Path("link").c_str()), 0);
  EXPECT_TRUE(files_.Exists(Path("link")));
  EXPECT_FALSE(files_.Exists(Path("gone")));
  const absl::Status status = ReadFile(files_, Path("link")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), Path("link") + ": cannot open: it is a link to " +
                                  Path("gone") + ", which is not there");
}

TEST_F(FileTest, WritesIntoPipesAndDevices) {
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  std::thread reader(
      [&] { EXPECT_EQ(ReadFile(files_, Path("pipe")).value(), "text"); });
  EXPECT_TRUE(WriteFile(files_, Path("pipe"), "text").ok());
  reader.join();
  EXPECT_TRUE(std::filesystem::is_fifo(Path("pipe")));
  EXPECT_TRUE(WriteFile(files_, "/dev/null", "text").ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  const absl::Status full = WriteFile(files_, "/dev/full", "text");
  EXPECT_TRUE(absl::IsResourceExhausted(full));
  EXPECT_THAT(full.message(), StartsWith("/dev/full: cannot write: "));
}

TEST_F(FileTest, WritesBehindWhatIsInAnOpenFile) {
  const int fd = ::open(Path("a").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::write(fd, "head ", 5), 5);
  const std::string path = absl::StrCat("/dev/fd/", fd);
  EXPECT_TRUE(WriteFile(files_, path, "tail").ok());
  ::close(fd);
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "head tail");
}

TEST_F(FileTest, WritesAtThePlaceOfAnOpenFile) {
  const int fd = ::open(Path("a").c_str(), O_RDWR | O_CREAT, 0600);
  for (const char* form :
       {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"}) {
    ASSERT_EQ(::write(fd, "head ", 5), 5);
    EXPECT_TRUE(WriteFile(files_, absl::StrCat(form, fd), "text ").ok());
    ASSERT_EQ(::write(fd, "tail\n", 5), 5);
  }
  const std::string link = Path("link");
  ASSERT_EQ(::symlink(absl::StrCat("/dev/fd/", fd).c_str(), link.c_str()), 0);
  EXPECT_TRUE(WriteFile(files_, link, "linked\n").ok());
  ::close(fd);
  EXPECT_EQ(ReadFile(files_, Path("a")).value(),
            "head text tail\nhead text tail\nhead text tail\nlinked\n");
}

TEST_F(FileTest, WritesIntoWhatCannotBeOpenedAgain) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EXPECT_TRUE(
      WriteFile(files_, absl::StrCat("/dev/fd/", ends[0]), "text").ok());
  char buffer[8];
  EXPECT_EQ(::read(ends[1], buffer, sizeof(buffer)), 4);
  for (const int fd : ends) ::close(fd);
}

TEST_F(FileTest, RefusesAnOpenFileThatIsOnlyRead) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "old").ok());
  const int fd = ::open(Path("a").c_str(), O_RDONLY);
  const std::string path = absl::StrCat("/dev/fd/", fd);
  EXPECT_EQ(WriteFile(files_, path, "text").message(),
            path + ": cannot write: Bad file descriptor");
  ::close(fd);
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "old");
}

// The rights of a user who is not root, as far as the calls of this thread go.
class AsNobody {
 public:
  AsNobody() { ::setfsuid(65534); }
  ~AsNobody() { ::setfsuid(::geteuid()); }
};

TEST_F(FileTest, WritesIntoAFileWhoseFolderTakesNoOther) {
  namespace fs = std::filesystem;
  ASSERT_TRUE(WriteFile(files_, Path("a"), "longer than the new one").ok());
  fs::permissions(Path("a"), fs::perms(0666));
  fs::permissions(dir_, fs::perms(0555));
  {
    const AsNobody nobody;
    EXPECT_TRUE(WriteFile(files_, Path("a"), "new").ok());
    EXPECT_EQ(WriteFile(files_, Path("b"), "new").message(),
              Path("b") + ": cannot create: Permission denied");
  }
  fs::permissions(dir_, fs::perms(0755));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "new");
}

TEST_F(FileTest, AReplacedFileKeepsItsMode) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "1").ok());
  std::filesystem::permissions(Path("a"), std::filesystem::perms(0640));
  ASSERT_TRUE(WriteFile(files_, Path("a"), "2").ok());
  EXPECT_EQ(std::filesystem::status(Path("a")).permissions(),
            std::filesystem::perms(0640));
}

TEST_F(FileTest, ReadFileHasALimit) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "12345").ok());
  EXPECT_TRUE(ReadFile(files_, Path("a"), 5).ok());
  const absl::Status status = ReadFile(files_, Path("a"), 4).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(),
            Path("a") + ": expects at most 4 bytes, got a longer file");
}

TEST_F(FileTest, MapsFilesAndChecksRanges) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "0123456789").ok());
  auto file = files_.Map(Path("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->bytes().size(), 10u);
  auto range = (*file)->Range(4, 6, "tail");
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->front(), '4');
  EXPECT_TRUE((*file)->Range(10, 0, "end").ok());
  EXPECT_EQ((*file)->Range(4, 7, "section 3").status().message(),
            Path("a") +
                ": section 3 expects 7 bytes at offset 4, got a file of "
                "10 bytes");
  // Sums that wrap around.
  EXPECT_TRUE(absl::IsOutOfRange((*file)->Range(UINT64_MAX, 2, "x").status()));
  EXPECT_TRUE(absl::IsOutOfRange((*file)->Range(2, UINT64_MAX, "x").status()));
}

// Pages of files in the memory of this process, in KiB.
int64_t MappedKilobytes() {
  auto status = ReadFile(FileSystem::Posix(), "/proc/self/status").value();
  const size_t at = status.find("RssFile:");
  return at == std::string::npos ? -1 : std::atoll(status.c_str() + at + 8);
}

TEST_F(FileTest, ReleasedPagesAreReadAgain) {
  constexpr int64_t kSize = int64_t{4} << 20;
  ASSERT_TRUE(WriteFile(files_, Path("a"), std::string(kSize, 'x')).ok());
  auto file = files_.Map(Path("a")).value();
  auto sum = [&] {
    int64_t total = 0;
    for (uint8_t byte : file->bytes()) total += byte;
    return total;
  };
  EXPECT_EQ(sum(), kSize * 'x');
  const int64_t read = MappedKilobytes();
  file->Release(1, kSize);  // Neither the first page nor behind the end.
  file->Release(kSize + 1, 1);
  file->Release(kSize - 1, UINT64_MAX);
  const int64_t released = MappedKilobytes();
  EXPECT_EQ(sum(), kSize * 'x');
  if (read < 0) GTEST_SKIP() << "the system does not count mapped pages";
  EXPECT_LT(released, read - 3 * 1024);
}

TEST_F(FileTest, MappingOutlivesReplacement) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "old").ok());
  auto file = files_.Map(Path("a"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(WriteFile(files_, Path("a"), "").ok());
  EXPECT_EQ((*file)->bytes()[2], 'd');
  auto empty = files_.Map(Path("a"));
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE((*empty)->bytes().empty());
}

TEST_F(FileTest, MissingFilesAndDirectoriesAreNamed) {
  const absl::Status missing = files_.Map(Path("none")).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()),
              StartsWith(Path("none") + ": cannot open"));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("No such file"));
  EXPECT_TRUE(absl::IsNotFound(ReadFile(files_, Path("none")).status()));
  EXPECT_TRUE(absl::IsNotFound(WriteFile(files_, Path("no/a"), "x")));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.Map(dir_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.Size(dir_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadFile(files_, dir_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(WriteFile(files_, dir_, "x")));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.Map("/dev/zero").status()));
}

TEST_F(FileTest, UncommittedAtomicFileLeavesNothing) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "old").ok());
  {
    auto file = files_.CreateAtomic(Path("a"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append("new").ok());
    EXPECT_EQ(Names().size(), 2u);
    EXPECT_EQ(ReadFile(files_, Path("a")).value(), "old");
  }
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "old");
}

TEST_F(FileTest, TwoWritersOfOnePathDoNotMix) {
  auto first = files_.CreateAtomic(Path("a"));
  auto second = files_.CreateAtomic(Path("a"));
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE((*first)->Append("first").ok());
  ASSERT_TRUE((*second)->Append("second").ok());
  ASSERT_TRUE((*second)->Commit().ok());
  ASSERT_TRUE((*first)->Commit().ok());
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "first");
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, AppendsAndFlushes) {
  {
    auto file = files_.OpenAppend(Path("log"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append("one ").ok());
    ASSERT_TRUE((*file)->Flush().ok());
    EXPECT_EQ(ReadFile(files_, Path("log")).value(), "one ");
    ASSERT_TRUE((*file)->Append("two ").ok());
  }
  auto file = files_.OpenAppend(Path("log"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append("three").ok());
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(ReadFile(files_, Path("log")).value(), "one two three");
}

TEST_F(FileTest, MakesListsAndRemovesTrees) {
  ASSERT_TRUE(files_.CreateDirectories(Path("t/u//v/")).ok());
  ASSERT_TRUE(files_.CreateDirectories(Path("t/u/v")).ok());
  EXPECT_TRUE(files_.IsDirectory(Path("t/u/v")));
  ASSERT_TRUE(WriteFile(files_, Path("t/u/f"), "x").ok());
  EXPECT_THAT(files_.List(Path("t/u")).value(), ElementsAre("f", "v"));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(files_.CreateDirectories(Path("t/u/f"))));

  // A link out of the tree goes, its target stays.
  ASSERT_TRUE(files_.CreateDirectories(Path("keep")).ok());
  ASSERT_TRUE(WriteFile(files_, Path("keep/f"), "x").ok());
  std::filesystem::create_directory_symlink(Path("keep"), Path("t/link"));
  EXPECT_TRUE(files_.IsDirectory(Path("t/link")));
  ASSERT_TRUE(RemoveTree(files_, Path("t")).ok());
  EXPECT_FALSE(files_.Exists(Path("t")));
  EXPECT_TRUE(files_.Exists(Path("keep/f")));
  EXPECT_TRUE(RemoveTree(files_, Path("t")).ok());
}

TEST_F(FileTest, RenameReplaces) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "a").ok());
  ASSERT_TRUE(WriteFile(files_, Path("b"), "b").ok());
  ASSERT_TRUE(files_.Rename(Path("a"), Path("b")).ok());
  EXPECT_EQ(ReadFile(files_, Path("b")).value(), "a");
  EXPECT_TRUE(absl::IsNotFound(files_.Rename(Path("a"), Path("b"))));
}

TEST_F(FileTest, JoinsAndSplitsPaths) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(DirectoryName("a/b"), "a");
  EXPECT_EQ(DirectoryName("b"), ".");
  EXPECT_EQ(DirectoryName("/b"), "/");
}

TEST_F(FileTest, FullDiskLeavesTheOldFile) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "old").ok());
  FaultyFileSystem faulty(files_);
  for (uint64_t after : {0, 1, 7}) {
    faulty.FailWritesAfter(after, ENOSPC);
    const absl::Status status = WriteFile(faulty, Path("a"), "12345678");
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), StartsWith(Path("a") + ": "));
    EXPECT_THAT(Names(), ElementsAre("a"));
    EXPECT_EQ(ReadFile(files_, Path("a")).value(), "old");
  }
  faulty.FailWritesAfter(8, ENOSPC);
  EXPECT_TRUE(WriteFile(faulty, Path("a"), "12345678").ok());
}

TEST_F(FileTest, EveryCallOfAWriteMayFail) {
  FaultyFileSystem faulty(files_);
  for (Operation operation :
       {Operation::kOpenWrite, Operation::kAppend, Operation::kCommit}) {
    faulty.FailCall(operation, 1, EIO, /*sticky=*/false);
    const absl::Status status = WriteFile(faulty, Path("a"), "new");
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(Names().empty());
    EXPECT_EQ(faulty.calls(operation), 1);
    faulty.Heal();
  }
  faulty.FailCall(Operation::kOpenWrite, 2, EACCES);
  EXPECT_TRUE(WriteFile(faulty, Path("a"), "new").ok());
  EXPECT_TRUE(absl::IsPermissionDenied(WriteFile(faulty, Path("a"), "newer")));
  EXPECT_EQ(ReadFile(files_, Path("a")).value(), "new");
}

TEST_F(FileTest, ReadErrorsAndShortReads) {
  ASSERT_TRUE(WriteFile(files_, Path("a"), "0123456789").ok());
  FaultyFileSystem faulty(files_);
  faulty.LimitReads(3);
  EXPECT_EQ(ReadFile(faulty, Path("a")).value(), "0123456789");
  faulty.FailReadsAfter(5, EIO);
  EXPECT_TRUE(absl::IsDataLoss(ReadFile(faulty, Path("a")).status()));
  faulty.Heal();
  faulty.FailCall(Operation::kOpenRead, 1, EMFILE);
  EXPECT_TRUE(absl::IsResourceExhausted(faulty.Map(Path("a")).status()));
}

}  // namespace
}  // namespace graft
