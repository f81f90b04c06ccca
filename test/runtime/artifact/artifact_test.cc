// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/artifact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "runtime/artifact/inspect.h"
#include "runtime/base/faulty_file_system.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/schema/container.h"
#include "test/runtime/artifact/tiny_artifact.h"

namespace graft {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint8_t kFakeCode[] = {0x7f, 'E', 'L', 'F', 1, 2, 3};

class ArtifactTest : public ::testing::Test {
 protected:
  ArtifactTest()
      : path_(::testing::TempDir() + "/" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() +
              ".graft") {}
  ~ArtifactTest() override { (void)files_.Remove(path_); }

  // Writes the spec and reads the file back as bytes.
  std::string Write(const ArtifactSpec& spec) {
    const absl::Status status = WriteArtifact(files_, path_, spec, TinyWeights);
    EXPECT_TRUE(status.ok()) << status;
    auto bytes = ReadFile(files_, path_);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }

  static absl::Span<const uint8_t> Bytes(const std::string& text) {
    return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                               text.size());
  }

  FileSystem& files_ = FileSystem::Posix();
  const std::string path_;
};

TEST_F(ArtifactTest, RoundTripKeepsEverything) {
  ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  AddPrologue(spec);
  const std::string bytes = Write(spec);
  LoadOptions options;
  options.verify_weights = true;
  auto loaded = Artifact::Load(files_, path_, options);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const ArtifactSpec& read = (*loaded)->spec();
  EXPECT_EQ(read.sizes[1].name, "S");
  EXPECT_EQ(read.sizes[0].bound, 8);
  ASSERT_EQ(read.slots.size(), 3u);
  EXPECT_EQ(read.slots[0].initial, "normal");
  EXPECT_EQ(read.slots[0].deviation, 0.5f);
  EXPECT_EQ(read.slots[0].group, "all");
  EXPECT_TRUE(read.slots[0].is_parameter());
  EXPECT_EQ(read.slots[2].state, "gradient");
  EXPECT_EQ(read.slots[2].parameter, 0);
  ASSERT_EQ(read.entries.size(), 3u);
  EXPECT_EQ(read.entries[0].inputs[1].limit, 6);
  EXPECT_EQ(read.entries[1].phase, 7u);
  EXPECT_EQ(read.targets[0].programs[0].buffers,
            spec.targets[0].programs[0].buffers);
  EXPECT_EQ(read.targets[0].programs[0].commands[1].label, "encoder/scale");
  EXPECT_EQ(read.targets[0].programs[0].commands[2].unit, "bf16");
  EXPECT_EQ(read.targets[0].programs[0].commands[2].unit_count, 6);
  EXPECT_EQ(read.targets[0].choices, spec.targets[0].choices);
  EXPECT_EQ(read.targets[0].programs[0].prologue, 1u);
  EXPECT_EQ(read.targets[0].code, spec.targets[0].code);
  EXPECT_EQ(read.targets[0].kind, "cpu");
  EXPECT_EQ(read.targets[0].format, "elf");
  EXPECT_EQ(read.entries[0].inputs[0].source, SourceKind::stream);
  EXPECT_EQ(read.entries[0].inputs[0].field, "x");
  EXPECT_EQ(read.entries[2].inputs[0].source, SourceKind::scalar);
  EXPECT_EQ(read.tokenizer->kind, "wordpiece");
  EXPECT_EQ(read.tokenizer->data, spec.tokenizer->data);
  EXPECT_EQ(read.heads[0].name, "logits");
  EXPECT_EQ(read.heads[0].task, "classification");
  EXPECT_EQ(read.heads[0].labels, spec.heads[0].labels);
  EXPECT_EQ(read.heads[0].entry, "predict");
  EXPECT_EQ(read.data->text_column, "text");
  EXPECT_EQ(read.data->max_length, 6);
  EXPECT_EQ(read.data->feature_columns, spec.data->feature_columns);
  EXPECT_EQ(read.parameters[0].value, "linear");
  EXPECT_EQ(read.config, "{}");
  EXPECT_EQ(read.provenance, spec.provenance);

  float values[4];
  std::memcpy(values, (*loaded)->SlotData(0).data(), sizeof(values));
  EXPECT_THAT(values, ::testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*loaded)->SlotData(1).data()) % 64,
            0u);
  EXPECT_TRUE((*loaded)->SlotData(2).empty());

  // What was read can be written again, to the same bytes.
  const auto weights = [&](size_t slot, WeightSink sink) {
    return sink((*loaded)->SlotData(slot));
  };
  const std::string copy = path_ + ".copy";
  ASSERT_TRUE(WriteArtifact(files_, copy, read, weights).ok());
  EXPECT_EQ(ReadFile(files_, copy).value(), bytes);
  (void)files_.Remove(copy);
}

TEST_F(ArtifactTest, RoundTripKeepsHostPrograms) {
  const ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  Write(spec);
  const auto loaded = Artifact::Load(files_, path_).value();
  const ArtifactSpec& read = loaded->spec();
  ASSERT_EQ(read.streams.size(), 2u);
  EXPECT_EQ(read.streams[1].name, "dev");
  EXPECT_EQ(read.streams[1].sequences, 1);
  ASSERT_EQ(read.caches.size(), 1u);
  EXPECT_EQ(read.caches[0].name, "sums");
  EXPECT_EQ(read.caches[0].key, spec.caches[0].key);
  ASSERT_EQ(read.registers.size(), spec.registers.size());
  for (size_t i = 0; i < read.registers.size(); ++i) {
    EXPECT_EQ(read.registers[i].name, spec.registers[i].name);
    EXPECT_EQ(read.registers[i].kind, spec.registers[i].kind);
    EXPECT_EQ(read.registers[i].initial, spec.registers[i].initial);
    EXPECT_EQ(read.registers[i].minimum, spec.registers[i].minimum);
    EXPECT_EQ(read.registers[i].maximum, spec.registers[i].maximum);
    EXPECT_EQ(read.registers[i].meaning, spec.registers[i].meaning);
  }
  EXPECT_EQ(read.registers[0].meaning, "learning rate");
  ASSERT_EQ(read.host_programs.size(), 1u);
  const HostProgramSpec& program = read.host_programs[0];
  EXPECT_EQ(program.fields, std::vector<std::string>{"labels"});
  ASSERT_EQ(program.instructions.size(),
            spec.host_programs[0].instructions.size());
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const HostInstruction& got = program.instructions[i];
    const HostInstruction& wrote = spec.host_programs[0].instructions[i];
    EXPECT_EQ(
        std::tie(got.op, got.index, got.stream, got.target, got.text),
        std::tie(wrote.op, wrote.index, wrote.stream, wrote.target, wrote.text))
        << i;
    ASSERT_EQ(got.expression.size(), wrote.expression.size()) << i;
    for (size_t k = 0; k < got.expression.size(); ++k) {
      const ExpressionStep &a = got.expression[k], &b = wrote.expression[k];
      EXPECT_EQ(std::tie(a.op, a.index, a.field, a.mask, a.value),
                std::tie(b.op, b.index, b.field, b.mask, b.value));
    }
    ASSERT_EQ(got.assignments.size(), wrote.assignments.size()) << i;
    for (size_t k = 0; k < got.assignments.size(); ++k) {
      const AssignmentSpec &a = got.assignments[k], &b = wrote.assignments[k];
      EXPECT_EQ(std::tie(a.name, a.target, a.add),
                std::tie(b.name, b.target, b.add));
    }
  }
}

TEST_F(ArtifactTest, LooksThingsUpByName) {
  Write(TinySpec(kFakeCode, "avx2"));
  auto artifact = Artifact::Load(files_, path_).value();
  EXPECT_EQ(artifact->FindEntry("update").value(), 2u);
  EXPECT_EQ(artifact->FindSlot("b").value(), 1u);
  EXPECT_EQ(artifact->FindSlot("b", "m").value(), 1u);
  EXPECT_FALSE(artifact->FindSlot("b", "other").ok());
  EXPECT_THAT(
      std::string(artifact->FindEntry("serve").status().message()),
      HasSubstr(
          "entry: expects one of predict, accumulate, update, got serve"));
  EXPECT_FALSE(artifact->EntryWritesSlots(0));
  EXPECT_TRUE(artifact->EntryWritesSlots(1));
  EXPECT_TRUE(artifact->EntryWritesSlots(2));
}

TEST_F(ArtifactTest, TruncationAtAnyByteIsAnError) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A copy of exactly this size, so that a sanitizer sees a read behind it.
    AlignedBytes cut(Bytes(bytes).first(size));
    auto loaded = Artifact::FromBytes(cut.bytes(), "cut");
    ASSERT_FALSE(loaded.ok()) << size;
    ASSERT_THAT(std::string(loaded.status().message()), StartsWith("cut: "));
  }
  std::string longer = bytes + std::string(8, '\0');
  AlignedBytes extended(Bytes(longer));
  EXPECT_EQ(Artifact::FromBytes(extended.bytes(), "long").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ArtifactTest, AnyFlippedBitIsFound) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  LoadOptions options;
  options.verify_weights = true;
  AlignedBytes copy(Bytes(bytes));
  ASSERT_TRUE(Artifact::FromBytes(copy.bytes(), "whole", options).ok());
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint8_t bit = 1 << (i % 8);
    copy.bytes()[i] ^= bit;
    ASSERT_FALSE(Artifact::FromBytes(copy.bytes(), "flip", options).ok()) << i;
    copy.bytes()[i] ^= bit;
  }
}

TEST_F(ArtifactTest, WeightsAreCheckedOnRequest) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  AlignedBytes copy(Bytes(bytes));
  const size_t weights =
      bytes.size() / schema::kWeightsAlignment * schema::kWeightsAlignment;
  LoadOptions options;
  options.verify_weights = true;
  // w has 16 bytes, b as many at the next multiple of 64.
  for (const auto& [at, what] : std::vector<std::pair<size_t, std::string>>{
           {0, "the weights of w do not match their checksum"},
           {15, "the weights of w do not match their checksum"},
           {16, "expects zeros before the weights of b"},
           {63, "expects zeros before the weights of b"},
           {64, "the weights of b do not match their checksum"},
           {79, "the weights of b do not match their checksum"}}) {
    copy.bytes()[weights + at] ^= 1;
    auto lazy = Artifact::FromBytes(copy.bytes(), "file");
    ASSERT_TRUE(lazy.ok()) << lazy.status();
    const absl::Status expected =
        absl::DataLossError("file: " + what + ": the file is damaged");
    EXPECT_EQ((*lazy)->VerifyWeights(), expected) << at;
    EXPECT_EQ(Artifact::FromBytes(copy.bytes(), "file", options).status(),
              expected)
        << at;
    copy.bytes()[weights + at] ^= 1;
  }
}

TEST_F(ArtifactTest, DamagedWeightsAreNamedWithTheirModel) {
  ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  spec.slots[1].model = "teacher";
  const std::string bytes = Write(spec);
  AlignedBytes copy(Bytes(bytes));
  const size_t weights =
      bytes.size() / schema::kWeightsAlignment * schema::kWeightsAlignment;
  copy.bytes()[weights + 64] ^= 1;
  EXPECT_EQ(Artifact::FromBytes(copy.bytes(), "file").value()->VerifyWeights(),
            absl::DataLossError("file: the weights of b of @teacher do not "
                                "match their checksum: the file is damaged"));
}

// Pieces of a large parameter are read one after the other.
TEST_F(ArtifactTest, LargeWeightsAreChecked) {
  ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  constexpr int64_t kCount = 3 << 19;  // 6 MiB
  spec.slots.push_back(spec.slots[1]);
  spec.slots.back().name = "large";
  spec.slots.back().shape = {kCount};
  const auto weights = [&](size_t slot, WeightSink sink) {
    if (slot < 3) return TinyWeights(slot, sink);
    return sink(std::vector<uint8_t>(kCount * sizeof(float), 1));
  };
  ASSERT_TRUE(WriteArtifact(files_, path_, spec, weights).ok());
  EXPECT_TRUE(Artifact::Load(files_, path_).value()->VerifyWeights().ok());
  std::string bytes = ReadFile(files_, path_).value();
  for (const size_t back : {100, 3 << 20, 6 << 20}) {
    bytes[bytes.size() - back] ^= 0x10;
    ASSERT_TRUE(WriteFile(files_, path_, bytes).ok());
    EXPECT_THAT(
        std::string(
            Artifact::Load(files_, path_).value()->VerifyWeights().message()),
        HasSubstr("the weights of large do not match"));
    bytes[bytes.size() - back] ^= 0x10;
  }
}

TEST_F(ArtifactTest, DamageIsToldInPlainWords) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  schema::Preamble preamble;
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  const size_t tokenizer = schema::AlignUp(
      sizeof(preamble) + preamble.header_size, schema::kAlignment);
  AlignedBytes copy(Bytes(bytes));
  for (const auto& [at, what] : std::vector<std::pair<size_t, std::string>>{
           {20, "the first 64 bytes"},
           {200, "the bytes of the header"},
           {tokenizer, "the bytes of the tokenizer"},
           {tokenizer + 64, "the bytes of the compiled code"},
           {bytes.size() - 1, "the last 40 bytes"}}) {
    copy.bytes()[at] ^= 4;
    EXPECT_EQ(Artifact::FromBytes(copy.bytes(), "file").status(),
              absl::DataLossError(
                  absl::StrCat("file: ", what,
                               " do not match their checksum: the file is "
                               "damaged")));
    copy.bytes()[at] ^= 4;
  }
}

TEST_F(ArtifactTest, NewerVersionsAreNamed) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  AlignedBytes copy(Bytes(bytes));
  copy.bytes()[8] = schema::kVersion + 1;
  auto loaded = Artifact::FromBytes(copy.bytes(), "new");
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(loaded.status().message()),
              HasSubstr(absl::StrCat("expects version ", schema::kVersion,
                                     ", got ", schema::kVersion + 1)));

  ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
  spec.kernel_abi = GRAFT_KERNEL_ABI_VERSION + 1;
  Write(spec);
  auto abi = Artifact::Load(files_, path_);
  EXPECT_EQ(abi.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(abi.status().message()), HasSubstr("kernel_abi"));
}

// Random damage under right checksums: every answer is fine but a crash, and
// what loads keeps the promises that the executor relies on.
TEST_F(ArtifactTest, SurvivesDamagedHeaders) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  schema::Preamble preamble;
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  std::mt19937 random(1);
  int loaded_count = 0;
  for (int i = 0; i < 20000; ++i) {
    AlignedBytes copy(Bytes(bytes));
    const int changes = 1 + random() % 3;
    for (int k = 0; k < changes; ++k) {
      copy.bytes()[sizeof(preamble) + random() % preamble.header_size] =
          static_cast<uint8_t>(random());
    }
    Reseal(copy.bytes());
    auto loaded = Artifact::FromBytes(copy.bytes(), "damaged");
    if (!loaded.ok()) continue;
    ++loaded_count;
    ASSERT_TRUE(CheckSpec((*loaded)->spec(), "damaged").ok());
    for (size_t slot = 0; slot < (*loaded)->spec().slots.size(); ++slot) {
      for (uint8_t byte : (*loaded)->SlotData(slot)) (void)byte;
    }
    ASSERT_FALSE(InspectText(**loaded).empty());
    ASSERT_FALSE(InspectJson(**loaded).empty());
  }
  // Padding, names and bounds may change without harm.
  EXPECT_GT(loaded_count, 100);
  EXPECT_LT(loaded_count, 15000);
}

TEST_F(ArtifactTest, WritesAllOrNothing) {
  ArtifactSpec bad = TinySpec(kFakeCode, "avx2");
  bad.sizes[0].bound = 0;
  EXPECT_EQ(WriteArtifact(files_, path_, bad, TinyWeights).message(),
            path_ + ": sizes[0].bound: expects 1 to 2147483647, got 0");
  EXPECT_FALSE(files_.Exists(path_));
  FaultyFileSystem faulty(files_);
  faulty.FailWritesAfter(4100, ENOSPC);
  EXPECT_EQ(
      WriteArtifact(faulty, path_, TinySpec(kFakeCode, "avx2"), TinyWeights)
          .code(),
      absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(files_.Exists(path_));
  const absl::Status status = WriteArtifact(
      files_, path_, TinySpec(kFakeCode, "avx2"),
      [](size_t, WeightSink sink) { return sink(Bytes("four")); });
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("values of w: expects 16 bytes, got 4"));
  EXPECT_FALSE(files_.Exists(path_));
}

TEST_F(ArtifactTest, ChoosesALevelOrSaysWhatThereIs) {
  const std::unique_ptr<Device> any = CreateCpuDevice({}).value();
  LoadOptions options;
  options.device = any.get();
  Write(TinySpec(kFakeCode, "sse9"));
  auto unknown = Artifact::Load(files_, path_, options);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(unknown.status().message()),
              HasSubstr(", got cpu code of ISA level sse9 as elf"));
  // A level that some processor lacks is never chosen for it.
  const char* missing = nullptr;
  for (absl::string_view level : CpuLevels()) {
    if (!CpuHasLevel(level)) missing = level.data();
  }
  ASSERT_NE(missing, nullptr);  // No processor is both x86-64 and AArch64.
  Write(TinySpec(kFakeCode, missing));
  const std::unique_ptr<Device> other =
      CreateCpuDevice({.level = missing}).value();
  options.device = other.get();
  auto lacking = Artifact::Load(files_, path_, options);
  EXPECT_THAT(
      std::string(lacking.status().message()),
      HasSubstr(std::string("expects cpu code of ISA level ") + missing));
}

TEST_F(ArtifactTest, CodeThatIsNoLibraryIsAnError) {
  std::string level;
  for (absl::string_view candidate : CpuLevels()) {
    if (CpuHasLevel(candidate)) level = std::string(candidate);
  }
  if (level.empty()) GTEST_SKIP() << "no known level on this processor";
  Write(TinySpec(kFakeCode, level));
  const std::unique_ptr<Device> device = CreateCpuDevice({}).value();
  LoadOptions options;
  options.device = device.get();
  auto broken = Artifact::Load(files_, path_, options);
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(broken.status().message()),
              AnyOf(HasSubstr("cannot load code"), HasSubstr("ELF")));
}

TEST_F(ArtifactTest, InspectShowsProgramsAndSlots) {
  Write(TinySpec(kFakeCode, "avx2"));
  auto artifact = Artifact::Load(files_, path_).value();
  InspectOptions options;
  options.slots = options.commands = true;
  const std::string text = InspectText(*artifact, options);
  EXPECT_THAT(text, HasSubstr("made by    a test\n"));
  EXPECT_THAT(text, HasSubstr("size       T up to 8\n"));
  EXPECT_THAT(text, HasSubstr("slots      parameter: 2, 32 bytes; trainable 1, "
                              "16 bytes\n"));
  EXPECT_THAT(text,
              HasSubstr("  @m::@w.gradient gradient F32 [4] trainable\n"));
  EXPECT_THAT(text, HasSubstr("entry      predict(x: F32 [T, 4], segments: "
                              "segments [T, S] < 6) -> (sums: F32 [S, 4]): 2 "
                              "commands, 0 of them once, arena 128 bytes"));
  EXPECT_THAT(text,
              HasSubstr("     0 scale(x, @m::@w, @m::@b, arena[0 : 128]) grid "
                        "T / 2 // encoder/scale\n"));
  EXPECT_THAT(text, HasSubstr("for_each_micro_batch @train\n"));
  EXPECT_THAT(InspectJson(*artifact),
              HasSubstr("\"commands\":[{\"command\":\"scale\""));
}

}  // namespace
}  // namespace graft
