// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/binding/entry.h"

#include <bit>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/cpu_level.h"
#include "test/runtime/base/count_allocations.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Per = ColumnSpec::Per;

constexpr int32_t kT = 0, kS = 1;
constexpr BatchCapacity kCapacity = {8, 3};

std::string AnyLevel() {
  for (absl::string_view level : CpuLevels())
    if (CpuHasLevel(level)) return std::string(level);
  return "";
}

ValueSpec Tensor(const std::string& name, DType dtype,
                 std::vector<DimSpec> dims) {
  ValueSpec value;
  value.name = name;
  value.dtype = dtype;
  value.dims = std::move(dims);
  return value;
}

uint64_t BytesOf(const ValueSpec& value) {
  uint64_t bytes = 4;
  for (const DimSpec& dim : value.dims)
    bytes *= dim.size == kT   ? kCapacity.tokens
             : dim.size == kS ? kCapacity.sequences
                              : dim.extent;
  return bytes;
}

// An entry that copies each of `inputs` to a result of the same name. Results
// are F32, so that EntryCaller::Output returns them; those of I32 have the bits
// of integers. `segments` is an input before these.
ArtifactSpec CopyingSpec(const std::vector<ValueSpec>& inputs,
                         absl::Span<const uint8_t> code) {
  ArtifactSpec spec;
  spec.sizes = {{"T", kCapacity.tokens}, {"S", kCapacity.sequences}};
  ValueSpec segments;
  segments.name = "segments";
  segments.kind = ValueKind::segments;
  segments.tokens = kT;
  segments.sequences = kS;
  EntrySpec entry = {"copy", {segments}, {}, 0};
  ProgramSpec program;
  for (const ValueSpec& input : inputs) {
    const auto i = static_cast<uint32_t>(entry.outputs.size());
    entry.inputs.push_back(input);
    entry.outputs.push_back(Tensor(input.name, DType::kF32, input.dims));
    const uint64_t bytes = BytesOf(input);
    program.buffers.push_back({Place::input, 0, i + 1, 0, bytes});
    program.buffers.push_back({Place::output, 0, i, 0, bytes});
    CommandSpec copy;
    copy.kind = CommandKind::copy;
    copy.buffers = {2 * i, 2 * i + 1};
    copy.results = 1;
    copy.grid.count = static_cast<int64_t>(bytes);
    program.commands.push_back(copy);
  }
  spec.entries = {entry};
  TargetSpec target;
  target.level = AnyLevel();
  target.triple = "x86_64-unknown-linux-gnu";
  target.code = code;
  target.programs = {program};
  spec.targets = {std::move(target)};
  return spec;
}

const ValueSpec kIdsInput = Tensor("ids", DType::kI32, {{kT, 0}});
const ValueSpec kClassesInput = Tensor("labels", DType::kI32, {{kS, 0}});
const ValueSpec kNumbersInput =
    Tensor("labels", DType::kF32, {{kS, 0}, {-1, 1}});
const ValueSpec kWeightsInput = Tensor("weights", DType::kF32, {{kS, 0}});

const ColumnSpec kClasses = {"labels", DType::kI32};
const ColumnSpec kNumbers = {"labels", DType::kF32};
const ColumnSpec kWeights = {"weights", DType::kF32};

// Examples of 1, 2, ... tokens. Value i of a column is i + 1, and 10 times that
// in the column "weights".
PackedBatch MakeBatch(const Schema& schema, int64_t examples) {
  Examples all(schema);
  std::vector<int32_t> next(schema.size());  // of each column
  for (int64_t i = 0; i < examples; ++i) {
    all.Add(/*length=*/i + 1, /*row=*/i);
    for (size_t c = 0; c < schema.size(); ++c) {
      if (schema.columns()[c].dtype == DType::kI32) {
        for (int32_t& value : all.mutable_ints(c, i)) value = ++next[c];
        continue;
      }
      const int32_t scale = schema.columns()[c].name == "weights" ? 10 : 1;
      for (float& value : all.mutable_floats(c, i))
        value = static_cast<float>(scale * ++next[c]);
    }
  }
  PackedBatch packed;
  packed.Reserve(schema, {}, kCapacity);
  PackBatch(all, {0, examples}, {}, packed);
  return packed;
}

class EntryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no level of code runs here";
    path_ = absl::StrCat(
        ::testing::TempDir(), "/entry_test.",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { files_.Remove(path_).IgnoreError(); }

  absl::StatusOr<EntryCaller> Open(const std::vector<ValueSpec>& inputs) {
    const std::string code = ReadFile(files_, GRAFT_TINY_KERNELS).value();
    const ArtifactSpec spec = CopyingSpec(
        inputs,
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(code.data()),
                            code.size()));
    const absl::Status status =
        WriteArtifact(files_, path_, spec,
                      [](size_t, WeightSink) { return absl::OkStatus(); });
    EXPECT_TRUE(status.ok()) << status;
    LoadOptions load;
    load.device = device_.get();
    instance_ = Instance::Create(Artifact::Load(files_, path_, load).value(),
                                 {.training = false})
                    .value();
    return EntryCaller::Create(*instance_, "copy");
  }

  // The message of a call with a batch of these columns.
  std::string CallError(const std::vector<ValueSpec>& inputs,
                        const Schema& schema) {
    EntryCaller entry = Open(inputs).value();
    const PackedBatch batch = MakeBatch(schema, 2);
    const absl::Status status = entry.Call(&batch, {});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  static std::vector<int32_t> Ints(const EntryCaller& entry,
                                   absl::string_view name) {
    std::vector<int32_t> ints;
    for (const float value : entry.Output(name))
      ints.push_back(std::bit_cast<int32_t>(value));
    return ints;
  }

  FileSystem& files_ = FileSystem::Posix();
  std::unique_ptr<Device> device_ = CreateCpuDevice({.threads = 1}).value();
  std::string path_;
  std::unique_ptr<Instance> instance_;
};

TEST_F(EntryTest, TakesColumnsByName) {
  EntryCaller entry = Open({kWeightsInput, kClassesInput, kIdsInput}).value();
  // One column more than it takes, and in another order.
  const PackedBatch batch = MakeBatch(TextSchema({kClasses, kWeights}), 3);
  ASSERT_EQ(entry.Call(&batch, {}), absl::OkStatus());
  EXPECT_THAT(Ints(entry, "ids"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(Ints(entry, "labels"), ElementsAre(1, 2, 3));
  EXPECT_THAT(entry.Output("weights"), ElementsAre(10, 20, 30));
}

TEST_F(EntryTest, FollowsAnotherSchema) {
  EntryCaller entry = Open({kClassesInput, kWeightsInput}).value();
  const PackedBatch batches[] = {
      MakeBatch(TextSchema({kClasses, kWeights}), 2),
      MakeBatch(TextSchema({kWeights, kClasses}), 3)};
  const PackedBatch without = MakeBatch(TextSchema({kClasses}), 2);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(entry.Call(&batches[i % 2], {}), absl::OkStatus());
    ASSERT_EQ(entry.Output("weights").size(), 2u + i % 2);
    EXPECT_EQ(entry.Output("weights")[1], 20);
    EXPECT_EQ(Ints(entry, "labels")[1], 2);
    // An error does not make it forget what to look for.
    EXPECT_FALSE(entry.Call(&without, {}).ok());
  }
}

TEST_F(EntryTest, TheShapeIsThatOfTheInput) {
  EntryCaller entry =
      Open({kNumbersInput,
            Tensor("spans", DType::kI32, {{kS, 0}, {-1, 2}, {-1, 2}}),
            Tensor("marks", DType::kF32, {{kT, 0}, {-1, 2}})})
          .value();
  const PackedBatch batch =
      MakeBatch(TextSchema({kNumbers,
                            {"spans", DType::kI32, Per::kExample, 4},
                            {"marks", DType::kF32, Per::kToken, 2}}),
                2);
  ASSERT_EQ(entry.Call(&batch, {}), absl::OkStatus());
  EXPECT_THAT(entry.Output("labels"), ElementsAre(1, 2));
  EXPECT_THAT(Ints(entry, "spans"), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(entry.Output("marks"), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(EntryTest, SaysWhatItTakes) {
  const std::vector<ColumnSpec> columns =
      Open({kIdsInput, Tensor("spans", DType::kF32, {{kS, 0}, {-1, 4}})})
          .value()
          .columns();
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_EQ(columns[0].name, "ids");
  EXPECT_EQ(columns[0].per, Per::kToken);
  EXPECT_EQ(columns[0].width, 1);
  EXPECT_EQ(columns[1].name, "spans");
  EXPECT_EQ(columns[1].dtype, DType::kF32);
  EXPECT_EQ(columns[1].per, Per::kExample);
  EXPECT_EQ(columns[1].width, 4);
}

TEST_F(EntryTest, RefusesABatchWithoutAField) {
  EXPECT_EQ(CallError({kWeightsInput}, TextSchema({kClasses})),
            "copy: expects a stream with the field weights, got ids, types, "
            "labels");
  EXPECT_EQ(CallError({kIdsInput}, Schema()),
            "copy: expects a stream with the field ids, got none");
}

TEST_F(EntryTest, RefusesAFieldOfAnotherType) {
  EXPECT_EQ(CallError({kNumbersInput}, TextSchema({kClasses})),
            "copy: expects the field labels as F32 with 1 number per example, "
            "got I32 with 1 number per example");
  EXPECT_EQ(CallError({kIdsInput}, Schema({{"ids", DType::kI32}})),
            "copy: expects the field ids as I32 with 1 number per token, got "
            "I32 with 1 number per example");
  EXPECT_EQ(CallError({Tensor("w", DType::kF32, {{kS, 0}, {-1, 2}})},
                      Schema({{"w", DType::kF32, Per::kExample, 3}})),
            "copy: expects the field w as F32 with 2 numbers per example, got "
            "F32 with 3 numbers per example");
}

TEST_F(EntryTest, RefusesNoBatch) {
  EXPECT_EQ(Open({kIdsInput}).value().Call(nullptr, {}),
            absl::InvalidArgumentError("copy: expects a batch, got none"));
}

TEST_F(EntryTest, RefusesInputsThatAreNoColumns) {
  for (const ValueSpec& input :
       {Tensor("speed", DType::kF32, {}), Tensor("rate", DType::kI32, {}),
        Tensor("table", DType::kF32, {{-1, 4}}),
        Tensor("pairs", DType::kI32, {{kS, 0}, {kS, 0}})}) {
    const absl::Status status = Open({input}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << input.name;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("entry copy: expects inputs of known "
                                       "roles, got \"",
                                       input.name, "\"")));
  }
}

TEST_F(EntryTest, CallsAllocateNothing) {
  EntryCaller entry = Open({kIdsInput, kClassesInput, kWeightsInput}).value();
  // Of two sources, as training and evaluation are.
  const PackedBatch batches[] = {
      MakeBatch(TextSchema({kClasses, kWeights}), 2),
      MakeBatch(TextSchema({kWeights, kClasses}), 3)};
  for (const PackedBatch& batch : batches)
    ASSERT_EQ(entry.Call(&batch, {}), absl::OkStatus());
  const int64_t before = CountAllocations();
  bool ok = true;
  for (int i = 0; i < 10; ++i) ok &= entry.Call(&batches[i % 2], {}).ok();
  EXPECT_EQ(CountAllocations(), before);
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace graft
