// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What each format of tables takes and refuses, beside table_reader_test.cc,
// and how files are decoded and put end to end.

#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"
#include "runtime/data/table/blank.h"
#include "runtime/data/table/table_reader.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Gzip(absl::string_view text) {
  z_stream stream = {};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
                           Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(text.size() + 100, 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string Zstd(absl::string_view text) {
  std::string out(::ZSTD_compressBound(text.size()), 0);
  out.resize(
      ::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class TableFormatsTest : public ::testing::Test {
 protected:
  TableFormatsTest() {
    std::string pattern = ::testing::TempDir() + "/graft_formats_XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~TableFormatsTest() override { std::filesystem::remove_all(dir_); }

  std::string Path(absl::string_view name) { return JoinPath(dir_, name); }
  std::string Write(absl::string_view name, absl::string_view bytes) {
    EXPECT_TRUE(WriteFile(FileSystem::Posix(), Path(name), bytes).ok());
    return Path(name);
  }

  // "text|label" of each row, errors of rows, which are skipped, and the error
  // that ended the reading, without the folder.
  std::vector<std::string> Drain(TableReader& reader) {
    std::vector<std::string> rows;
    while (true) {
      const auto more = reader.Next();
      if (!more.ok()) rows.push_back(Message(more.status()));
      if (!more.ok() && reader.bad_row()) continue;
      if (!more.ok() || !*more) return rows;
      rows.push_back(absl::StrCat(reader.Text(0), "|", reader.Text(1)));
    }
  }
  std::vector<std::string> Read(const std::vector<std::string>& paths,
                                TableSource source = {}) {
    auto reader =
        TableReader::Open(files_, paths, {{"text"}, {"label"}}, source);
    if (!reader.ok()) return {Message(reader.status())};
    return Drain(**reader);
  }
  std::vector<std::string> Rows(absl::string_view name,
                                absl::string_view bytes) {
    return Read({Write(name, bytes)});
  }
  // Of a CSV with lines of at most 50 bytes.
  std::vector<std::string> Rows50(absl::string_view bytes) {
    return Read({Write("a.csv", bytes)}, {.format = "", .max_line_bytes = 50});
  }
  std::string Message(const absl::Status& status) const {
    return absl::StrReplaceAll(std::string(status.message()),
                               {{dir_ + "/", ""}});
  }

  FaultyFileSystem files_{FileSystem::Posix()};
  std::string dir_;
};

TEST_F(TableFormatsTest, CsvHasQuotedFields) {
  const std::vector<std::string> rows = {"a, b|1",       "say \"hi\"|2",
                                         "two\nlines|3", "crlf\r\nkept|4",
                                         "5\" disk|5",   "plain|6"};
  const std::string csv =
      "\"text\",label\n\"a, b\",1\n\"say \"\"hi\"\"\",\"2\"\n"
      "\"two\nlines\",3\n\"crlf\r\nkept\",4\n5\" disk,5\nplain,6";
  EXPECT_EQ(Rows("a.csv", csv), rows);
  EXPECT_EQ(Rows("a.csv", csv + "\n\n"), rows);
  EXPECT_EQ(Rows("a.CSV", "\xEF\xBB\xBF" + csv + "\r\n"), rows);
  files_.LimitReads(3);
  EXPECT_EQ(Rows("a.csv", csv), rows);
}

TEST_F(TableFormatsTest, LinesOfCsvAreThoseOfTheFile) {
  EXPECT_THAT(
      Rows("a.csv",
           "text,label\n\"x\ny\",1\nz\n\"q\n\xFF\",2\n\"a\nb\" c,3\nw,4\n"
           "\"open,5\nlast,6\n"),
      ElementsAre("x\ny|1",
                  "a.csv:4: expects 2 fields separated by commas, got 1",
                  "a.csv:6: expects UTF-8, got 0xff at byte 1; if the file is "
                  "Latin-1, iconv -f LATIN1 -t UTF-8 converts it",
                  "a.csv:7: expects a comma or the end of the line behind a "
                  "field in quotes, got more text in line 8; a quote within it "
                  "is doubled",
                  "w|4",
                  "a.csv:10: expects a quote at the end of the field that "
                  "begins with one, got none in the rest of the file"));
}

TEST_F(TableFormatsTest, AQuoteThatIsNeverClosedIsNamed) {
  EXPECT_THAT(Read({Write("a.csv", "text,label\n\"" + std::string(99, '\n'))},
                   {.format = "", .max_line_bytes = 50}),
              ElementsAre("a.csv:2: expects a line of at most 50 bytes, got a "
                          "longer one; is a quote that begins a field never "
                          "closed?"));
  constexpr char kNone[] =
      "expects a quote at the end of the field that begins with one, got none "
      "in the rest of the file";
  EXPECT_THAT(Rows("a.csv", "text,label\nx,1\ny,\"2\n\nz,3\n"),
              ElementsAre("x|1", absl::StrCat("a.csv:3: ", kNone)));
  EXPECT_THAT(Rows("a.csv", "text,label\n\"x\ny\",\"\"\"\"\"1\nz,3"),
              ElementsAre(absl::StrCat("a.csv:3: ", kNone)));
  EXPECT_THAT(Rows("a.csv", "text,\"label\nx,1\n"),
              ElementsAre(absl::StrCat("a.csv:1: ", kNone)));
  // Nor do bytes in the rest make a row of it that may be skipped.
  EXPECT_THAT(Rows("a.csv", "text,label\n\"x,1\n\xFF,2\ny,3\n"),
              ElementsAre(absl::StrCat("a.csv:2: ", kNone)));
  EXPECT_THAT(Rows("a.csv", {"text,label\n\"x,1\n\0,2\ny,3\n", 24}),
              ElementsAre(absl::StrCat("a.csv:2: ", kNone)));
}

// Rows that are too long are skipped to their ends, unless a quote is open for
// as long, or never closed. Whatever the reads are.
TEST_F(TableFormatsTest, AQuoteBehindTheLongestRowIsFollowed) {
  const std::string begin = absl::StrCat("text,label\n", std::string(60, 'x'));
  const std::string error =
      "a.csv:2: expects a line of at most 50 bytes, got a longer one";
  const std::string quote =
      "a.csv:2: expects a quote at the end of the field that begins with one, "
      "got none in ";
  for (const size_t step : {1 << 20, 7, 1}) {
    files_.LimitReads(step);
    EXPECT_THAT(Rows50(begin + ",\"a\n\"\"b\n\"\nw,4\n"),
                ElementsAre(error, "w|4"));
    EXPECT_THAT(Rows50(begin + ",\"a\nw,4\n"),
                ElementsAre(error, quote + "the rest of the file"));
    EXPECT_THAT(
        Rows50(absl::StrCat(begin, ",\"", std::string(99, '\n'), "\"\nw,4")),
        ElementsAre(error, quote + "50 bytes"));
    EXPECT_THAT(
        Rows50(absl::StrCat(begin, ",\"", std::string(99, '\n'), "w,4")),
        ElementsAre(error, quote + "50 bytes"));
    // Closed within the limit each.
    EXPECT_THAT(Rows50(absl::StrCat(begin, ",\"", std::string(40, '\n'),
                                    "\",\"", std::string(40, '\n'), "\"\nw,4")),
                ElementsAre(error, "w|4"));
  }
}

TEST_F(TableFormatsTest, RowsThatAreTooLongAreSkippedToTheirEnds) {
  const std::string words(70000, 'x');
  EXPECT_THAT(
      Read({Write("a.csv", absl::StrCat("text,label\nok,1\n", words, "\"",
                                        words, ",\"1\"\nw,4"))},
           {.format = "", .max_line_bytes = 50}),
      ElementsAre("ok|1",
                  "a.csv:3: expects a line of at most 50 bytes, got a longer "
                  "one",
                  "w|4"));
  EXPECT_THAT(
      Read({Write("a.jsonl", absl::StrCat("{\"text\": \"", words,
                                          "\", \"label\": \"a\"}\n{\"text\": "
                                          "\"b\", \"label\": \"c\"}"))},
           {.format = "", .max_line_bytes = 50}),
      ElementsAre("a.jsonl:1: expects a line of at most 50 bytes, got a longer "
                  "one",
                  "b|c"));
}

TEST_F(TableFormatsTest, OtherSeparatorsAreNamed) {
  EXPECT_THAT(Rows("a.csv", "text\tlabel\nx\t1\n"),
              ElementsAre("a.csv:1: expects a column 'text', got text\tlabel; "
                          "is it a .tsv, whose fields are separated by tabs? "
                          "--format tsv reads it"));
  EXPECT_THAT(Rows("a.csv", "text;label\nx;1\n"),
              ElementsAre("a.csv:1: expects a column 'text', got text;label; "
                          "the fields of a .csv are separated by commas, not "
                          "semicolons"));
  EXPECT_THAT(Rows("a.tsv", "text,label\nx,1\n"),
              ElementsAre("a.tsv:1: expects a column 'text', got text,label; "
                          "is it a .csv, whose fields are separated by "
                          "commas? --format csv reads it"));
}

TEST_F(TableFormatsTest, NamesThatAlmostFitAreSuggested) {
  EXPECT_THAT(Rows("a.tsv", "Text\tlabel\nx\t1\n"),
              ElementsAre("a.tsv:1: expects a column 'text', got Text, label; "
                          "did you mean 'Text'?"));
  EXPECT_THAT(Rows("a.csv", "text, label\nx,1\n"),
              ElementsAre("a.csv:1: expects a column 'label', got text,  "
                          "label; did you mean ' label'?"));
  EXPECT_THAT(Rows("a.jsonl", "{\"text\": \"x\", \"Label\": 1}"),
              ElementsAre("a.jsonl:1: expects a column 'label', got Label, "
                          "text; did you mean 'Label'?"));
}

TEST_F(TableFormatsTest, JsonNumbersAreAsWritten) {
  EXPECT_THAT(Rows("a.jsonl",
                   "{\"text\": 1.0, \"label\": 1e3}\n"
                   "{\"text\": 12345678901234567890123, \"label\": -0}\n"
                   "{\"text\": 1E+2, \"label\": 0.10}\n"
                   "{\"text\": -7, \"label\": true}\n"
                   "{\"text\": 18446744073709551615, \"label\": false}\n"),
              ElementsAre("1.0|1e3", "12345678901234567890123|-0", "1E+2|0.10",
                          "-7|true", "18446744073709551615|false"));
}

TEST_F(TableFormatsTest, OnlyKeysOfTheRowAreColumns) {
  EXPECT_THAT(Rows("a.jsonl",
                   "{\"x\": {\"text\": \"in\", \"y\": [{\"label\": 0}]}, "
                   "\"text\": \"out\", \"label\": 1, \"z\": [1, [2]]}"),
              ElementsAre("out|1"));
  EXPECT_THAT(Rows("a.jsonl", "{\"x\": {\"text\": \"a\"}, \"label\": 1}"),
              ElementsAre("a.jsonl:1: expects a column 'text', got label, x"));
}

TEST_F(TableFormatsTest, SeveralColumnsMayReadOneKey) {
  for (const std::string& path :
       {Write("a.jsonl", "{\"text\": \"in\", \"label\": 1}\n"),
        Write("a.tsv", "text\tlabel\nin\t1\n")}) {
    auto reader =
        TableReader::Open(files_, {path}, {{"text"}, {"label"}, {"text"}}, {});
    ASSERT_TRUE(reader.ok()) << reader.status();
    ASSERT_EQ((*reader)->Next().value(), true);
    EXPECT_EQ((*reader)->Text(0), "in");
    EXPECT_EQ((*reader)->Text(1), "1");
    EXPECT_EQ((*reader)->Text(2), "in");
  }
}

TEST_F(TableFormatsTest, RowsThatAreRefusedCanBeSkipped) {
  EXPECT_THAT(Rows("a.tsv",
                   "text\tlabel\n\n\na\t1\nb\n\xFF\t1\n\xC2\xA0\t1\n"
                   "c\t1\n\n"),
              ElementsAre("a.tsv:2: expects a row, got an empty line",
                          "a.tsv:3: expects a row, got an empty line", "a|1",
                          "a.tsv:5: expects 2 fields separated by tabs, got 1",
                          StartsWith("a.tsv:6: expects UTF-8"),
                          "a.tsv:7: column 'text' expects a text, got a blank "
                          "one",
                          "c|1"));
  EXPECT_THAT(Rows("a.jsonl", "[\n{\"text\": \"a\", \"label\": 1}\n{\n3\n]"),
              ElementsAre(HasSubstr("one object per line"), "a|1",
                          HasSubstr("one object per line"),
                          "a.jsonl:4: expects an object, got 3",
                          StartsWith("a.jsonl:5: expects JSON")));
}

TEST_F(TableFormatsTest, TheHeaderIsNoRow) {
  const std::string again = ": expects a row, got the header again";
  EXPECT_THAT(Rows("a.tsv",
                   "text\tlabel\na\t1\ntext\tlabel\nb\t2\n"
                   "\xEF\xBB\xBFtext\tlabel\r\n\xEF\xBB\xBFtext\t3\n"
                   "text\t4\nx\tlabel\ntext\n\xEF\xBB\xBF\tb"),
              ElementsAre("a|1", "a.tsv:3" + again, "b|2", "a.tsv:5" + again,
                          "\xEF\xBB\xBFtext|3", "text|4", "x|label",
                          "a.tsv:9: expects 2 fields separated by tabs, got 1",
                          "\xEF\xBB\xBF|b"));
  EXPECT_THAT(Rows("a.csv",
                   "\xEF\xBB\xBF\"text\",label\ntext,\"label\"\n"
                   "\xEF\xBB\xBF\"text\",label\n"
                   "\xEF\xBB\xBF\"text\",1\nb,2"),
              ElementsAre("a.csv:2" + again, "a.csv:3" + again,
                          "\xEF\xBB\xBF\"text\"|1", "b|2"));
  // Each file has its own.
  EXPECT_THAT(Read({Write("a.tsv", "text\tlabel\na\t1\n"),
                    Write("b.tsv", "label\ttext\ntext\tlabel\n")}),
              ElementsAre("a|1", "label|text"));
}

TEST_F(TableFormatsTest, ColumnsWithoutANameMayRepeat) {
  EXPECT_THAT(Rows("a.csv", ",text,label,,\n7,a,1,,\n8,b,2,x,y\nc,3\n"),
              ElementsAre("a|1", "b|2",
                          "a.csv:4: expects 5 fields separated by commas, got "
                          "2"));
  EXPECT_THAT(Rows("a.tsv", "\ttext\t\tlabel\n\ta\t\t1\n"), ElementsAre("a|1"));
  EXPECT_THAT(Rows("a.csv", "id,text,,\n1,a,,\n"),
              ElementsAre("a.csv:1: expects a column 'label', got id, text"));
  EXPECT_THAT(Rows("a.csv", ",,\n1,a,\n"),
              ElementsAre("a.csv:1: expects a column 'text', got none"));
  EXPECT_THAT(Rows("a.csv", "text,text,label,,\n1,a,,,\n"),
              ElementsAre("a.csv:1: expects each column once, got a second "
                          "'text'"));
}

TEST_F(TableFormatsTest, WeightsAreDecimalNumbers) {
  const auto weights = [&](absl::string_view name, absl::string_view bytes) {
    auto reader = TableReader::Open(files_, {Write(name, bytes)},
                                    {{"w", TableColumn::Kind::kWeight}})
                      .value();
    std::vector<std::string> rows;
    while (true) {
      const auto more = reader->Next();
      if (more.ok() && !*more) return rows;
      rows.push_back(more.ok() ? absl::StrCat(reader->Number(0))
                               : Message(more.status()));
    }
  };
  const std::string error =
      ": column 'w' expects a finite number of at least 0, got ";
  EXPECT_THAT(
      weights("w.tsv",
              "w\n1.5\n 2 \n+3\n.5\n4.\n1E+1\n-0\n0x10\n0X1p4\n"
              "1e39\ninf\nnan\n1_0\n1,5\n"),
      ElementsAre(
          "1.5", "2", "3", "0.5", "4", "10", "0",
          "w.tsv:9" + error + "\"0x10\"", "w.tsv:10" + error + "\"0X1p4\"",
          "w.tsv:11" + error + "\"1e39\"", "w.tsv:12" + error + "\"inf\"",
          "w.tsv:13" + error + "\"nan\"", "w.tsv:14" + error + "\"1_0\"",
          "w.tsv:15" + error + "\"1,5\""));
  EXPECT_THAT(weights("w.jsonl", "{\"w\": 1e1}\n{\"w\": \"0x10\"}\n"),
              ElementsAre("10", "w.jsonl:2" + error + "\"0x10\""));
}

TEST_F(TableFormatsTest, QuotesInATsvGetAHint) {
  const auto hint = [&](absl::string_view bytes) {
    auto reader = TableReader::Open(files_, {Write("a.tsv", bytes)}, {{"b"}});
    if (!reader.ok()) return Message(reader.status());
    while ((*reader)->Next().value()) {
    }
    return absl::StrReplaceAll((*reader)->hint(), {{dir_ + "/", ""}});
  };
  constexpr absl::string_view kHint =
      ": has a field in quotes; a .tsv has no quoting, and quotes are part of "
      "its texts; a .csv has";
  EXPECT_EQ(hint("\"a\"\tb\nx\ty\n"), absl::StrCat("a.tsv:1", kHint));
  EXPECT_EQ(hint("a\tb\nx\t\"a \"\"b\"\" c\"\n"),
            absl::StrCat("a.tsv:2", kHint));
  EXPECT_EQ(hint("a\tb\nx\t\"y\" and \"z\"\n\"x\"\ty\n"), "");
  std::string many = "a\tb\n";
  for (int i = 0; i < 10; ++i) absl::StrAppend(&many, "x\t\"y\"\n");
  EXPECT_EQ(hint(many), absl::StrCat("a.tsv:11", kHint));
  EXPECT_EQ(hint("\"a\"\t\"b\"\nx\ty\n"),
            "a.tsv:1: expects a column 'b', got \"a\", \"b\"; a .tsv has no "
            "quoting, and quotes are part of its texts; a .csv has");
}

TEST_F(TableFormatsTest, OtherBytesThanTextAreNamed) {
  const auto expect = [&](absl::string_view bytes, absl::string_view part) {
    EXPECT_THAT(Rows("a.tsv", bytes),
                ElementsAre(HasSubstr(std::string(part))));
  };
  expect({"\xFF\xFEt\0e\0", 6}, "expects UTF-8, got UTF-16; iconv -f UTF-16");
  expect({"\xFE\xFF\0t\0e", 6}, "expects UTF-8, got UTF-16;");
  expect({"t\0e\0x\0t\0", 8}, "got UTF-16LE;");
  expect({"\0t\0e\0x\0t", 8}, "got UTF-16BE;");
  expect({"\xFF\xFE\0\0t\0\0\0", 8}, "got UTF-32;");
  expect("PK\x03\x04....", "got a zip archive or a spreadsheet");
  expect(
      "\xFD"
      "7zXZ....",
      "got an xz file");
  expect("BZh91AY", "got a bzip2 file");
  expect("text\tlabel\ra\t1\r", "tr '\\r' '\\n' converts");
  expect({"text\tla\0bel\n", 12}, "a.tsv:1: expects text, got a NUL at byte 8");
}

TEST_F(TableFormatsTest, CompressedTablesAreToldByTheirBytes) {
  const std::string tsv = "text\tlabel\na\t1\nb\t2\n";
  const std::vector<std::string> rows = {"a|1", "b|2"};
  EXPECT_EQ(Rows("t.tsv.gz", Gzip(tsv)), rows);
  EXPECT_EQ(Rows("t.tsv.zst", Zstd(tsv)), rows);
  EXPECT_EQ(Rows("t.tsv", Gzip(tsv)), rows);
  EXPECT_EQ(Rows("t.tsv.gz", Zstd(tsv)), rows);
  EXPECT_EQ(Rows("t.tsv.gz", tsv), rows);
  EXPECT_EQ(Rows("t.csv.ZST", Zstd("text,label\na,1\nb,2\n")), rows);
  // Streams one after the other are one text, cut anywhere; gzip may be padded.
  for (size_t cut = 0; cut <= tsv.size(); ++cut) {
    EXPECT_EQ(Rows("t.tsv", Gzip(tsv.substr(0, cut)) + Gzip(tsv.substr(cut)) +
                                std::string(100, '\0')),
              rows);
    EXPECT_EQ(Rows("t.tsv", Zstd(tsv.substr(0, cut)) + Zstd(tsv.substr(cut))),
              rows);
  }
  // A frame to be skipped.
  EXPECT_EQ(Rows("t.tsv",
                 std::string("\x52\x2A\x4D\x18\x02\0\0\0xy", 10) + Zstd(tsv)),
            rows);
  files_.LimitReads(1);
  EXPECT_EQ(Rows("t.tsv", Gzip(tsv)), rows);
  EXPECT_EQ(Rows("t.tsv", Zstd(tsv)), rows);
}

TEST_F(TableFormatsTest, DamagedStreamsAreNamed) {
  std::string tsv = "text\tlabel\n";
  for (int i = 0; i < 20000; ++i)
    absl::StrAppend(&tsv, "w", i * 7919 % 10007, "\t", i % 2, "\n");
  for (const auto& [name, whole] :
       {std::pair{"gzip", Gzip(tsv)}, std::pair{"zstd", Zstd(tsv)}}) {
    const std::string start =
        absl::StrCat("t.tsv: expects a whole ", name, " file, got ");
    for (const size_t size :
         {size_t{5}, size_t{30}, whole.size() / 2, whole.size() - 1})
      EXPECT_THAT(Rows("t.tsv", whole.substr(0, size)).back(),
                  StartsWith(start + "its end within the stream"))
          << name << " " << size;
    std::string flipped = whole;
    flipped[flipped.size() / 2] ^= 0x55;
    flipped[flipped.size() / 2 + 9] ^= 0x55;
    const std::string damaged = Rows("t.tsv", flipped).back();
    // Bytes may be wrong without a sign before the checksum, which zstd's
    // simplest call does not write.
    if (absl::string_view(name) == "gzip")
      EXPECT_THAT(damaged, StartsWith(start + "damaged bytes"));
    EXPECT_THAT(Rows("t.tsv", whole + "rest").back(),
                StartsWith(start + "damaged bytes"));
  }
}

TEST_F(TableFormatsTest, FormatsAreChosen) {
  EXPECT_THAT(Read({Write("a.txt", "text,label\nx,1\n")}, {.format = "csv"}),
              ElementsAre("x|1"));
  EXPECT_THAT(Read({Write("a.tsv", "text,label\nx,1\n")}, {.format = "csv"}),
              ElementsAre("x|1"));
  EXPECT_THAT(Rows("a.txt.gz", Gzip("text,label\nx,1\n")),
              ElementsAre("a.txt.gz: expects a table whose name ends in .tsv, "
                          ".csv or .jsonl, or --format, which names its "
                          "format"));
  EXPECT_THAT(Read({Path("a.txt")}, {.format = "xls"}),
              ElementsAre("--format: expects tsv, csv or jsonl, got xls"));
}

TEST_F(TableFormatsTest, SeveralFilesAreOneTable) {
  const std::string a = Write("p-1.tsv", "text\tlabel\na\t1\nb\t2");
  const std::string b = Write("p-2.csv", "id,label,text\n7,3,\"c\nd\"\n");
  const std::string c =
      Write("p-3.jsonl.gz", Gzip("{\"text\": \"e\", \"label\": 4}\n\n"));
  const std::string none = Write("p-0.tsv", "text\tlabel\n");
  const std::vector<std::string> rows = {"a|1", "b|2", "c\nd|3", "e|4"};
  EXPECT_EQ(Read({a, b, c}), rows);
  EXPECT_EQ(Read({Path("p-*")}), rows);
  EXPECT_EQ(Read({Path("p-[1-3].*")}), rows);
  EXPECT_THAT(Read({c, a}), ElementsAre("e|4", "a|1", "b|2"));
  EXPECT_THAT(Read({none, none}),
              ElementsAre("p-0.tsv and 1 more: expects at least one row, got "
                          "none"));
  EXPECT_THAT(
      Read({a, Write("p.tsv", "text\nx\n")}),
      ElementsAre("a|1", "b|2", "p.tsv:1: expects a column 'label', got text"));
  EXPECT_THAT(Read({a, Write("q.tsv", "text\tlabel\nx\t1\ny\n")}),
              ElementsAre("a|1", "b|2", "x|1",
                          "q.tsv:3: expects 2 fields separated by tabs, got "
                          "1"));
  EXPECT_THAT(Read({Path("none-*.tsv")}),
              ElementsAre("none-*.tsv: expects a file that matches, got none"));
  EXPECT_THAT(Read({a, Path("none.tsv")}),
              ElementsAre(StartsWith("none.tsv: cannot open")));
  EXPECT_THAT(Read({"-", "/dev/stdin"}),
              ElementsAre("standard input: expects to be named once, got it "
                          "twice"));
  EXPECT_THAT(Read({""}),
              ElementsAre("expects the name of a table, got an empty one"));
  // A name that is a pattern, too.
  EXPECT_THAT(Read({Write("[x].tsv", "text\tlabel\nz\t1\n")}),
              ElementsAre("z|1"));
}

// Rows of all files can be sought, also of those that are no plain files.
TEST_F(TableFormatsTest, RowsAreReadAgain) {
  const std::string pipe = Path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] {
    std::FILE* file = std::fopen(pipe.c_str(), "w");
    std::fputs("\n{\"text\": \"p\", \"label\": 5}\n", file);
    std::fclose(file);
  });
  auto reader = TableReader::Open(
      files_,
      {Write("a.tsv", "text\tlabel\na\t1\nb\t2"),
       Write("b.csv.zst", Zstd("label,text\n3,\"c\nd\"\n4,e\n")), pipe,
       Write("c.tsv", "text\tlabel\nf\t6\n")},
      {{"text"}, {"label"}}, {.format = "", .reread = true});
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<std::pair<uint64_t, std::string>> rows;
  std::vector<std::string> where;
  while ((*reader)->Next().value()) {
    rows.emplace_back((*reader)->offset(), (*reader)->Text(0));
    where.push_back(
        absl::StrReplaceAll((*reader)->Where(), {{dir_ + "/", ""}}));
  }
  writer.join();
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_THAT(where, ElementsAre("a.tsv:2", "a.tsv:3", "b.csv.zst:2",
                                 "b.csv.zst:4", "pipe:2", "c.tsv:2"));
  for (size_t from = rows.size(); from-- > 0;) {
    ASSERT_EQ((*reader)->Seek(rows[from].first), absl::OkStatus());
    for (size_t i = from; i < rows.size(); ++i) {
      ASSERT_TRUE((*reader)->Next().value());
      EXPECT_EQ((*reader)->Text(0), rows[i].second);
      EXPECT_EQ((*reader)->offset(), rows[i].first);
    }
    EXPECT_FALSE((*reader)->Next().value());
    EXPECT_EQ((*reader)->WhereAt(rows[from].first).value(), Path(where[from]));
  }
}

TEST_F(TableFormatsTest, AFullDiskIsNamed) {
  std::string tsv = "text\tlabel\n";
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&tsv, "word\t1\n");
  const std::string path = Write("t.tsv.gz", Gzip(tsv));
  files_.FailWritesAfter(100000, ENOSPC);
  const std::string error = Read({path}, {.format = "", .reread = true}).back();
  EXPECT_THAT(error, StartsWith("t.tsv.gz: needs a copy to be read more than "
                                "once: "));
  EXPECT_THAT(error, HasSubstr("No space left on device; TMPDIR names another "
                               "folder"));
  EXPECT_EQ(Read({path}).size(), 20000u);
}

TEST_F(TableFormatsTest, ADirectoryIsNoTable) {
  std::filesystem::create_directory(Path("d.tsv"));
  EXPECT_THAT(Read({Path("d.tsv")}),
              ElementsAre(StartsWith("d.tsv: cannot read: Is a directory")));
}

TEST(BlankTest, KnowsTheWhiteSpaceOfUnicode) {
  for (const absl::string_view blank :
       {"", " ", "\t\r\n\v\f", "\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80",
        "\xE2\x80\x80\xE2\x80\x8A", "\xE2\x80\xA8\xE2\x80\xA9", "\xE2\x80\xAF",
        "\xE2\x81\x9F", "\xE3\x80\x80 "})
    EXPECT_TRUE(IsBlank(blank)) << absl::BytesToHexString(blank);
  for (const absl::string_view text :
       {"a", " a ", "\xE2\x80\x8B", "\xC2", "\xFF", "\xE3\x80\x81"})
    EXPECT_FALSE(IsBlank(text)) << absl::BytesToHexString(text);
}

}  // namespace
}  // namespace graft
