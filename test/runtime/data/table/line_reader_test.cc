// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/line_reader.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"

namespace graft {
namespace {

using ::testing::ElementsAre;

class LineReaderTest : public ::testing::Test {
 protected:
  LineReaderTest()
      : path_(absl::StrCat(::testing::TempDir(), "/graft_lines_", ::getpid())) {
  }
  ~LineReaderTest() override {
    FileSystem::Posix().Remove(path_).IgnoreError();
  }

  // The lines of a file of these bytes, then what ended them.
  std::vector<std::string> Lines(
      absl::string_view bytes,
      size_t limit = LineReader::kDefaultMaxLineBytes) {
    EXPECT_TRUE(WriteFile(FileSystem::Posix(), path_, bytes).ok());
    LineReader reader(faulty_.OpenSequential(path_).value(), limit);
    std::vector<std::string> lines;
    while (true) {
      const auto more = reader.Next();
      if (!more.ok()) {
        std::string message(more.status().message());
        lines.push_back(message.substr(message.find(path_) + path_.size()));
        break;
      }
      if (!*more) break;
      EXPECT_EQ(reader.number(), static_cast<int64_t>(lines.size()) + 1);
      lines.emplace_back(reader.line());
    }
    return lines;
  }

  const std::string path_;
  FaultyFileSystem faulty_{FileSystem::Posix()};
};

TEST_F(LineReaderTest, SplitsLines) {
  EXPECT_THAT(Lines(""), ElementsAre());
  EXPECT_THAT(Lines("a"), ElementsAre("a"));
  EXPECT_THAT(Lines("a\n"), ElementsAre("a"));
  EXPECT_THAT(Lines("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(Lines("a\r\nb\r\n"), ElementsAre("a", "b"));
  EXPECT_THAT(Lines("a\rb\n"), ElementsAre("a\rb"));
  EXPECT_THAT(Lines("\xEF\xBB\xBF"
                    "a\n\xEF\xBB\xBF"
                    "b"),
              ElementsAre("a",
                          "\xEF\xBB\xBF"
                          "b"));
}

// Lines across the borders of reads and of the buffer.
TEST_F(LineReaderTest, ShortReadsChangeNothing) {
  std::string text;
  std::vector<std::string> expected;
  for (size_t i = 0; i < 60; ++i) {
    expected.push_back(std::string(i * i * 3, static_cast<char>('a' + i % 26)));
    text += expected.back() + "\n";
  }
  expected.push_back(std::string(200000, 'z'));
  text += expected.back();
  EXPECT_EQ(Lines(text), expected);
  faulty_.LimitReads(7);
  EXPECT_EQ(Lines(text), expected);
}

TEST_F(LineReaderTest, LongLinesAreRefused) {
  EXPECT_THAT(Lines("abcde\nabcdef\n", 5),
              ElementsAre("abcde",
                          ":2: expects a line of at most 5 bytes, got a longer "
                          "one"));
  EXPECT_THAT(Lines("abcde\r\n", 5), ElementsAre("abcde"));
  EXPECT_THAT(Lines("\xEF\xBB\xBF"
                    "abcde\r\n",
                    5),
              ElementsAre("abcde"));
  // Found long before the end of an endless line is reached.
  EXPECT_THAT(Lines(std::string(3 << 20, 'x')),
              ElementsAre(":1: expects a line of at most 1048576 bytes, got a "
                          "longer one"));
  EXPECT_LT(faulty_.calls(FaultyFileSystem::Operation::kRead), 40);
}

// Whatever the reads were that found it too long.
TEST_F(LineReaderTest, ReadsOnBehindALongLine) {
  for (const size_t size : {size_t{6}, size_t{70000}, size_t{300000}}) {
    for (const size_t reads : {size_t{7}, size_t{1} << 20}) {
      faulty_.LimitReads(reads);
      ASSERT_TRUE(WriteFile(FileSystem::Posix(), path_,
                            absl::StrCat("a\n", std::string(size, 'b'), "\nc\n",
                                         std::string(size, 'd')))
                      .ok());
      LineReader reader(faulty_.OpenSequential(path_).value(), 5);
      EXPECT_TRUE(reader.Next().value());
      EXPECT_FALSE(reader.Next().ok());
      EXPECT_TRUE(reader.bad_line());
      EXPECT_EQ(reader.line().substr(0, 6), "bbbbbb");
      EXPECT_TRUE(reader.Next().value());
      EXPECT_FALSE(reader.bad_line());
      EXPECT_EQ(reader.line(), "c");
      EXPECT_EQ(reader.number(), 3);
      EXPECT_EQ(reader.offset(), size + 3);
      EXPECT_FALSE(reader.Next().ok());
      EXPECT_TRUE(reader.bad_line());
      EXPECT_FALSE(reader.Next().value());
      ASSERT_TRUE(reader.Seek(size + 3).ok());
      EXPECT_TRUE(reader.Next().value());
      EXPECT_EQ(reader.line(), "c");
    }
  }
}

TEST_F(LineReaderTest, BadBytesAreNamed) {
  EXPECT_THAT(
      Lines("ok\nab\xFF\n"),
      ElementsAre(
          "ok",
          ":2: expects UTF-8, got 0xff at byte 3"
          "; if the file is Latin-1, iconv -f LATIN1 -t UTF-8 converts it"));
  EXPECT_THAT(
      Lines("\xED\xA0\x80"),
      ElementsAre(
          ":1: expects UTF-8, got 0xed at byte 1"
          "; if the file is Latin-1, iconv -f LATIN1 -t UTF-8 converts it"));
  EXPECT_THAT(Lines(absl::string_view("a\nb\0c\n", 6)),
              ElementsAre("a", ":2: expects text, got a NUL at byte 2"));
}

TEST_F(LineReaderTest, ReadErrorsPass) {
  faulty_.FailReadsAfter(70000, EIO);
  const std::vector<std::string> lines =
      Lines(std::string(50000, 'a') + "\n" + std::string(50000, 'b') + "\n");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[1], ::testing::StartsWith(": cannot read: "));
}

}  // namespace
}  // namespace graft
