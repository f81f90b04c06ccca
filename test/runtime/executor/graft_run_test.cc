// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft-run as a user runs it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>

#include "nlohmann/json.hpp"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/formats/safetensors.h"
#include "test/runtime/artifact/tiny_artifact.h"

namespace graft {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

struct Result {
  int code = -1;
  std::string text;  // both streams
};

Result Shell(const std::string& command) {
  Result result;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[4096];
  size_t count;
  while ((count = fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    result.text.append(buffer, count);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

Result RunTool(const std::string& arguments) {
  return Shell(std::string(GRAFT_RUN) + " " + arguments);
}

TensorView MakeView(const std::string& name, DType dtype,
                    std::vector<int64_t> shape, const void* data,
                    size_t bytes) {
  TensorView view;
  view.name = name;
  view.dtype = dtype;
  view.shape = std::move(shape);
  view.data = absl::MakeConstSpan(static_cast<const uint8_t*>(data), bytes);
  return view;
}

class GraftRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string level;
    for (absl::string_view candidate : CpuLevels()) {
      if (CpuHasLevel(candidate)) level = std::string(candidate);
    }
    if (level.empty()) GTEST_SKIP() << "no known level on this processor";
    const std::string stem =
        ::testing::TempDir() + "/graft_run_" +
        ::testing::UnitTest::GetInstance()->current_test_info()->name();
    artifact_ = stem + ".graft";
    inputs_ = stem + ".in.safetensors";
    outputs_ = stem + ".out.safetensors";
    trace_ = stem + ".json";
    auto code = ReadFile(files_, GRAFT_TINY_KERNELS);
    ASSERT_TRUE(code.ok()) << code.status();
    ASSERT_TRUE(WriteArtifact(
                    files_, artifact_,
                    TinySpec(absl::MakeConstSpan(
                                 reinterpret_cast<const uint8_t*>(code->data()),
                                 code->size()),
                             level),
                    TinyWeights)
                    .ok());
    const float x[] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    const int32_t offsets[] = {0, 1, 3};
    ASSERT_TRUE(
        WriteSafetensors(files_, inputs_,
                         {MakeView("x", DType::kF32, {3, 4}, x, sizeof(x)),
                          MakeView("segments.offsets", DType::kI32, {3},
                                   offsets, sizeof(offsets))})
            .ok());
  }
  void TearDown() override {
    for (const std::string& path : {artifact_, inputs_, outputs_, trace_}) {
      if (files_.Exists(path)) (void)files_.Remove(path);
    }
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string artifact_, inputs_, outputs_, trace_;
};

TEST_F(GraftRunTest, RunsAnEntry) {
  const Result result =
      RunTool(artifact_ + " --entry predict --threads=2 --inputs " + inputs_ +
              " --outputs " + outputs_ + " --profile --trace " + trace_);
  ASSERT_EQ(result.code, 0) << result.text;
  EXPECT_THAT(result.text,
              AllOf(HasSubstr("scale"), HasSubstr("pool"), HasSubstr("share")));
  auto outputs = SafetensorsFile::Open(files_, outputs_);
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  float sums[8];
  const int64_t shape[] = {2, 4};
  ASSERT_TRUE((*outputs)->ReadFloats("sums", shape, absl::MakeSpan(sums)).ok());
  EXPECT_THAT(sums, ElementsAre(1.5, .5, .5, .5, 1, 3, 4, 1));

  const auto trace = nlohmann::json::parse(ReadFile(files_, trace_).value());
  ASSERT_EQ(trace["traceEvents"].size(), 2u);
  EXPECT_EQ(trace["traceEvents"][0]["name"], "scale");
  EXPECT_EQ(trace["traceEvents"][0]["args"]["label"], "encoder/scale");
  EXPECT_GE(trace["traceEvents"][1]["ts"].get<double>(),
            trace["traceEvents"][0]["dur"].get<double>());
}

TEST_F(GraftRunTest, AnswersRequestsUntilTheInputEnds) {
  const std::string requests = inputs_ + ".requests";
  const std::string first =
      nlohmann::json{{"inputs", {inputs_, inputs_}}, {"runs", 3}}.dump();
  const std::string second =
      nlohmann::json{{"inputs", {inputs_}}, {"outputs", outputs_}}.dump();
  ASSERT_TRUE(WriteFile(files_, requests, first + "\n" + second + "\n").ok());
  const std::string command =
      artifact_ + " --entry predict --requests < " + requests;
  Result result = RunTool(command);
  ASSERT_EQ(result.code, 0) << result.text;
  std::istringstream lines(result.text);
  for (const size_t runs : {3, 1}) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_THAT(nlohmann::json::parse(line)["seconds"],
                AllOf(SizeIs(runs), Each(Gt(0))));
  }
  auto outputs = SafetensorsFile::Open(files_, outputs_);
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  float sums[8];
  const int64_t shape[] = {2, 4};
  ASSERT_TRUE((*outputs)->ReadFloats("sums", shape, absl::MakeSpan(sums)).ok());
  EXPECT_THAT(sums, ElementsAre(1.5, .5, .5, .5, 1, 3, 4, 1));

  for (auto [request, expected] :
       {std::pair{"{", "request 2: expects an object, got {"},
        {"{\"inputs\": []}", "request 2: expects inputs, got"},
        {"{\"inputs\": [\"none\"]}", "none: "},
        {"{\"runs\": 0}", "request 2: expects 1 to 1000000 runs, got"},
        {"{\"inptus\": []}", "expects inputs, runs and outputs, got"}}) {
    ASSERT_TRUE(WriteFile(files_, requests,
                          first + "\n" + request + "\n" + second + "\n")
                    .ok());
    result = RunTool(command);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.text, HasSubstr(expected));
  }
  ASSERT_TRUE(files_.Remove(requests).ok());
}

TEST_F(GraftRunTest, RunsEntriesInTurn) {
  const Result result =
      RunTool(artifact_ + " --entry predict,predict --inputs " + inputs_ +
              " --trace " + trace_);
  ASSERT_EQ(result.code, 0) << result.text;
  const auto trace = nlohmann::json::parse(ReadFile(files_, trace_).value());
  EXPECT_EQ(trace["traceEvents"].size(), 4u);
}

TEST_F(GraftRunTest, ExitCodesTellFailureFromWrongUsage) {
  EXPECT_EQ(RunTool("--help").code, 0);
  EXPECT_THAT(RunTool("--help").text, HasSubstr("example:\n"));
  Result result = RunTool(artifact_ + " --entry predict");
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.text, HasSubstr("expects --inputs, got none"));
  result = RunTool(artifact_ + " --entry predict --requests --inputs x");
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.text,
              HasSubstr("expects --inputs or --requests, got both"));
  result = RunTool(artifact_ + " --threads zero");
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(
      result.text,
      HasSubstr("--threads: expects a whole number from 1 to 1024, got zero"));
  EXPECT_EQ(RunTool(artifact_ + " --colour red").code, 2);
  result = RunTool(artifact_ + " --entry serve --inputs " + inputs_);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.text, HasSubstr("entry: expects one of predict"));
  result = RunTool(artifact_ + " --entry update --inputs " + inputs_);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.text, AllOf(HasSubstr(inputs_), HasSubstr("rate")));
}

// What a user deploys must not bring a compiler.
TEST_F(GraftRunTest, NeedsNoLlvm) {
  const Result result = Shell(std::string("ldd ") + GRAFT_RUN);
  ASSERT_EQ(result.code, 0) << result.text;
  EXPECT_THAT(result.text, HasSubstr("libc.so"));
  EXPECT_THAT(result.text, AllOf(Not(HasSubstr("LLVM")), Not(HasSubstr("MLIR")),
                                 Not(HasSubstr("GraftCompiler"))));
}

}  // namespace
}  // namespace graft
