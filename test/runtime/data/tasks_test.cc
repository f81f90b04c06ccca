// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/tasks.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/data/sampler.h"
#include "test/runtime/data/drain.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using Rows = std::vector<std::vector<int64_t>>;

// Row i is of the task that the character i names.
TaskRows TasksOf(absl::string_view names) {
  TaskCollector collector;
  for (size_t i = 0; i < names.size(); ++i) collector.Add(names.substr(i, 1));
  return collector.Finish().value();
}

StreamTasks StreamOf(absl::string_view names, int64_t part = 0,
                     int64_t parts = 1) {
  StreamTasks tasks;
  tasks.rows = TasksOf(names);
  tasks.part = part;
  tasks.parts = parts;
  return tasks;
}

// The rows of episodes [first, first + count).
Rows Episodes(const StreamTasks& tasks, EpisodeOrder order, int64_t count) {
  int64_t rows = 0;
  for (int64_t task = 0; task < tasks.rows.size(); ++task)
    rows += static_cast<int64_t>(tasks.rows.rows(task).size());
  ExamplesInMemory source = OfLengths(std::vector<int>(rows, 1));
  const BatchMaker make = EpisodeBatches(source, tasks, order, {64, 64});
  Rows all;
  Batch batch;
  batch.examples = Examples(LabelledSchema());
  for (int64_t i = 0; i < count; ++i) {
    batch.examples.Clear();
    EXPECT_TRUE(make(batch).value());
    EXPECT_EQ(batch.micro_batches.size(), 1u);
    all.emplace_back();
    for (int64_t row = 0; row < batch.examples.size(); ++row)
      all.back().push_back(batch.examples.row(row));
  }
  return all;
}

TEST(TaskRowsTest, HasTheRowsOfEachTask) {
  const TaskRows tasks = TasksOf("babcb");
  ASSERT_EQ(tasks.size(), 3);
  EXPECT_EQ(tasks.name(0), "b");
  EXPECT_EQ(tasks.name(2), "c");
  EXPECT_THAT(tasks.rows(0), ElementsAre(0, 2, 4));
  EXPECT_THAT(tasks.rows(1), ElementsAre(1));
  EXPECT_THAT(tasks.rows(2), ElementsAre(3));
  EXPECT_EQ(TaskRows().size(), 0);
  EXPECT_EQ(TaskCollector().Finish()->size(), 0);
}

TEST(TaskRowsTest, TakesTheOrderOfAnother) {
  TaskRows tasks = TasksOf("babcb");
  const TaskRows first = TasksOf("cabb");
  EXPECT_EQ(tasks.FirstWithout(first), std::nullopt);
  EXPECT_EQ(tasks.FirstWithout(TasksOf("b")), "a");
  EXPECT_EQ(TasksOf("b").FirstWithout(tasks), std::nullopt);
  tasks.OrderAs(first);
  EXPECT_EQ(tasks.name(0), "c");
  EXPECT_THAT(tasks.rows(0), ElementsAre(3));
  EXPECT_THAT(tasks.rows(1), ElementsAre(1));
  EXPECT_THAT(tasks.rows(2), ElementsAre(0, 2, 4));
}

// The last visit of a time through a task is filled up from its beginning; a
// task with fewer rows than a batch gives all of them.
TEST(EpisodesTest, GoRoundInTheOrderOfTheTable) {
  const StreamTasks tasks = StreamOf("aabbabbb");
  EXPECT_THAT(
      Episodes(tasks, {.batch_size = 2}, 8),
      ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4, 0),
                  ElementsAre(5, 6), ElementsAre(0, 1), ElementsAre(7, 2),
                  ElementsAre(4, 0), ElementsAre(2, 3)));
  EXPECT_THAT(Episodes(tasks, {.batch_size = 4}, 2),
              ElementsAre(ElementsAre(0, 1, 4), ElementsAre(2, 3, 5, 6)));
}

TEST(EpisodesTest, DealOutTheRowsOfATable) {
  const std::string names = "aaaaabbb";
  const StreamTasks support = StreamOf(names, 0, 2);
  const StreamTasks query = StreamOf(names, 1, 2);
  EXPECT_THAT(Episodes(support, {.batch_size = 2}, 4),
              ElementsAre(ElementsAre(0, 1), ElementsAre(5), ElementsAre(4, 0),
                          ElementsAre(7)));
  EXPECT_THAT(Episodes(query, {.batch_size = 2}, 4),
              ElementsAre(ElementsAre(2, 3), ElementsAre(6), ElementsAre(1, 2),
                          ElementsAre(5)));
  EXPECT_TRUE(CheckParts(support).ok());
  EXPECT_EQ(FewestTaskRows(support), 1);
  EXPECT_EQ(FewestTaskRows(StreamOf(names)), 3);
  const absl::Status few = CheckParts(StreamOf("aabaa", 0, 2));
  EXPECT_EQ(few.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(few.message(),
            "expects at least 2 rows of the task 'b', one for each stream that "
            "reads them, got 1");
}

// Of this seed; a checkpoint relies on them.
TEST(EpisodesTest, AreShuffledByTheirSeed) {
  const EpisodeOrder order = {.batch_size = 2, .shuffle = true, .seed = 5};
  EXPECT_THAT(Episodes(StreamOf("aaabbb"), order, 4),
              ElementsAre(ElementsAre(2, 0), ElementsAre(5, 4),
                          ElementsAre(1, 2), ElementsAre(3, 5)));
  EpisodeOrder other = order;
  other.seed = 6;
  EXPECT_NE(Episodes(StreamOf("aaabbb"), order, 8),
            Episodes(StreamOf("aaabbb"), other, 8));
  // Another table has another order of its rows.
  StreamTasks table = StreamOf("aaabbb");
  table.table = 1;
  EXPECT_NE(Episodes(StreamOf("aaabbb"), order, 8), Episodes(table, order, 8));
}

// What holds for any tables, orders and beginnings.
TEST(EpisodesTest, HoldOneTaskForAllStreams) {
  std::mt19937_64 generator(1);
  const auto draw = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(generator);
  };
  for (int trial = 0; trial < 300; ++trial) {
    const int64_t parts = draw(1, 3);
    std::string names;
    for (const char task : {'a', 'b', 'c', 'd'})
      names.append(draw(parts, 12), task);
    std::shuffle(names.begin(), names.end(), generator);
    EpisodeOrder order;
    order.batch_size = draw(1, 6);
    order.shuffle = draw(0, 2) > 0;
    order.seed = generator();
    constexpr int64_t kTasks = 4, kRounds = 30;
    std::vector<Rows> streams;
    for (int64_t part = 0; part < parts; ++part) {
      const StreamTasks tasks = StreamOf(names, part, parts);
      streams.push_back(Episodes(tasks, order, kTasks * kRounds));
      // As a run that is resumed.
      EpisodeOrder later = order;
      later.first = draw(0, 40);
      const Rows rest = Episodes(tasks, later, 20);
      EXPECT_TRUE(std::equal(rest.begin(), rest.end(),
                             streams.back().begin() + later.first));
    }
    std::multiset<int64_t> seen;
    for (int64_t round = 0; round < kRounds; ++round) {
      std::string tasks;
      for (int64_t i = round * kTasks; i < (round + 1) * kTasks; ++i) {
        tasks += names[streams[0][i].front()];
        const int64_t all =
            std::count(names.begin(), names.end(), tasks.back());
        std::set<int64_t> episode;
        for (const Rows& stream : streams) {
          EXPECT_EQ(static_cast<int64_t>(stream[i].size()),
                    std::min(order.batch_size, all / parts));
          for (const int64_t row : stream[i]) {
            EXPECT_EQ(names[row], tasks.back());
            EXPECT_TRUE(episode.insert(row).second) << "a row twice";
            seen.insert(row);
          }
        }
      }
      EXPECT_THAT(tasks, UnorderedElementsAre('a', 'b', 'c', 'd'));
    }
    // Visits go through all rows of a task alike.
    for (const char task : names) {
      std::vector<size_t> counts;
      for (size_t row = 0; row < names.size(); ++row)
        if (names[row] == task) counts.push_back(seen.count(row));
      const auto [least, most] =
          std::minmax_element(counts.begin(), counts.end());
      EXPECT_GT(*least, 0u);
      EXPECT_LE(*most, 2 * *least + 2);
    }
  }
}

TEST(EpisodesTest, AreCutAtTheCapacity) {
  ExamplesInMemory source = OfLengths({4, 4, 3, 8});
  const StreamTasks tasks = StreamOf("aaaa");
  const auto stream =
      StartStream(EpisodeBatches(source, tasks, {.batch_size = 4}, {8, 100}));
  const Batch* batch = *stream->Next();
  ASSERT_EQ(batch->micro_batches.size(), 3u);
  EXPECT_EQ(batch->micro_batches[0].end, 2);
}

}  // namespace
}  // namespace graft
