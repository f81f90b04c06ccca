// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What CheckSpec refuses of streams, caches, registers and sources of inputs.

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/spec.h"
#include "test/runtime/artifact/tiny_artifact.h"

namespace graft {
namespace {

using ::testing::StartsWith;

constexpr uint8_t kFakeCode[] = {0x7f, 'E', 'L', 'F'};
constexpr uint32_t kPredict = 0, kUpdate = 2;

// The message of an artifact's error, without the place that it begins with.
std::string Check(const ArtifactSpec& spec) {
  const absl::Status status = CheckSpec(spec, "file");
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith("file: "));
  return std::string(status.message().substr(6));
}

struct Case {
  std::function<void(ArtifactSpec&)> damage;
  std::string error;
};

void CheckAll(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
    EXPECT_EQ(Check(spec), "");
    test.damage(spec);
    EXPECT_EQ(Check(spec), test.error);
  }
}

TEST(CheckHostTest, Streams) {
  CheckAll({
      {[](ArtifactSpec& s) { s.streams[1].name = ""; },
       "streams[1].name: expects a name, got nothing"},
      {[](ArtifactSpec& s) { s.streams[1].name = "train"; },
       "streams[1].name: expects a name of its own, got train again"},
      {[](ArtifactSpec& s) { s.streams[1].tokens = 2; },
       "streams[1]: expects an index below 2, got 2"},
      {[](ArtifactSpec& s) { s.streams[1].sequences = -2; },
       "streams[1]: expects an index below 2, got -2"},
  });
}

// They become fields of checkpoints, and parts of names of files.
TEST(CheckHostTest, Names) {
  const std::string error =
      ": expects at most 128 letters, digits or one of -_.$, got ";
  CheckAll({
      {[](ArtifactSpec& s) { s.caches[0].name = "../sums"; },
       "caches[0].name" + error + "\"../sums\""},
      {[](ArtifactSpec& s) { s.streams[0].name = "a b"; },
       "streams[0].name" + error + "\"a b\""},
      {[](ArtifactSpec& s) { s.registers[0].name = "\xff"; },
       "registers[0].name" + error + "\"\\xff\""},
      {[](ArtifactSpec& s) { s.host_programs[0].name = std::string(129, 'x'); },
       "host_programs[0].name" + error + "\"" + std::string(129, 'x') + "\""},
      {[](ArtifactSpec& s) {
         s.caches[0].name = "teacher-1.logits$2_b";
         s.host_programs[0].name = std::string(128, 'x');
       },
       ""},
  });
}

TEST(CheckHostTest, Caches) {
  const std::string rows =
      "caches[0].output: expects a row of F32 for each example of train, got ";
  CheckAll({
      {[](ArtifactSpec& s) { s.caches[0].key = ""; },
       "caches[0].key: expects a hash of what the entry computes, got nothing"},
      {[](ArtifactSpec& s) { s.caches[0].name = ""; },
       "caches[0].name: expects a name, got nothing"},
      {[](ArtifactSpec& s) { s.caches.push_back(s.caches[0]); },
       "caches[1].name: expects a name of its own, got sums again"},
      {[](ArtifactSpec& s) { s.caches[0].stream = 2; },
       "caches[0].stream: expects an index below 2, got 2"},
      {[](ArtifactSpec& s) { s.caches[0].entry = 3; },
       "caches[0].entry: expects an index below 3, got 3"},
      {[](ArtifactSpec& s) { s.caches[0].output = 1; },
       "caches[0].output: expects an index below 1, got 1"},
      // Four integers, and not one row for each example.
      {[](ArtifactSpec& s) { s.caches[0].entry = 1; }, rows + "draw"},
      {[](ArtifactSpec& s) {
         s.entries[kPredict].outputs[0].dtype = DType::kI32;
       },
       rows + "sums"},
      {[](ArtifactSpec& s) { s.entries[kPredict].outputs[0].dims[0].size = 0; },
       rows + "sums"},
      {[](ArtifactSpec& s) { s.entries[kPredict].outputs[0].dims[1] = {1, 0}; },
       rows + "sums"},
      {[](ArtifactSpec& s) { s.streams[0].sequences = -1; }, rows + "sums"},
      // Rows of a batch.
      {[](ArtifactSpec& s) { s.caches[0].batch = true; },
       "caches[0].stream: expects a stream with a size of its whole batch, got "
       "train"},
      {[](ArtifactSpec& s) { s.streams[0].batch = 2; },
       "streams[0]: expects an index below 2, got 2"},
      {[](ArtifactSpec& s) {
         s.caches[0].batch = true;
         s.streams[0].batch = 2;
         s.sizes.push_back({"N", int64_t{1} << 29});
       },
       "caches[0]: expects at most 1073741824 numbers, got 536870912 times 4"},
  });
}

TEST(CheckHostTest, Registers) {
  CheckAll({
      {[](ArtifactSpec& s) { s.registers[1].name = ""; },
       "registers[1].name: expects a name, got nothing"},
      {[](ArtifactSpec& s) { s.registers[1].name = "rate"; },
       "registers[1].name: expects a name of its own, got rate again"},
      {[](ArtifactSpec& s) { s.registers[0].initial = 1.5; },
       "registers[0].initial: expects a number from 0 to 1, got 1.5"},
      {[](ArtifactSpec& s) { s.registers[0].initial = -1; },
       "registers[0].initial: expects a number from 0 to 1, got -1"},
      {[](ArtifactSpec& s) { s.registers[0].initial = std::nan(""); },
       "registers[0].initial: expects a number from 0 to 1, got nan"},
      {[](ArtifactSpec& s) { s.registers[0].minimum = std::nan(""); },
       "registers[0].initial: expects a number from nan to 1, got 0.5"},
      {[](ArtifactSpec& s) { s.registers[2].initial = INFINITY; },
       "registers[2].initial: expects a number from -inf to inf, got inf"},
  });
}

TEST(CheckHostTest, SourcesOfInputs) {
  const auto input = [](ArtifactSpec& s, size_t i) -> ValueSpec& {
    return s.entries[kPredict].inputs[i];
  };
  const auto rate = [](ArtifactSpec& s) -> ValueSpec& {
    return s.entries[kUpdate].inputs[0];
  };
  const std::string field =
      "predict.inputs[0]: expects F32 or I32 for each token or example of "
      "stream train, got x";
  CheckAll({
      {[&](ArtifactSpec& s) { input(s, 0).source_index = 2; },
       "predict.inputs[0].source_index: expects an index below 2, got 2"},
      {[&](ArtifactSpec& s) { input(s, 0).field = ""; },
       "predict.inputs[0].field: expects a name, got nothing"},
      {[&](ArtifactSpec& s) { input(s, 0).dtype = DType::kF16; }, field},
      {[&](ArtifactSpec& s) { input(s, 0).dims = {}; }, field},
      {[&](ArtifactSpec& s) { input(s, 0).dims = {{-1, 4}}; }, field},
      {[&](ArtifactSpec& s) { input(s, 0).dims = {{0, 0}, {1, 0}}; }, field},
      {[&](ArtifactSpec& s) {
         s.sizes.push_back({"N", 4});
         input(s, 0).dims = {{2, 0}};
       },
       field},
      {[&](ArtifactSpec& s) {
         std::swap(input(s, 1).tokens, input(s, 1).sequences);
       },
       "predict.inputs[1]: expects segments of the sizes of stream train, got "
       "segments"},
      {[&](ArtifactSpec& s) {
         input(s, 0).source = SourceKind::cache;
         input(s, 0).source_index = 1;
       },
       "predict.inputs[0].source_index: expects an index below 1, got 1"},
      // A row for each token.
      {[&](ArtifactSpec& s) { input(s, 0).source = SourceKind::cache; },
       "predict.inputs[0]: expects a row of F32 for each example of train, got "
       "x"},
      {[&](ArtifactSpec& s) {
         input(s, 0).source = SourceKind::cache;
         input(s, 0).dims = {{1, 0}, {-1, 2}};
       },
       "predict.inputs[0]: expects 4 numbers per example, got 2"},
      // Of a whole batch, but not of another size.
      {[&](ArtifactSpec& s) {
         s.sizes.push_back({"N", 8});
         s.streams[0].batch = 2;
         input(s, 0).source = SourceKind::cache;
         input(s, 0).dims = {{2, 0}, {-1, 2}};
       },
       "predict.inputs[0]: expects 4 numbers per example, got 2"},
      {[&](ArtifactSpec& s) {
         s.sizes.push_back({"N", 8});
         input(s, 0).source = SourceKind::cache;
         input(s, 0).dims = {{2, 0}, {-1, 4}};
       },
       "predict.inputs[0]: expects a row of F32 for each example of train, got "
       "x"},
      {[&](ArtifactSpec& s) { rate(s).source_index = 99; },
       absl::StrCat("update.inputs[0].source_index: expects an index below ",
                    TinySpec(kFakeCode, "avx2").registers.size(), ", got 99")},
      {[&](ArtifactSpec& s) { rate(s).dims = {{-1, 1}}; },
       "update.inputs[0]: expects a scalar of F32 or I32, got rate"},
      {[&](ArtifactSpec& s) { rate(s).dtype = DType::kF16; },
       "update.inputs[0]: expects a scalar of F32 or I32, got rate"},
  });
}

}  // namespace
}  // namespace graft
