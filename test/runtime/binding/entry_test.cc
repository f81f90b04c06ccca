// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/binding/entry.h"

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/device/cpu/cpu_device.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/base/count_allocations.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Per = ColumnSpec::Per;

constexpr int32_t kT = 0, kS = 1;
constexpr BatchCapacity kCapacity = {8, 3};

// An input from the stream `stream`.
ValueSpec Field(const std::string& name, DType dtype, std::vector<DimSpec> dims,
                uint32_t stream = 0) {
  ValueSpec value = MakeTensor(name, dtype, std::move(dims));
  value.source = SourceKind::stream;
  value.source_index = stream;
  value.field = name;
  return value;
}

// A scalar from the register `index`.
ValueSpec Scalar(const std::string& name, DType dtype, uint32_t index) {
  ValueSpec value = MakeTensor(name, dtype, {});
  value.source = SourceKind::scalar;
  value.source_index = index;
  return value;
}

uint64_t BoundBytes(const ValueSpec& value) {
  uint64_t bytes = 4;
  for (const DimSpec& dim : value.dims)
    bytes *= dim.size < 0         ? dim.extent
             : dim.size % 2 == kT ? kCapacity.tokens
                                  : kCapacity.sequences;
  return bytes;
}

// An entry that copies each of `inputs` to a result of the same name. Results
// are F32, so that EntryCaller::Output returns them; those of I32 have the bits
// of integers. The segments of the stream "train" are an input before these.
// There are another stream "other" of sizes of its own, and registers.
ArtifactSpec CopyingSpec(const std::vector<ValueSpec>& inputs,
                         absl::Span<const uint8_t> code) {
  ArtifactSpec spec;
  spec.sizes = {{"T", kCapacity.tokens},
                {"S", kCapacity.sequences},
                {"T.other", kCapacity.tokens},
                {"S.other", kCapacity.sequences}};
  spec.streams = {{"train", kT, kS}, {"other", kT + 2, kS + 2}};
  spec.registers.resize(2);
  spec.registers[0].name = "rate";
  spec.registers[1].name = "step";
  ValueSpec segments = MakeSegments(kT, kS);
  segments.source = SourceKind::stream;
  segments.field = "segments";
  EntrySpec entry = {"copy", {segments}, {}, 0};
  ProgramSpec program;
  for (const ValueSpec& input : inputs) {
    const auto i = static_cast<uint32_t>(entry.outputs.size());
    entry.inputs.push_back(input);
    entry.outputs.push_back(MakeTensor(input.name, DType::kF32, input.dims));
    const uint64_t bytes = BoundBytes(input);
    program.buffers.push_back({Place::input, 0, i + 1, 0, bytes});
    program.buffers.push_back({Place::output, 0, i, 0, bytes});
    program.commands.push_back(
        MakeCopy(2 * i, 2 * i + 1, static_cast<int64_t>(bytes)));
  }
  spec.entries = {entry};
  TargetSpec target = MakeTarget(code, "tiny", {});
  target.programs = {program};
  spec.targets = {std::move(target)};
  return spec;
}

const ValueSpec kIdsInput = Field("ids", DType::kI32, {{kT, 0}});
const ValueSpec kClassesInput = Field("labels", DType::kI32, {{kS, 0}});
const ValueSpec kNumbersInput =
    Field("labels", DType::kF32, {{kS, 0}, {-1, 1}});
const ValueSpec kWeightsInput = Field("weights", DType::kF32, {{kS, 0}});

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
    ArtifactSpec spec = CopyingSpec(inputs, BytesOf(code));
    spec.caches = caches_;
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
    const absl::Status status = entry.Call(batch);
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
  std::vector<CacheSpec> caches_;
  std::unique_ptr<Instance> instance_;
};

TEST_F(EntryTest, TakesColumnsByName) {
  EntryCaller entry = Open({kWeightsInput, kClassesInput, kIdsInput}).value();
  // One column more than it takes, and in another order.
  const PackedBatch batch = MakeBatch(TextSchema({kClasses, kWeights}), 3);
  ASSERT_EQ(entry.Call(batch), absl::OkStatus());
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
    ASSERT_EQ(entry.Call(batches[i % 2]), absl::OkStatus());
    ASSERT_EQ(entry.Output("weights").size(), 2u + i % 2);
    EXPECT_EQ(entry.Output("weights")[1], 20);
    EXPECT_EQ(Ints(entry, "labels")[1], 2);
    // An error does not make it forget what to look for.
    EXPECT_FALSE(entry.Call(without).ok());
  }
}

TEST_F(EntryTest, TheShapeIsThatOfTheInput) {
  EntryCaller entry =
      Open({kNumbersInput,
            Field("spans", DType::kI32, {{kS, 0}, {-1, 2}, {-1, 2}}),
            Field("marks", DType::kF32, {{kT, 0}, {-1, 2}})})
          .value();
  const PackedBatch batch =
      MakeBatch(TextSchema({kNumbers,
                            {"spans", DType::kI32, Per::kExample, 4},
                            {"marks", DType::kF32, Per::kToken, 2}}),
                2);
  ASSERT_EQ(entry.Call(batch), absl::OkStatus());
  EXPECT_THAT(entry.Output("labels"), ElementsAre(1, 2));
  EXPECT_THAT(Ints(entry, "spans"), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(entry.Output("marks"), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(EntryTest, SaysWhatItTakes) {
  const std::vector<ColumnSpec> columns =
      Open({kIdsInput, Field("spans", DType::kF32, {{kS, 0}, {-1, 4}})})
          .value()
          .columns(/*stream=*/0);
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
  EXPECT_EQ(CallError({Field("w", DType::kF32, {{kS, 0}, {-1, 2}})},
                      Schema({{"w", DType::kF32, Per::kExample, 3}})),
            "copy: expects the field w as F32 with 2 numbers per example, got "
            "F32 with 3 numbers per example");
}

// Fields of one name, of streams of different sizes.
TEST_F(EntryTest, TakesABatchOfEachStream) {
  ValueSpec others = Field("others", DType::kI32, {{kT + 2, 0}}, 1);
  others.field = "ids";
  EntryCaller entry = Open({kIdsInput, others}).value();
  const PackedBatch train = MakeBatch(TextSchema(), 2);
  const PackedBatch other = MakeBatch(TextSchema({kClasses}), 3);
  const PackedBatch* batches[] = {&train, &other};
  ASSERT_EQ(entry.Call(batches, {}), absl::OkStatus());
  EXPECT_THAT(Ints(entry, "ids"), ElementsAre(1, 2, 3));
  EXPECT_THAT(Ints(entry, "others"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(entry.columns(1).size(), 1u);
  EXPECT_TRUE(entry.CheckSchema(1, TextSchema()).ok());
  EXPECT_EQ(entry.CheckSchema(1, Schema()).message(),
            "copy: expects a stream with the field ids, got none");
  // One batch can serve all streams.
  ASSERT_EQ(entry.Call(train), absl::OkStatus());
  EXPECT_THAT(Ints(entry, "others"), ElementsAre(1, 2, 3));
  batches[1] = nullptr;
  EXPECT_EQ(entry.Call(batches, {}).message(),
            "copy: expects a batch of the stream other, got none");
  EXPECT_EQ(entry.Call(absl::Span<const PackedBatch* const>(), {}).message(),
            "copy: expects a batch of the stream train, got none");
}

TEST_F(EntryTest, ScalarsAreRegisters) {
  EntryCaller entry =
      Open({Scalar("rate", DType::kF32, 0), Scalar("step", DType::kI32, 1),
            Scalar("rates", DType::kI32, 0)})
          .value();
  const PackedBatch batch = MakeBatch(TextSchema(), 1);
  ASSERT_EQ(entry.Call(batch, {0.1, 7}), absl::OkStatus());
  EXPECT_THAT(entry.Output("rate"), ElementsAre(0.1f));
  EXPECT_THAT(Ints(entry, "step"), ElementsAre(7));
  EXPECT_THAT(Ints(entry, "rates"), ElementsAre(0));
  // Integers have neither infinities nor NaN.
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const auto& [number, expected] : {std::pair{kInfinity, 2147483647},
                                         {-kInfinity, -2147483647},
                                         {1e300, 2147483647},
                                         {std::nan(""), 0},
                                         {-2.75, -2}}) {
    ASSERT_EQ(entry.Call(batch, {number, number}), absl::OkStatus());
    EXPECT_THAT(Ints(entry, "step"), ElementsAre(expected)) << number;
  }
  ASSERT_EQ(entry.Call(batch, {kInfinity, 0}), absl::OkStatus());
  EXPECT_EQ(entry.Output("rate")[0], kInfinity);
  EXPECT_EQ(entry.Call(batch).message(),
            "copy: expects values of registers, got none");
}

TEST_F(EntryTest, TakesRowsOfACache) {
  caches_ = {{"said", 0, 0, 0, false, "graph"}};
  ValueSpec rows = MakeTensor("rows", DType::kF32, {{kS, 0}, {-1, 2}});
  rows.source = SourceKind::cache;
  EntryCaller entry = Open({rows}).value();
  EXPECT_TRUE(entry.columns(0).empty());
  PackedBatch batch = MakeBatch(TextSchema(), 2);
  EXPECT_EQ(entry.Call(batch).message(),
            "copy: expects a batch with rows of the cache said, got none");
  batch.cached = {{"others", 1, {0, 0}}, {"said", 2, {1, 2, 3, 4}}};
  ASSERT_EQ(entry.Call(batch), absl::OkStatus());
  EXPECT_THAT(entry.Output("rows"), ElementsAre(1, 2, 3, 4));
  batch.cached[1].width = 1;
  EXPECT_EQ(entry.Call(batch).message(),
            "copy: expects 2 numbers per example of said, got 1");
}

TEST_F(EntryTest, RefusesInputsOfItsCaller) {
  EXPECT_EQ(Open({kIdsInput, MakeTensor("table", DType::kF32, {{-1, 4}})})
                .status()
                .message(),
            "copy: expects inputs that say where their values come from, got "
            "table");
}

TEST_F(EntryTest, OneStreamOrSeveral) {
  ASSERT_TRUE(Open({kIdsInput}).ok());
  EXPECT_EQ(OnlyStream(instance_->artifact(), 0).value(), 0u);
  ASSERT_TRUE(Open({Field("others", DType::kI32, {{kT + 2, 0}}, 1)}).ok());
  EXPECT_THAT(
      std::string(OnlyStream(instance_->artifact(), 0).status().message()),
      HasSubstr("entry copy: expects inputs of one stream, got those of 2"));
  const ArtifactSpec& spec = instance_->artifact().spec();
  EXPECT_EQ(StreamCapacity(spec, spec.streams[0]).tokens, kCapacity.tokens);
  EXPECT_EQ(StreamCapacity(spec, {"none", -1, -1}).sequences, 0);
}

TEST_F(EntryTest, CallsAllocateNothing) {
  EntryCaller entry = Open({kIdsInput, kClassesInput, kWeightsInput,
                            Scalar("rate", DType::kF32, 0)})
                          .value();
  constexpr double kRegisters[] = {1, 2};
  // Of two sources, as training and evaluation are.
  const PackedBatch batches[] = {
      MakeBatch(TextSchema({kClasses, kWeights}), 2),
      MakeBatch(TextSchema({kWeights, kClasses}), 3)};
  for (const PackedBatch& batch : batches)
    ASSERT_EQ(entry.Call(batch, kRegisters), absl::OkStatus());
  const int64_t before = CountAllocations();
  bool ok = true;
  for (int i = 0; i < 10; ++i)
    ok &= entry.Call(batches[i % 2], kRegisters).ok();
  EXPECT_EQ(CountAllocations(), before);
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace graft
