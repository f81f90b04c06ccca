// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A run that stops or is killed before any instruction of its host program, and
// resumes, reaches the same bits as a run without a break.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/inspect_host.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/train/job.h"

namespace graft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// An instruction, and which of its executions, from 1.
struct Point {
  size_t at = 0;
  int64_t execution = 1;
};

// True once, before the execution of `point`; then it does `action`.
std::function<bool(size_t)> Before(Point point, std::function<void()> action) {
  return [point, action, count = int64_t{0}](size_t at) mutable {
    if (at != point.at || ++count != point.execution) return false;
    action();
    return true;
  };
}

class ResumeTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no level of code runs here";
    // In memory where there is such a folder: each checkpoint is synced, and
    // the runs write a thousand of them.
    const char* memory = "/dev/shm";
    directory_ = access(memory, W_OK) == 0 ? memory : ::testing::TempDir();
    directory_ += "/graft_resume_XXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    auto job = Job::Create(directory_, ScalesLoss());
    ASSERT_TRUE(job.ok()) << job.status();
    job_ = *std::move(job);
    // How often each instruction runs when nothing happens.
    executions_.resize(job_->program().instructions.size());
    auto whole = job_->Run("whole", /*resume=*/false, [&](size_t at) {
      ++executions_[at];
      return false;
    });
    ASSERT_TRUE(whole.ok()) << whole.status();
    whole_ = *std::move(whole);
  }
  void TearDown() override {
    if (!directory_.empty())
      RemoveTree(FileSystem::Posix(), directory_).IgnoreError();
  }

  static bool ScalesLoss() { return GetParam() == std::string("loss_scale"); }

  // Every execution of each instruction.
  std::vector<Point> AllPoints() const {
    std::vector<Point> points;
    for (size_t at = 0; at < executions_.size(); ++at)
      for (int64_t i = 1; i <= executions_[at]; ++i) points.push_back({at, i});
    return points;
  }

  // The first, a middle and the last execution of each instruction that runs.
  std::vector<Point> SomePoints() const {
    std::vector<Point> points;
    for (size_t at = 0; at < executions_.size(); ++at) {
      const int64_t count = executions_[at];
      for (const int64_t execution : std::set<int64_t>{
               std::min<int64_t>(count, 1), (count + 1) / 2, count})
        if (execution > 0) points.push_back({at, execution});
    }
    return points;
  }

  std::string Describe(Point point) const {
    return absl::StrCat(
        "execution ", point.execution, " of ", executions_[point.at], " of ",
        point.at, ": ",
        DescribeInstruction(job_->spec(), job_->program(),
                            job_->program().instructions[point.at]));
  }

  // The records of metrics.jsonl, without the speed.
  std::vector<std::string> Records(const std::string& folder) const {
    const std::string text =
        ReadFile(FileSystem::Posix(),
                 JoinPath(JoinPath(directory_, folder), "metrics.jsonl"))
            .value();
    std::vector<std::string> records = absl::StrSplit(text, '\n');
    for (std::string& record : records)
      record = record.substr(0, record.find(",\"examples_per_second\""));
    return records;
  }

  // Resumes what is in `folder` and compares.
  void ExpectSameEnd(const std::string& folder) {
    auto resumed = job_->Run(folder, /*resume=*/true);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_FALSE(resumed->summary.interrupted);
    EXPECT_THAT(resumed->summary.warnings, ::testing::IsEmpty());
    EXPECT_EQ(resumed->slots, whole_.slots);
    EXPECT_EQ(resumed->state, whole_.state);
    EXPECT_EQ(resumed->saved, whole_.saved);
    EXPECT_EQ(resumed->summary.steps, whole_.summary.steps);
    EXPECT_EQ(resumed->summary.mean_loss, whole_.summary.mean_loss);
    EXPECT_EQ(resumed->summary.best_step, whole_.summary.best_step);
    EXPECT_EQ(resumed->summary.best_score, whole_.summary.best_score);
    EXPECT_EQ(Records(folder), Records("whole"));
    EXPECT_TRUE(
        RemoveTree(FileSystem::Posix(), JoinPath(directory_, folder)).ok());
  }

  std::string directory_;
  std::unique_ptr<Job> job_;
  std::vector<int64_t> executions_;
  JobResult whole_;
};

// The job does what the test is about.
TEST_P(ResumeTest, TheJobHasEverything) {
  EXPECT_FALSE(whole_.saved.empty());
  EXPECT_GT(whole_.summary.steps, 8);  // two epochs of four steps
  std::vector<std::string> idle;
  for (size_t at = 0; at < executions_.size(); ++at)
    if (executions_[at] == 0) idle.push_back(Describe({at, 0}));
  const HostProgramSpec& program = job_->program();
  int64_t steps = 0, micro_batches = 0, skips = 0, rises = 0, kept = 0;
  for (size_t at = 0; at < executions_.size(); ++at) {
    const HostInstruction& instruction = program.instructions[at];
    const std::string text =
        DescribeInstruction(job_->spec(), program, instruction);
    if (absl::StartsWith(text, "call accumulate"))
      micro_batches += executions_[at];
    if (absl::StartsWith(text, "call update")) steps += executions_[at];
    if (instruction.op == HostOp::reset) skips += executions_[at];
    if (absl::StartsWith(text, "set scale = scale * 2"))
      rises += executions_[at];
    if (instruction.op == HostOp::keep) kept += executions_[at];
  }
  EXPECT_GT(micro_batches, 2 * steps);
  if (ScalesLoss()) {
    EXPECT_GT(skips, 2);
    EXPECT_GT(rises, 1);
    EXPECT_EQ(steps + skips, whole_.summary.steps);
  } else {
    EXPECT_GT(kept, 2);
    EXPECT_TRUE(whole_.summary.stopped_early);
    EXPECT_LT(whole_.summary.best_step, whole_.summary.steps);
  }
  // Nothing stays undone but a failure, which the step before it counts, and
  // the ends behind `fail` and `leave`, which are never reached.
  EXPECT_EQ(idle.size(), 4u) << absl::StrJoin(idle, "\n");
}

TEST_P(ResumeTest, StoppedBeforeAnyInstruction) {
  for (const Point point : AllPoints()) {
    SCOPED_TRACE(Describe(point));
    auto stopped = job_->Run("stopped", /*resume=*/false, Before(point, [] {}));
    ASSERT_TRUE(stopped.ok()) << stopped.status();
    ASSERT_TRUE(stopped->summary.interrupted);
    EXPECT_THAT(stopped->state,
                HasSubstr(absl::StrCat("\"instruction\":", point.at, ",")));
    ASSERT_NO_FATAL_FAILURE(ExpectSameEnd("stopped"));
  }
}

// What is on disk is that of the last checkpoint, and files that were written
// since then.
TEST_P(ResumeTest, KilledBeforeAnyInstruction) {
  for (const Point point : SomePoints()) {
    SCOPED_TRACE(Describe(point));
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      (void)job_->Run("killed", /*resume=*/false,
                      Before(point, [] { raise(SIGKILL); }));
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    ASSERT_NO_FATAL_FAILURE(ExpectSameEnd("killed"));
  }
}

// A run that is stopped again and again, before each of its instructions, still
// gets to its end.
TEST_P(ResumeTest, StoppedAtEachStepOfTheWay) {
  int64_t runs = 0;
  while (true) {
    // Some instructions are done in each run.
    auto part =
        job_->Run("parts", /*resume=*/runs > 0,
                  [left = int64_t{37}](size_t) mutable { return --left == 0; });
    ASSERT_TRUE(part.ok()) << part.status();
    ++runs;
    if (!part->summary.interrupted) break;
  }
  EXPECT_GT(runs, 10);
  ExpectSameEnd("parts");
}

TEST_P(ResumeTest, MissingOrDamagedKeptParametersAreFoundAtOnce) {
  if (ScalesLoss()) GTEST_SKIP() << "keeps no parameters";
  const Point last = {executions_.size() - 1, 1};
  ASSERT_TRUE(job_->Run("kept", false, Before(last, [] {})).ok());
  FileSystem& files = FileSystem::Posix();
  const std::string path =
      JoinPath(JoinPath(directory_, "kept"), "best.safetensors");
  const std::string whole = ReadFile(files, path).value();
  std::string flipped = whole;
  flipped.back() ^= 1;
  ASSERT_TRUE(WriteFile(files, path, flipped).ok());
  auto resumed = job_->Run("kept", true);
  EXPECT_TRUE(absl::IsDataLoss(resumed.status()));
  EXPECT_THAT(std::string(resumed.status().message()),
              AllOf(HasSubstr(path), HasSubstr("is damaged; the run cannot be "
                                               "resumed without")));
  ASSERT_TRUE(files.Remove(path).ok());
  EXPECT_TRUE(absl::IsNotFound(job_->Run("kept", true).status()));
  ASSERT_TRUE(WriteFile(files, path, whole).ok());
  ExpectSameEnd("kept");
}

INSTANTIATE_TEST_SUITE_P(Jobs, ResumeTest,
                         ::testing::Values("evaluation", "loss_scale"),
                         [](const auto& test) {
                           return std::string(test.param);
                         });

}  // namespace
}  // namespace graft
