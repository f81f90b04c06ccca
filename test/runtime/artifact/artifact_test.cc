// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/artifact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>

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
  EXPECT_EQ(read.slots[2].kind, SlotKind::gradient);
  EXPECT_EQ(read.slots[2].parameter, 0);
  ASSERT_EQ(read.entries.size(), 3u);
  EXPECT_EQ(read.entries[0].inputs[1].limit, 6);
  EXPECT_EQ(read.entries[1].phase, 7u);
  EXPECT_EQ(read.targets[0].programs[0].buffers,
            spec.targets[0].programs[0].buffers);
  EXPECT_EQ(read.targets[0].programs[0].commands[1].label, "encoder/scale");
  EXPECT_EQ(read.targets[0].programs[0].commands[2].tiles, 6);
  EXPECT_EQ(read.targets[0].choices, spec.targets[0].choices);
  EXPECT_EQ(read.targets[0].programs[0].prologue, 1u);
  EXPECT_EQ(read.targets[0].code, spec.targets[0].code);
  EXPECT_EQ(read.host_programs[0].instructions.size(), 5u);
  EXPECT_EQ(read.tokenizer->vocabulary, spec.tokenizer->vocabulary);
  EXPECT_EQ(read.labels, spec.labels);
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
  copy.bytes()[weights + 3] ^= 1;
  auto lazy = Artifact::FromBytes(copy.bytes(), "file");
  ASSERT_TRUE(lazy.ok()) << lazy.status();
  EXPECT_EQ((*lazy)->VerifyWeights().code(), absl::StatusCode::kDataLoss);
  LoadOptions options;
  options.verify_weights = true;
  EXPECT_EQ(Artifact::FromBytes(copy.bytes(), "file", options).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ArtifactTest, NewerVersionsAreNamed) {
  const std::string bytes = Write(TinySpec(kFakeCode, "avx2"));
  AlignedBytes copy(Bytes(bytes));
  copy.bytes()[8] = 2;
  auto loaded = Artifact::FromBytes(copy.bytes(), "new");
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(loaded.status().message()),
              HasSubstr("expects version 1, got 2"));

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

TEST_F(ArtifactTest, ErrorsNameTheField) {
  struct Case {
    std::function<void(ArtifactSpec&)> damage;
    std::string expected;
  };
  const Case cases[] = {
      {[](ArtifactSpec& s) { s.sizes[0].bound = 0; },
       "sizes[0].bound: expects 1 to 2147483647, got 0"},
      {[](ArtifactSpec& s) { s.sizes[1].name = "T"; },
       "sizes[1].name: expects a name of its own, got T again"},
      {[](ArtifactSpec& s) { s.slots[2].parameter = 2; },
       "slots[2].parameter: expects the index of a parameter, got 2"},
      {[](ArtifactSpec& s) { s.slots[2].shape = {5}; },
       "slots[2].shape: expects F32 [4], got F32 [5]"},
      {[](ArtifactSpec& s) { s.slots[0].shape = {1 << 30, 1 << 30}; },
       "slots[0].shape: expects at most"},
      {[](ArtifactSpec& s) { s.entries[0].inputs[0].dims[0].size = 9; },
       "predict.inputs[0].dims[0].size: expects an index below 2, got 9"},
      {[](ArtifactSpec& s) { s.entries[2].outputs = s.entries[0].outputs; },
       "update.outputs[0].dims: expects sizes that inputs have, got S"},
      {[](ArtifactSpec& s) { s.targets[0].programs.pop_back(); },
       "targets[0].programs: expects 3, got 2"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].buffers[3].offset = 64; },
       "program predict.buffers[3]: expects a range of the arena of 128 bytes, "
       "got 128 bytes at 64"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].buffers[3].offset = 4; },
       "buffers[3].offset: expects a multiple of 64, got 4"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].buffers[3].offset = uint64_t{0} - 64;
       },
       "buffers[3]: expects a range of the arena"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].buffers[4].part = 3; },
       "buffers[4].part: expects an index below 3, got 3"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].buffers[0].bytes = 64; },
       "buffers[0].bytes: expects 128, got 64"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].buffers[1].index = 3; },
       "buffers[1].index: expects an index below 3, got 3"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].commands[0].kernel = 5; },
       "commands[0].kernel: expects an index below 5, got 5"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].results = 2;
       },
       "commands[0].buffers[2]: expects a trainable slot as result, got b"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].results = 4;
       },
       "commands[0].buffers[0]: expects a result that is no input, got x"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].results = 5;
       },
       "commands[0]: expects 0 operands and 4 results, got 4 buffers with 5"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].buffers[0] = 8;
       },
       "commands[0].buffers[0]: expects an index below 8, got 8"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].grid.block = 0;
       },
       "commands[0].grid: expects a positive block"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].grid.count = int64_t{1} << 45;
       },
       "commands[0].grid: expects at most"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[2].commands[0].grid.size = 1;
       },
       "commands[0].grid.size: expects a size that inputs have, got S"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[2].commands[0].grid.count = 17;
       },
       "commands[0].grid: expects at most 16 bytes, got 17"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].flops = {{4, 2}};
       },
       "commands[0].flops[0]: expects sizes from -1 below 2, one of squares, "
       "got 2 and -1"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].commands[0].bytes = {{4}, {4, -1, -1, true}};
       },
       "commands[0].bytes[1]: expects sizes from 0 below 2, one of squares, "
       "got -1 and -1"},
      {[](ArtifactSpec& s) { s.targets[0].choices = {{64, 1}, {32, 0.5}}; },
       "targets[0].choices[1].time: expects at least 1, got 0.5"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].prologue = 3; },
       "program predict.prologue: expects at most 2, got 3"},
      {[](ArtifactSpec& s) { s.targets[0].programs[0].prologue = 1; },
       "commands[0]: expects a command of the prologue that depends on slots "
       "alone, got size T"},
      {[](ArtifactSpec& s) {
         s.targets[0].programs[0].prologue = 1;
         s.targets[0].programs[0].commands[0].grid.size = -1;
       },
       "commands[0]: expects a command of the prologue that depends on slots "
       "alone, got input x"},
      {[](ArtifactSpec& s) {
         AddPrologue(s);
         s.targets[0].programs[0].commands[0].random = 7;
       },
       "commands[0]: expects a command of the prologue that depends on slots "
       "alone, got random draws"},
      {[](ArtifactSpec& s) { s.targets[0].programs[2].prologue = 3; },
       "commands[1]: expects a command of the prologue that depends on slots "
       "alone, got"},
      {[](ArtifactSpec& s) { s.host_programs[0].instructions[1].entry = 3; },
       "train.instructions[1].entry: expects an index below 3, got 3"},
      {[](ArtifactSpec& s) {
         s.host_programs[0].instructions.erase(
             s.host_programs[0].instructions.begin() + 2);
       },
       "train.instructions: expects an end of the loop, got none"},
  };
  for (const Case& test : cases) {
    ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
    test.damage(spec);
    const absl::Status status = WriteArtifact(files_, path_, spec, TinyWeights);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith(path_ + ": "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.expected));
  }
  EXPECT_FALSE(files_.Exists(path_));
}

TEST_F(ArtifactTest, WritesAllOrNothing) {
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
  EXPECT_THAT(text, HasSubstr("host       train: for_each_micro_batch call "
                              "accumulate end call update mark\n"));
  EXPECT_THAT(InspectJson(*artifact),
              HasSubstr("\"commands\":[{\"command\":\"scale\""));
}

}  // namespace
}  // namespace graft
