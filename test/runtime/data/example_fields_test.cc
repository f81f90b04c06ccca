// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What rows of a table give beside their texts: labels, sets, weights, numbers,
// tasks.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/data/example_table.h"
#include "runtime/data/label_sets.h"
#include "test/runtime/data/example_table_fixture.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Labels = ExampleOptions::Labels;

class ExampleFieldsTest : public ExampleTableTest {};

TEST_F(ExampleFieldsTest, ReadsPairsAndScores) {
  options_.labels = Labels::kScores;
  options_.table.pair_column = "other";
  auto table = Open(Write("t.tsv", "label\ttext\tother\n-0.5\tw1\tw2\n"));
  ASSERT_TRUE(table.ok()) << table.status();
  Examples examples(TableSchema(options_));
  EXPECT_TRUE((*table)->Next(examples).value());
  EXPECT_THAT(examples.ints(kIds, 0), ElementsAre(kCls, 6, kSep, 7, kSep));
  EXPECT_THAT(examples.ints(kTypes, 0), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_EQ(examples.floats(kLabels, 0)[0], -0.5f);
}

TEST_F(ExampleFieldsTest, FindsTheRowsOfTasks) {
  options_.table.task_column = "about";
  auto table = Scan(Write("t.tsv",
                          "label\ttext\tabout\na\tw1\tfilms\nb\tw2\tbooks\n"
                          "a\tw3\tfilms\n"),
                    /*batch_size=*/2, /*any_order=*/true);
  ASSERT_TRUE(table.ok()) << table.status();
  const TaskRows& tasks = (*table)->tasks();
  ASSERT_EQ(tasks.size(), 2);
  EXPECT_EQ(tasks.name(0), "films");
  EXPECT_THAT(tasks.rows(0), ElementsAre(0, 2));
  EXPECT_THAT(tasks.rows(1), ElementsAre(1));
  // The same rows in another file, other rows, and rows of other tasks.
  const std::string jsonl =
      "{\"label\": \"a\", \"text\": \"w1\", \"about\": 7}\n"
      "{\"label\": \"b\", \"text\": \"w1\", \"about\": 7}\n";
  auto first = Scan(Write("t.jsonl", jsonl), 2, /*any_order=*/true);
  auto again = Scan(Write("u.jsonl", jsonl), 4, /*any_order=*/true);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first)->tasks().name(0), "7");
  EXPECT_TRUE((*first)->HasRowsOf(**again));
  EXPECT_FALSE((*first)->HasRowsOf(**table));
  auto other = Scan(Write("v.jsonl", absl::StrReplaceAll(jsonl, {{"7", "8"}})),
                    2, /*any_order=*/true);
  EXPECT_NE((*first)->scan().task_hash, (*other)->scan().task_hash);
  EXPECT_EQ((*first)->scan().token_hash, (*other)->scan().token_hash);
  EXPECT_EQ((*first)->scan().label_hash, (*other)->scan().label_hash);
}

TEST_F(ExampleFieldsTest, RefusesRowsWithoutATask) {
  options_.table.task_column = "about";
  EXPECT_THAT(
      Scan(Write("t.tsv", "label\ttext\tabout\na\tw1\t\n")).status().ToString(),
      HasSubstr("t.tsv:2: column 'about' expects a text, got an empty "
                "one"));
  EXPECT_THAT(Scan(Write("u.tsv", "label\ttext\na\tw1\n")).status().ToString(),
              HasSubstr("u.tsv:1: expects a column 'about', got label, text"));
  options_.table.task_column = "label";
  EXPECT_THAT(
      Scan(Write("v.tsv", "label\ttext\na\tw1\n")).status().ToString(),
      HasSubstr(
          "--task-column: expects another column than --label-column, got "
          "'label' for both"));
}

TEST_F(ExampleFieldsTest, ScanSaysWhatTheTableHolds) {
  options_.table.partly_labelled = true;
  options_.max_length = 5;
  auto table = Scan(
      Write("t.tsv", "label\ttext\nb\tw1\n\tw1 w2 w3 w4\na\tw1\nb\tw1 w2\n"),
      /*batch_size=*/2);
  ASSERT_TRUE(table.ok()) << table.status();
  const TableScan& scan = (*table)->scan();
  EXPECT_EQ(scan.examples, 4);
  EXPECT_EQ(scan.tokens, 3 + 5 + 3 + 4);
  EXPECT_EQ(scan.longest, 5);
  EXPECT_EQ(scan.truncated, 1);
  EXPECT_EQ(scan.unlabelled, 1);
  EXPECT_EQ(scan.capacity.tokens, 64);
  EXPECT_EQ(scan.capacity.sequences, 2);
  EXPECT_THAT(labels_.labels(), ElementsAre("b", "a"));
}

TEST_F(ExampleFieldsTest, HashesTellTablesApart) {
  const auto hashes = [&](absl::string_view text) {
    const TableScan scan = (*Scan(Write("t.tsv", text)))->scan();
    return std::make_pair(scan.token_hash, scan.label_hash);
  };
  const auto first = hashes("label\ttext\na\tw1\nb\tw2\n");
  EXPECT_EQ(hashes("label\ttext\r\na\tw1\r\nb\tw2"), first);
  const auto text = hashes("label\ttext\na\tw1\nb\tw3\n");
  EXPECT_NE(text.first, first.first);
  EXPECT_EQ(text.second, first.second);
  const auto label = hashes("label\ttext\nb\tw1\na\tw2\n");
  EXPECT_EQ(label.first, first.first);
  EXPECT_NE(label.second, first.second);
}

TEST_F(ExampleFieldsTest, ReadsWeights) {
  options_.table.weight_column = "w";
  for (const Labels labels : {Labels::kClasses, Labels::kScores}) {
    options_.labels = labels;
    for (const std::string& path :
         {Write("t.tsv", "w\tlabel\ttext\n0.5\t1\tw1\n2\t3\tw2\n"),
          Write("t.jsonl",
                "{\"w\": 0.5, \"label\": 1, \"text\": \"w1\"}\n"
                "{\"w\": 2, \"label\": 3, \"text\": \"w2\"}\n")}) {
      auto table = Scan(path);
      ASSERT_TRUE(table.ok()) << table.status();
      const Schema& schema = (*table)->schema();
      EXPECT_EQ(schema.Names(), "ids, types, labels, weights");
      const size_t weights = *schema.Find(kWeightsColumn);
      Examples examples(schema);
      for (const int64_t row : {1, 0, 1})
        ASSERT_EQ((*table)->Append(row, examples), absl::OkStatus());
      EXPECT_THAT(examples.columns().floats(weights), ElementsAre(2, 0.5, 2));
      EXPECT_EQ(SumColumn(examples, weights), 4.5);
    }
  }
}

TEST_F(ExampleFieldsTest, HasAColumnForWhatIsRead) {
  const auto names = [&] { return TableSchema(options_).Names(); };
  EXPECT_EQ(names(), "ids, types, labels");
  options_.table.weight_column = "w";
  EXPECT_EQ(names(), "ids, types, labels, weights");
  // Texts alone are predicted, and have no weights.
  options_.labels = Labels::kNone;
  EXPECT_EQ(names(), "ids, types");
  EXPECT_TRUE(Open(Write("t.tsv", "text\nw1\n")).ok());
}

TEST_F(ExampleFieldsTest, ReadsRowsOfNumbers) {
  options_.table.feature_columns = {"y", "x"};
  for (const bool texts : {true, false}) {
    options_.texts = texts;
    for (const std::string& path :
         {Write("t.tsv", "x\tlabel\ttext\ty\n1\ta\tw1\t-2\n3\tb\tw2\t.5\n"),
          Write("t.jsonl",
                "{\"x\": 1, \"label\": \"a\", \"text\": \"w1\", \"y\": -2}\n"
                "{\"x\": 3, \"label\": \"b\", \"text\": \"w2\", \"y\": "
                "0.5}\n")}) {
      labels_ = LabelMap();
      auto table = Scan(path);
      ASSERT_TRUE(table.ok()) << table.status();
      const Schema& schema = (*table)->schema();
      EXPECT_EQ(schema.Names(),
                texts ? "ids, types, labels, features" : "labels, features");
      EXPECT_EQ((*table)->scan().tokens, texts ? 6 : 0);
      const size_t features = *schema.Find(kFeaturesColumn);
      EXPECT_EQ(schema.columns()[features].width, 2);
      Examples examples(schema);
      for (const int64_t row : {1, 0})
        ASSERT_EQ((*table)->Append(row, examples), absl::OkStatus());
      EXPECT_THAT(examples.columns().floats(features),
                  ElementsAre(0.5, 3, -2, 1));
      EXPECT_EQ(examples.length(0), texts ? 3 : 0);
      EXPECT_THAT(examples.columns().ints(*schema.Find(kLabelsColumn)),
                  ElementsAre(1, 0));
    }
  }
}

TEST_F(ExampleFieldsTest, SoftTargetsFollowTheClasses) {
  options_.table.soft_column = "p";
  options_.soft_labels = 2;
  options_.texts = false;
  options_.labels = Labels::kNone;
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  const std::string path = Write("t.tsv", "p.b\tp.a\n1\t2\n-3\t4\n");
  auto table = Scan(path);
  ASSERT_TRUE(table.ok()) << table.status();
  const size_t soft = *(*table)->schema().Find(kSoftColumn);
  const auto values = [&] {
    Examples examples((*table)->schema());
    for (const int64_t row : {0, 1})
      EXPECT_EQ((*table)->Append(row, examples), absl::OkStatus());
    const absl::Span<const float> all = examples.columns().floats(soft);
    return std::vector<float>(all.begin(), all.end());
  };
  EXPECT_THAT(values(), ElementsAre(2, 1, 4, -3));
  // Those of a head that has another order.
  labels_ = LabelMap::FromLabels({"b", "a"}).value();
  EXPECT_THAT(values(), ElementsAre(1, 2, -3, 4));
  labels_ = LabelMap::FromLabels({"a", "c"}).value();
  EXPECT_EQ(Open(path).status().message(),
            absl::StrCat(path, ":1: expects a column 'p.c', got p.b, p.a"));
}

TEST_F(ExampleFieldsTest, ProbabilitiesAreFromZeroToOne) {
  options_.table.soft_column = "p";
  options_.soft_labels = 2;
  options_.probabilities = true;
  options_.labels = Labels::kNone;
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  EXPECT_TRUE(Scan(Write("t.tsv", "text\tp.b\tp.a\nw1\t0\t1\n")).ok());
  const std::string tsv =
      Write("u.tsv", "text\tp.b\tp.a\nw1\t0\t1\nw1\t0.5\t1.1\n");
  EXPECT_EQ(Scan(tsv).status().message(),
            absl::StrCat(tsv,
                         ":3: column 'p.a' expects a probability from 0 "
                         "to 1, got \"1.1\""));
  const std::string jsonl =
      Write("t.jsonl", R"({"text": "w1", "p": {"a": 1, "b": -0.1}})");
  EXPECT_EQ(Scan(jsonl).status().message(),
            absl::StrCat(jsonl,
                         ":1: column 'p.b' expects a probability from 0 "
                         "to 1, got \"-0.1\""));
}

TEST_F(ExampleFieldsTest, SetsOfLabels) {
  options_.labels = Labels::kSets;
  const std::string tsv =
      Write("t.tsv", "label\ttext\nb, a\tw1\n\tw2\na\tw1\nc,c\tw2\n");
  const std::string jsonl =
      Write("t.jsonl",
            "{\"label\": [\"b\", \"a\"], \"text\": \"w1\"}\n"
            "{\"label\": [], \"text\": \"w2\"}\n"
            "{\"label\": \"a\", \"text\": \"w1\"}\n"
            "{\"label\": [\"c\"], \"text\": \"w2\"}\n");
  uint64_t hash = 0;
  for (const std::string& path : {tsv, jsonl}) {
    labels_ =
        ReadSetLabels(FileSystem::Posix(), {path}, options_.table).value();
    EXPECT_THAT(labels_.labels(), ElementsAre("a", "b", "c"));
    options_.set_labels = labels_.size();
    auto table = Scan(path);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ((*table)->schema().Names(), "ids, types, multi_hot");
    EXPECT_EQ((*table)->scan().labels, 3);
    EXPECT_EQ((*table)->scan().unlabelled, 1);
    Examples examples((*table)->schema());
    for (const int64_t row : {0, 1, 2, 3})
      ASSERT_EQ((*table)->Append(row, examples), absl::OkStatus());
    const size_t column = *(*table)->schema().Find(kMultiHotColumn);
    EXPECT_THAT(examples.columns().floats(column),
                ElementsAre(1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1));
    EXPECT_TRUE(hash == 0 || hash == (*table)->scan().label_hash);
    hash = (*table)->scan().label_hash;
  }
}

TEST_F(ExampleFieldsTest, RefusesWhatIsNoSetOfLabels) {
  options_.labels = Labels::kSets;
  options_.set_labels = 2;
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  const auto refusal = [&](const std::string& name, const std::string& row) {
    const bool jsonl = name == "t.jsonl";
    const std::string path =
        Write(name, absl::StrCat(jsonl ? "" : "label\ttext\n", row, "\n"));
    const std::string message(Scan(path).status().message());
    return message.substr(std::min(message.size(), path.size()));
  };
  EXPECT_EQ(refusal("t.tsv", "a,\tw1"),
            ":2: expects a label before and behind each comma, got 'a,'");
  EXPECT_EQ(refusal("t.tsv", "a, c\tw1"),
            ":2: expects one of 2 labels (a, b), got 'c'");
  EXPECT_EQ(refusal("t.jsonl", "{\"label\": [\"a,b\"], \"text\": \"w1\"}"),
            ":1: column 'label' expects a list of texts that are not blank and "
            "have no commas, got "
            "\"a,b\"");
  EXPECT_EQ(refusal("t.jsonl", "{\"label\": [2], \"text\": \"w1\"}"),
            ":1: column 'label' expects a list of texts that are not blank and "
            "have no commas, got 2");
  const std::string none = Write("none.tsv", "label\ttext\n\tw1\n");
  EXPECT_EQ(ReadSetLabels(FileSystem::Posix(), {none}, options_.table)
                .status()
                .message(),
            absl::StrCat(none,
                         ": column 'label' expects labels, got none in any "
                         "row"));
}

TEST_F(ExampleFieldsTest, NumbersAreInTheHashes) {
  options_.table.feature_columns = {"x"};
  options_.table.soft_column = "p";
  options_.soft_labels = 2;
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  const auto scan = [&](absl::string_view row) {
    return (*Scan(Write("t.tsv",
                        absl::StrCat("label\ttext\tx\tp.a\tp.b\n", row, "\n"))))
        ->scan();
  };
  const TableScan first = scan("a\tw1\t1\t2\t3");
  const TableScan other_x = scan("a\tw1\t1.5\t2\t3");
  EXPECT_NE(other_x.token_hash, first.token_hash);
  EXPECT_EQ(other_x.label_hash, first.label_hash);
  const TableScan other_p = scan("a\tw1\t1\t2\t3.5");
  EXPECT_EQ(other_p.token_hash, first.token_hash);
  EXPECT_NE(other_p.label_hash, first.label_hash);
}

TEST_F(ExampleFieldsTest, KeepsColumns) {
  options_.labels = Labels::kNone;
  options_.keep_columns = {"id", "note"};
  auto table = Open(Write("t.tsv", "note\ttext\tid\na \"b\"\tw1\t7\n\tw2\t\n"));
  ASSERT_TRUE(table.ok()) << table.status();
  Examples examples((*table)->schema());
  ASSERT_TRUE((*table)->Next(examples).value());
  ASSERT_TRUE((*table)->Next(examples).value());
  EXPECT_EQ(examples.kept(0), R"({"id":"7","note":"a \"b\""})");
  EXPECT_EQ(examples.kept(1), R"({"id":"","note":""})");
  Examples copy((*table)->schema());
  copy.Add(examples, 1);
  EXPECT_EQ(copy.kept(0), examples.kept(1));
}

TEST_F(ExampleFieldsTest, WeightsAreInTheHashOfLabels) {
  const std::string path =
      Write("t.tsv", "w\tlabel\ttext\n1\ta\tw1\n2\tb\tw2\n");
  const TableScan without = (*Scan(path))->scan();
  options_.table.weight_column = "w";
  const TableScan with = (*Scan(path))->scan();
  EXPECT_EQ(with.token_hash, without.token_hash);
  EXPECT_NE(with.label_hash, without.label_hash);
  // By value, not by spelling.
  Write("t.tsv", "w\tlabel\ttext\n1.0\ta\tw1\n2\tb\tw2\n");
  EXPECT_EQ((*Scan(path))->scan().label_hash, with.label_hash);
  Write("t.tsv", "w\tlabel\ttext\n1\ta\tw1\n2.5\tb\tw2\n");
  EXPECT_NE((*Scan(path))->scan().label_hash, with.label_hash);
}

}  // namespace
}  // namespace graft
