// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/host/host_fixture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/status_macros.h"
#include "runtime/device/cpu/cpu_device.h"
#include "test/runtime/artifact/spec_parts.h"

namespace graft {
namespace {

constexpr int64_t kTokens = 8, kSequences = 3, kBatch = 5;
constexpr uint64_t kColumn = kSequences * sizeof(float);
constexpr uint64_t kBatchColumn = kBatch * sizeof(float);
constexpr uint64_t kScalar = sizeof(float);
constexpr int32_t kS = 1, kOtherS = 3, kN = 4;

ValueSpec Input(const std::string& name, std::vector<DimSpec> dims,
                SourceKind source, uint32_t index) {
  ValueSpec value = MakeTensor(name, DType::kF32, std::move(dims));
  value.source = source;
  value.source_index = index;
  if (source == SourceKind::stream) value.field = "value";
  return value;
}

ValueSpec Scalar(const std::string& name) {
  return MakeTensor(name, DType::kF32, {});
}

// Copies the first bytes of each input to the output of its place; of as many
// bytes as each pair says.
ProgramSpec Copy(const std::vector<std::pair<uint64_t, uint64_t>>& bytes) {
  ProgramSpec program;
  for (uint32_t i = 0; i < bytes.size(); ++i) {
    const auto& [input, output] = bytes[i];
    program.buffers.push_back({Place::input, 0, i, 0, input});
    program.buffers.push_back({Place::output, 0, i, 0, output});
    program.commands.push_back(
        MakeCopy(2 * i, 2 * i + 1, static_cast<int64_t>(output)));
  }
  return program;
}

ProgramSpec Copy(const std::vector<uint64_t>& inputs, uint64_t output) {
  std::vector<std::pair<uint64_t, uint64_t>> bytes;
  for (const uint64_t input : inputs) bytes.emplace_back(input, output);
  return Copy(bytes);
}

ArtifactSpec MakeSpec(absl::Span<const uint8_t> code) {
  const std::vector<DimSpec> column = {{kS, 0}};
  const std::vector<DimSpec> row = {{kS, 0}, {-1, 1}};
  const std::vector<DimSpec> all = {{kN, 0}, {-1, 1}};
  const ValueSpec value = Input("value", column, SourceKind::stream, 0);
  ArtifactSpec spec;
  spec.sizes = {{"T", kTokens},
                {"S", kSequences},
                {"T.other", kTokens},
                {"S.other", kSequences},
                {"N", kBatch}};
  spec.streams = {{"train", 0, kS, kN}, {"dev", 0, kS}, {"other", 2, kOtherS}};
  spec.registers.resize(1);
  spec.registers[0].name = "x";
  spec.entries = {
      {"first", {value}, {Scalar("value")}, 0},
      {"others",
       {value, Input("other", {{kOtherS, 0}}, SourceKind::stream, 2)},
       {Scalar("value"), Scalar("other")},
       0},
      {"scalar", {Input("x", {}, SourceKind::scalar, 0)}, {Scalar("value")}, 0},
      {"step", {}, {Scalar("value")}, 0},
      {"cached",
       {Input("rows", row, SourceKind::cache, 0)},
       {Scalar("value")},
       0},
      {"copied", {value}, {MakeTensor("rows", DType::kF32, row)}, 0},
      {"represent", {value}, {MakeTensor("rows", DType::kF32, row)}, 0},
      {"relate",
       {Input("value", {{kN, 0}}, SourceKind::stream, 0),
        Input("rows", all, SourceKind::cache, 1)},
       {Scalar("value"), MakeTensor("rows", DType::kF32, all)},
       0},
      {"push",
       {Input("rows", row, SourceKind::cache, 2)},
       {Scalar("value")},
       0}};
  spec.caches = {{"copied", /*stream=*/0, /*entry=*/5, /*output=*/0,
                  /*batch=*/false, "graph"},
                 {"kept", 0, /*entry=*/6, 0, /*batch=*/true, ""},
                 {"related", 0, /*entry=*/7, /*output=*/1, /*batch=*/true, ""}};
  ProgramSpec step;
  step.buffers = {{Place::output, 0, 0, 0, kScalar}};
  step.commands = {MakeKernel(0, {0})};
  TargetSpec target = MakeTarget(code, "tiny", {"step"});
  target.programs = {
      Copy({kColumn}, kScalar),
      Copy({kColumn, kColumn}, kScalar),
      Copy({kScalar}, kScalar),
      step,
      Copy({kColumn}, kScalar),
      Copy({kColumn}, kColumn),
      Copy({kColumn}, kColumn),
      Copy({{kBatchColumn, kScalar}, {kBatchColumn, kBatchColumn}}),
      Copy({kColumn}, kScalar)};
  spec.targets = {std::move(target)};
  return spec;
}

}  // namespace

NumberedExamples::NumberedExamples(const std::vector<int64_t>& lengths,
                                   float first)
    : all_(Schema({{"value", DType::kF32}})) {
  for (const int64_t length : lengths) {
    all_.Add(length, size());
    all_.mutable_floats(0, size() - 1)[0] =
        first + static_cast<float>(size() - 1);
    longest_ = std::max(longest_, length);
  }
}

absl::Status NumberedExamples::Append(int64_t row, Examples& examples) {
  examples.Add(all_, row);
  return absl::OkStatus();
}

absl::Status RecordingServices::Record(std::string call) {
  if (fail) GRAFT_RETURN_IF_ERROR(fail(call));
  calls.push_back(std::move(call));
  return absl::OkStatus();
}

std::string RecordingServices::Shown(const HostInstruction& instruction) const {
  std::string text;
  for (const AssignmentSpec& value : instruction.assignments)
    absl::StrAppendFormat(&text, " %s=%.17g", value.name,
                          interpreter->state().registers[value.target]);
  return text;
}

absl::StatusOr<CachedRows> RecordingServices::FillCache(size_t cache) {
  GRAFT_RETURN_IF_ERROR(
      Record(absl::StrCat("fill ", spec_->caches[cache].name)));
  // A thousand times the example's number.
  CachedRows rows = {spec_->caches[cache].name, 1, {}};
  for (int i = 0; i < 7; ++i) rows.values.push_back(1000.0f * (1 + i));
  return rows;
}

absl::StatusOr<HostServices::Score> RecordingServices::Evaluate(size_t entry,
                                                                size_t stream) {
  GRAFT_RETURN_IF_ERROR(
      Record(absl::StrCat("evaluate ", spec_->entries[entry].name, " on ",
                          spec_->streams[stream].name)));
  const auto count = static_cast<double>(++evaluations);
  return Score{count, 10 * count};
}

absl::StatusOr<bool> RecordingServices::TestFinite(const std::string& state) {
  GRAFT_RETURN_IF_ERROR(Record(absl::StrCat("test ", state)));
  return !finite || finite();
}

absl::Status RecordingServices::Reset(const std::string& state) {
  return Record(absl::StrCat("reset ", state));
}
absl::Status RecordingServices::Keep(const std::string& name) {
  return Record(absl::StrCat("keep ", name));
}
absl::Status RecordingServices::Restore(const std::string& name) {
  return Record(absl::StrCat("restore ", name));
}
absl::Status RecordingServices::Log(const HostInstruction& instruction) {
  return Record(absl::StrCat("log", instruction.text.empty() ? "" : " ",
                             instruction.text, Shown(instruction)));
}
absl::Status RecordingServices::Mark(const HostInstruction& instruction,
                                     bool save) {
  return Record(absl::StrCat("mark", save ? " save" : "", Shown(instruction)));
}
absl::Status RecordingServices::Fail(const HostInstruction& instruction) {
  return absl::DataLossError(
      absl::StrCat(instruction.text, Shown(instruction)));
}

void HostFixture::SetUp() {
  if (AnyLevel().empty()) GTEST_SKIP() << "no level of code runs here";
  path_ = absl::StrCat(
      ::testing::TempDir(), "/host_test.",
      ::testing::UnitTest::GetInstance()->current_test_info()->name());
  device_ = CreateCpuDevice({.threads = 1}).value();
  code_ = ReadFile(files_, GRAFT_TINY_KERNELS).value();
  spec_ = MakeSpec(BytesOf(code_));
  data_ = {{&train_, false}, {}, {&other_, false}};
}

void HostFixture::TearDown() {
  // A thread of it reads the sources.
  interpreter_.reset();
  files_.Remove(path_).IgnoreError();
}

void HostFixture::Load(const host_program::Body& code) {
  interpreter_.reset();
  instance_.reset();
  ArtifactSpec spec = spec_;
  host_program::AddProgram("train", code, spec);
  const absl::Status status = WriteArtifact(
      files_, path_, spec, [](size_t, WeightSink) { return absl::OkStatus(); });
  ASSERT_TRUE(status.ok()) << status;
  LoadOptions load;
  load.device = device_.get();
  artifact_ = Artifact::Load(files_, path_, load).value();
  instance_ = Instance::Create(artifact_, {}).value();
  services_ = std::make_unique<RecordingServices>(artifact_->spec());
}

absl::StatusOr<std::unique_ptr<HostInterpreter>> HostFixture::Create() {
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<HostInterpreter> interpreter,
      HostInterpreter::Create(*instance_,
                              artifact_->spec().host_programs.front(), data_,
                              seed_, *services_));
  services_->interpreter = interpreter.get();
  return interpreter;
}

std::vector<std::string> HostFixture::Run(const host_program::Body& code) {
  const absl::Status status = RunError(code);
  EXPECT_TRUE(status.ok()) << status;
  return services_->calls;
}

absl::Status HostFixture::RunError(const host_program::Body& code) {
  Load(code);
  GRAFT_ASSIGN_OR_RETURN(interpreter_, Create());
  const absl::StatusOr<bool> finished = interpreter_->Run();
  if (finished.ok()) EXPECT_TRUE(*finished);
  return finished.status();
}

double HostFixture::Register(const std::string& name) {
  ArtifactSpec spec = artifact_->spec();
  const uint32_t index = host_program::RegisterIndex(name, spec);
  return index < interpreter_->state().registers.size()
             ? interpreter_->state().registers[index]
             : 0;
}

}  // namespace graft
