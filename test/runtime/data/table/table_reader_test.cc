// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/table_reader.h"

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace graft {
namespace {

using ::testing::ElementsAre;
using Kind = TableColumn::Kind;

class TableReaderTest : public ::testing::Test {
 protected:
  TableReaderTest() {
    std::string pattern = ::testing::TempDir() + "/graft_table_XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~TableReaderTest() override { std::filesystem::remove_all(dir_); }

  std::string Path(absl::string_view name) { return JoinPath(dir_, name); }

  // Each row's columns joined by '|' (words by blanks, JSON as it is), then the
  // error, without the folder, that ended the reading.
  std::vector<std::string> Rows(absl::string_view name, absl::string_view bytes,
                                std::vector<TableColumn> columns) {
    EXPECT_TRUE(WriteFile(files_, Path(name), bytes).ok());
    std::vector<std::string> rows;
    const auto fail = [&](const absl::Status& status) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
      const std::string message(status.message());
      EXPECT_EQ(message.substr(0, dir_.size()), dir_);
      rows.push_back(message.substr(dir_.size() + 1));
      return rows;
    };
    auto reader = TableReader::Open(files_, {Path(name)}, columns);
    if (!reader.ok()) return fail(reader.status());
    while (true) {
      const auto more = (*reader)->Next();
      if (!more.ok()) return fail(more.status());
      if (!*more) return rows;
      std::vector<std::string> cells;
      for (size_t i = 0; i < columns.size(); ++i) {
        cells.push_back(columns[i].kind == Kind::kText
                            ? std::string((*reader)->Text(i))
                        : columns[i].kind == Kind::kWeight ||
                                columns[i].kind == Kind::kNumber
                            ? absl::StrCat((*reader)->Number(i))
                        : columns[i].kind == Kind::kWords
                            ? absl::StrJoin((*reader)->Words(i), " ")
                            : (*reader)->Json(i).dump());
      }
      rows.push_back(absl::StrJoin(cells, "|"));
    }
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string dir_;
};

TableColumn Column(const char* name, Kind kind = Kind::kText,
                   bool allow_empty = false) {
  return {name, kind, allow_empty};
}

TEST_F(TableReaderTest, ReadsNamedColumnsOfATsv) {
  EXPECT_THAT(Rows("a.tsv", "label\ttext\tid\n1\tfirst text\tx\n0\tnext\ty\n",
                   {Column("text"), Column("label")}),
              ElementsAre("first text|1", "next|0"));
  EXPECT_THAT(Rows("a.tsv", "\xEF\xBB\xBFlabel\ttext\r\n1\ta \"b\"\r\n\r\n",
                   {Column("label"), Column("text")}),
              ElementsAre("1|a \"b\""));
  EXPECT_THAT(Rows("one.TSV", "text\nonly", {Column("text")}),
              ElementsAre("only"));
  EXPECT_THAT(Rows("a.tsv", "a\tb\nx\t\n",
                   {Column("b", Kind::kText, /*allow_empty=*/true)}),
              ElementsAre(""));
}

TEST_F(TableReaderTest, BadTsvIsNamed) {
  const std::vector<TableColumn> text = {Column("text")};
  EXPECT_THAT(Rows("a.tsv", "label\tsentence\n", text),
              ElementsAre("a.tsv:1: expects a column 'text', got label, "
                          "sentence"));
  EXPECT_THAT(Rows("a.tsv", "", text),
              ElementsAre("a.tsv: expects a header line, got an empty file"));
  EXPECT_THAT(Rows("a.tsv", "\n\n", text),
              ElementsAre("a.tsv: expects a header line, got an empty line"));
  EXPECT_THAT(Rows("a.tsv", "text\ttext\n", text),
              ElementsAre("a.tsv:1: expects each column once, got a second "
                          "'text'"));
  EXPECT_THAT(Rows("a.tsv", "text\tb\n", text),
              ElementsAre("a.tsv: expects at least one row, got none"));
  EXPECT_THAT(Rows("a.tsv", "text\tb\nx\ty\nx\n", text),
              ElementsAre("x",
                          "a.tsv:3: expects 2 fields separated by tabs, "
                          "got 1"));
  EXPECT_THAT(Rows("a.tsv", "text\tb\nx\ty\tz\n", text),
              ElementsAre("a.tsv:2: expects 2 fields separated by tabs, got "
                          "3"));
  EXPECT_THAT(
      Rows("a.tsv", "text\tb\n  \ty\n", text),
      ElementsAre("a.tsv:2: column 'text' expects a text, got a blank one"));
  EXPECT_THAT(Rows("a.tsv", "text\nx\n\n\ny\n", text),
              ElementsAre("x", "a.tsv:3: expects a row, got an empty line"));
  EXPECT_THAT(Rows("a.tsv", "text\n\ny\n", text),
              ElementsAre("a.tsv:2: expects a row, got an empty line"));
  EXPECT_THAT(
      Rows("a.tsv", "text\nx\nab\xC3\n", text),
      ElementsAre(
          "x",
          "a.tsv:3: expects UTF-8, got 0xc3 at byte 3"
          "; if the file is Latin-1, iconv -f LATIN1 -t UTF-8 converts it"));
  EXPECT_THAT(Rows("a.tsv", "text\nx\n", {Column("text", Kind::kWords)}),
              ElementsAre("a.tsv: column 'text' holds a list and expects a "
                          ".jsonl file, got a .tsv file"));
  EXPECT_THAT(Rows("a.txt", "text\nx\n", text),
              ElementsAre("a.txt: expects a table whose name ends in .tsv, "
                          ".csv or .jsonl, or --format, which names its "
                          "format"));
}

TEST_F(TableReaderTest, ReadsJsonl) {
  EXPECT_THAT(
      Rows("a.jsonl",
           "{\"text\": \"a\\tb\", \"score\": 2.5, \"words\": [\"x\", \"y\"], "
           "\"answers\": [{\"at\": 3}]}\n\n"
           "{\"words\": [\"z\"], \"answers\": null, \"text\": \"c\", "
           "\"score\": true}",
           {Column("text"), Column("score"), Column("words", Kind::kWords),
            Column("answers", Kind::kJson)}),
      ElementsAre("a\tb|2.5|x y|[{\"at\":3}]", "c|true|z|null"));
}

TEST_F(TableReaderTest, BadJsonlIsNamed) {
  const std::vector<TableColumn> text = {Column("text")};
  const std::vector<TableColumn> words = {Column("w", Kind::kWords)};
  EXPECT_THAT(Rows("a.jsonl", "", text),
              ElementsAre("a.jsonl: expects at least one row, got none"));
  EXPECT_THAT(Rows("a.jsonl", "{\"b\": 1, \"a\": 2}", text),
              ElementsAre("a.jsonl:1: expects a column 'text', got a, b"));
  EXPECT_THAT(Rows("a.jsonl", "{}", text),
              ElementsAre("a.jsonl:1: expects a column 'text', got none"));
  EXPECT_THAT(Rows("a.jsonl", "[1]", text),
              ElementsAre("a.jsonl:1: expects an object, got [1]; a .jsonl has "
                          "one object per line, and no list around them"));
  EXPECT_THAT(
      Rows("a.jsonl", "{\"text\": \"a\"}\n{\"text\": }", text),
      ElementsAre("a",
                  "a.jsonl:2: expects JSON, got '}' at column 10, instead "
                  "of a value"));
  EXPECT_THAT(Rows("a.jsonl", "{\"text\": [1]}", text),
              ElementsAre("a.jsonl:1: column 'text' expects a text, got [1]"));
  EXPECT_THAT(Rows("a.jsonl", "{\"text\": \" \"}", text),
              ElementsAre("a.jsonl:1: column 'text' expects a text, got a "
                          "blank one"));
  EXPECT_THAT(Rows("a.jsonl", "{\"text\": \"a\\u0000b\"}", text),
              ElementsAre("a.jsonl:1: column 'text' expects a text, got one "
                          "with a NUL"));
  EXPECT_THAT(Rows("a.jsonl", "{\"w\": \"a\"}", words),
              ElementsAre("a.jsonl:1: column 'w' expects a list of words, got "
                          "\"a\""));
  EXPECT_THAT(Rows("a.jsonl", "{\"w\": []}", words),
              ElementsAre("a.jsonl:1: column 'w' expects a list of words, got "
                          "[]"));
  EXPECT_THAT(Rows("a.jsonl", "{\"w\": [\"a\", 1]}", words),
              ElementsAre("a.jsonl:1: column 'w' expects a list of words, got "
                          "1"));
  EXPECT_THAT(Rows("a.jsonl", "{\"text\": \"a\", \"text\": \"b\"}", text),
              ElementsAre("a.jsonl:1: expects each key once, got a second "
                          "\"text\""));
}

TEST_F(TableReaderTest, ReadsWeights) {
  const std::vector<TableColumn> columns = {Column("text"),
                                            Column("w", Kind::kWeight)};
  EXPECT_THAT(
      Rows("a.tsv", "w\ttext\n0\ta\n 2.5 \tb\n1e-3\tc\n-0\td\n", columns),
      ElementsAre("a|0", "b|2.5", "c|0.001", "d|0"));
  EXPECT_THAT(Rows("a.jsonl",
                   "{\"text\": \"a\", \"w\": 0}\n"
                   "{\"text\": \"b\", \"w\": 2.5}\n"
                   "{\"text\": \"c\", \"w\": \"1e-3\"}\n"
                   "{\"text\": \"d\", \"w\": -0.0}\n",
                   columns),
              ElementsAre("a|0", "b|2.5", "c|0.001", "d|0"));
}

TEST_F(TableReaderTest, ReadsNumbers) {
  const std::vector<TableColumn> columns = {Column("x", Kind::kNumber),
                                            Column("y", Kind::kNumber)};
  EXPECT_THAT(
      Rows("a.tsv", "y\ttext\tx\n0\ta\t-1.5\n 2.5 \tb\t1e-3\n", columns),
      ElementsAre("-1.5|0", "0.001|2.5"));
  EXPECT_THAT(Rows("a.csv", "x,y\n-1,\"2\"\n", columns), ElementsAre("-1|2"));
  EXPECT_THAT(Rows("a.jsonl", "{\"x\": -3, \"y\": \"4.5\"}\n", columns),
              ElementsAre("-3|4.5"));
  const auto expected = [](absl::string_view where, absl::string_view got) {
    return absl::StrCat(where, ": column 'y' expects a finite number, got ",
                        got);
  };
  for (const absl::string_view bad : {"nan", "-inf", "1e39", "one", "1,5"})
    EXPECT_THAT(
        Rows("a.tsv", absl::StrCat("x\ty\n1\t2\n1\t", bad, "\n"), columns),
        ElementsAre("1|2", expected("a.tsv:3", absl::StrCat("\"", bad, "\""))));
  EXPECT_THAT(Rows("a.tsv", "x\ty\n1\t\n", columns),
              ElementsAre(expected("a.tsv:2", "an empty text")));
  EXPECT_THAT(Rows("a.jsonl", "{\"x\": 1, \"y\": true}\n", columns),
              ElementsAre(expected("a.jsonl:1", "true")));
}

TEST_F(TableReaderTest, ReadsObjectsInRowsOfJsonl) {
  const std::vector<TableColumn> columns = {Column("p.a", Kind::kNumber),
                                            Column("p.b", Kind::kNumber)};
  EXPECT_THAT(Rows("a.jsonl",
                   "{\"p\": {\"b\": 2, \"a\": 1, \"c\": {\"a\": 9}}}\n"
                   "{\"p.a\": 3, \"p\": {\"a\": 4, \"b\": 5}}\n"
                   "{\"p\": {\"a\": 4, \"b\": 5}, \"p.a\": 3}\n"
                   "{\"p.b\": \"7\", \"p.a\": 6}\n",
                   columns),
              ElementsAre("1|2", "3|5", "3|5", "6|7"));
  // Neither lists nor objects deeper within.
  EXPECT_THAT(Rows("a.jsonl", "{\"p\": [{\"a\": 1, \"b\": 2}]}\n", columns),
              ElementsAre("a.jsonl:1: expects a column 'p.a', got p"));
  EXPECT_THAT(
      Rows("a.jsonl", "{\"q\": {\"p\": {\"a\": 1, \"b\": 2}}}\n", columns),
      ElementsAre("a.jsonl:1: expects a column 'p.a', got q, q.p"));
  EXPECT_THAT(
      Rows("a.jsonl", "{\"p\": {\"a\": {\"b\": 1}, \"b\": 2}}\n", columns),
      ElementsAre("a.jsonl:1: column 'p.a' expects a finite number, got "
                  "{\"b\":1}"));
}

TEST_F(TableReaderTest, NamesAllColumns) {
  const auto names = [&](absl::string_view name, absl::string_view bytes) {
    EXPECT_TRUE(WriteFile(files_, Path(name), bytes).ok());
    const auto read = ReadColumnNames(files_, {Path(name)}, {});
    return read.ok()
               ? absl::StrJoin(*read, " ")
               : std::string(read.status().message()).substr(dir_.size() + 1);
  };
  EXPECT_EQ(names("a.tsv", "y\t\tx\n1\t2\t3\n"), "y x");
  EXPECT_EQ(names("a.csv", "\"b, c\",a\n"), "b, c a");
  EXPECT_EQ(names("a.jsonl",
                  "\n{\"y\": {\"b\": 1, \"a\": {\"k\": 1}}, "
                  "\"x\": [{\"k\": 1}]}\n{\"z\": 1}\n"),
            "x y y.a y.b");
  EXPECT_EQ(names("a.tsv", ""),
            "a.tsv: expects a header line, got an empty file");
  EXPECT_EQ(
      names("a.jsonl", "[1]"),
      "a.jsonl:1: expects an object, got [1]; a .jsonl has one object per "
      "line, and no list around them");
  const auto none = ReadColumnNames(files_, {Path("none.tsv")}, {});
  EXPECT_TRUE(absl::IsNotFound(none.status())) << none.status();
  const auto pipe = ReadColumnNames(files_, {"-"}, {.format = "tsv"});
  EXPECT_EQ(pipe.status().message(),
            "-: expects a file, whose columns are looked at before it is read, "
            "got standard input");
}

TEST_F(TableReaderTest, BadWeightsAreNamed) {
  // An empty one is refused even where a text may be empty.
  const std::vector<TableColumn> columns = {
      Column("text"), Column("w", Kind::kWeight, /*allow_empty=*/true)};
  const auto expected = [](absl::string_view where, absl::string_view got) {
    return absl::StrCat(
        where, ": column 'w' expects a finite number of at least 0, got ", got);
  };
  EXPECT_THAT(Rows("a.tsv", "text\tweight\na\t1\n", columns),
              ElementsAre("a.tsv:1: expects a column 'w', got text, weight"));
  for (const absl::string_view bad :
       {"-1", "-1e-9", "nan", "inf", "1e39", "-1e999", "one", "1,5", "1 2"})
    EXPECT_THAT(
        Rows("a.tsv", absl::StrCat("text\tw\na\t1\nb\t", bad, "\n"), columns),
        ElementsAre("a|1", expected("a.tsv:3", absl::StrCat("\"", bad, "\""))));
  for (const absl::string_view blank : {"", " "})
    EXPECT_THAT(
        Rows("a.tsv", absl::StrCat("text\tw\na\t", blank, "\n"), columns),
        ElementsAre(expected("a.tsv:2", "an empty text")));
  EXPECT_THAT(Rows("a.jsonl", "{\"text\": \"a\", \"v\": 1}", columns),
              ElementsAre("a.jsonl:1: expects a column 'w', got text, v"));
  const std::pair<absl::string_view, absl::string_view> bad_values[] = {
      {"null", "null"},
      {"true", "true"},
      {"[1]", "[1]"},
      {"{}", "{}"},
      {"-2", "\"-2\""},
      {"1e39", "\"1e39\""},
      {"\"\"", "an empty text"},
      {"\"nan\"", "\"nan\""},
      {"\"1\\u0000\"", "\"1\\u0000\""}};
  for (const auto& [value, got] : bad_values)
    EXPECT_THAT(Rows("a.jsonl",
                     absl::StrCat("{\"text\": \"a\", \"w\": 1}\n\n"
                                  "{\"text\": \"b\", \"w\": ",
                                  value, "}\n"),
                     columns),
                ElementsAre("a|1", expected("a.jsonl:3", got)));
}

TEST_F(TableReaderTest, WhereNamesTheCurrentLine) {
  ASSERT_TRUE(WriteFile(files_, Path("a.tsv"), "text\nx\n").ok());
  auto reader = TableReader::Open(files_, {Path("a.tsv")}, {Column("text")});
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE((*reader)->Next().value());
  EXPECT_EQ((*reader)->line(), 2);
  EXPECT_EQ((*reader)->Where(), Path("a.tsv") + ":2");
  EXPECT_FALSE((*reader)->Next().value());
}

// Row counts of the published data sets, where they are at hand.
TEST_F(TableReaderTest, ReadsTheDataSets) {
  const char* folder = ::getenv("GRAFT_DATA");
  const std::string data = folder != nullptr
                               ? std::string(folder)
                               : JoinPath(GRAFT_SOURCE_DIR, "../shared/data");
  if (!files_.IsDirectory(data)) {
    GTEST_SKIP() << "no data sets in " << data << "; set GRAFT_DATA";
  }
  struct Set {
    const char* file;
    std::vector<TableColumn> columns;
    int64_t rows;
  };
  const Set sets[] = {
      {"sst2/train.tsv", {Column("label"), Column("text")}, 6909},
      {"stsb/dev.tsv",
       {Column("score"), Column("text_a"), Column("text_b")},
       1427},
      {"tnews/train.tsv", {Column("label"), Column("text")}, 7000},
      {"ud_ewt/dev.jsonl",
       {Column("tokens", Kind::kWords), Column("upos", Kind::kWords)},
       1880},
      {"squad/dev.jsonl",
       {Column("context"), Column("question"), Column("answers", Kind::kJson)},
       1205}};
  for (const Set& set : sets) {
    auto reader =
        TableReader::Open(files_, {JoinPath(data, set.file)}, set.columns);
    ASSERT_TRUE(reader.ok()) << reader.status();
    int64_t rows = 0;
    while (true) {
      const auto more = (*reader)->Next();
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) break;
      ++rows;
    }
    EXPECT_EQ(rows, set.rows) << set.file;
  }
}

TEST_F(TableReaderTest, MissingFile) {
  EXPECT_TRUE(absl::IsNotFound(
      TableReader::Open(files_, {Path("none.tsv")}, {Column("text")})
          .status()));
}

}  // namespace
}  // namespace graft
