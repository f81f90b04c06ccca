// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs host programs on an artifact whose entries copy what they are given, and
// writes down what they ask of their run.

#ifndef GRAFT_TEST_RUNTIME_HOST_HOST_FIXTURE_H_
#define GRAFT_TEST_RUNTIME_HOST_HOST_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/artifact/artifact.h"
#include "runtime/base/file.h"
#include "runtime/device/device.h"
#include "runtime/executor/instance.h"
#include "runtime/host/interpreter.h"
#include "test/runtime/host/program.h"

namespace graft {

// Examples of so many tokens each, with the column "value".
class NumberedExamples final : public ExampleSource {
 public:
  // Example i has the value first + i.
  NumberedExamples(const std::vector<int64_t>& lengths, float first);

  const Schema& schema() const override { return all_.schema(); }
  int64_t size() const override { return all_.size(); }
  int64_t longest() const override { return longest_; }
  absl::Status Append(int64_t row, Examples& examples) override;

 private:
  Examples all_;
  int64_t longest_ = 0;
};

// Services that write down what is asked, and answer as a test says.
class RecordingServices : public HostServices {
 public:
  explicit RecordingServices(const ArtifactSpec& spec) : spec_(&spec) {}

  // "log dev step=3", one for each call.
  std::vector<std::string> calls;
  std::function<bool(size_t at)> stop;
  // What a call returns that would succeed otherwise, by its text.
  std::function<absl::Status(const std::string& call)> fail;
  std::function<bool()> finite;
  int64_t evaluations = 0;  // the loss; scores are ten times that
  // Whose registers are shown.
  HostInterpreter* interpreter = nullptr;

  bool Stop(size_t at) override { return stop && stop(at); }
  absl::StatusOr<CachedRows> FillCache(size_t cache) override;
  absl::StatusOr<Score> Evaluate(size_t entry, size_t stream) override;
  absl::StatusOr<bool> TestFinite(const std::string& state) override;
  absl::Status Reset(const std::string& state) override;
  absl::Status Keep(const std::string& name) override;
  absl::Status Restore(const std::string& name) override;
  absl::Status Log(const HostInstruction& instruction) override;
  absl::Status Mark(const HostInstruction& instruction, bool save) override;
  absl::Status Fail(const HostInstruction& instruction) override;

 private:
  absl::Status Record(std::string call);
  std::string Shown(const HostInstruction& instruction) const;

  const ArtifactSpec* spec_;
};

// The artifact has the streams "train", "dev" (like train) and "other", the
// cache "copied" of the values of train, and these entries:
//   first(value of train) -> value: that of the first example
//   others(value of train, value of other) -> value, other
//   scalar(register x) -> value
//   step() -> value: the step of random draws
//   cached(rows of copied) -> value: that of the first example
//   copied(value of train) -> rows
//   represent(value of train) -> rows: of the batch, "kept"
//   relate(rows of kept, value of train), of a whole batch -> value: that of
//   the
//     first example; rows: those of kept; of the batch, "related"
//   push(rows of related) -> value: that of the first example
class HostFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Replaces the program.
  void Load(const host_program::Body& code);
  // Makes an interpreter of it; streams without a source are absent.
  absl::StatusOr<std::unique_ptr<HostInterpreter>> Create();
  // Loads and runs the program to its end, and returns the calls of services.
  std::vector<std::string> Run(const host_program::Body& code);
  // The error of Run.
  absl::Status RunError(const host_program::Body& code);

  double Register(const std::string& name);

  FileSystem& files_ = FileSystem::Posix();
  std::string path_;
  std::string code_;
  ArtifactSpec spec_;  // borrows code_
  std::unique_ptr<Device> device_;
  std::shared_ptr<const Artifact> artifact_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<RecordingServices> services_;
  std::unique_ptr<HostInterpreter> interpreter_;
  // Values 1, 2, ... of train and 101, 102, ... of other. A micro-batch has up
  // to 3 examples of 8 tokens in all.
  NumberedExamples train_{{1, 2, 3, 4, 1, 2, 3}, 1};
  NumberedExamples other_{{1, 1, 1, 1, 1}, 101};
  std::vector<StreamData> data_;
  uint64_t seed_ = 5;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_HOST_HOST_FIXTURE_H_
