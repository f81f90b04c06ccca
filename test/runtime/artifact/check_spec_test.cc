// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What CheckSpec refuses of sizes, slots, entries, programs and heads.

#include <cmath>
#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/spec.h"
#include "test/runtime/artifact/tiny_artifact.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint8_t kFakeCode[] = {0x7f, 'E', 'L', 'F'};

TEST(CheckSpecTest, ErrorsNameTheField) {
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
       "slots[2].parameter: expects the index of a parameter, or -1, got 2"},
      {[](ArtifactSpec& s) { s.slots[2].parameter = 3; },
       "slots[2].parameter: expects the index of a parameter, or -1, got 3"},
      {[](ArtifactSpec& s) { s.slots[0].parameter = 1; },
       "slots[0].parameter: expects -1, got 1"},
      {[](ArtifactSpec& s) { s.slots[0].initial = "uniform"; },
       "slots[0].initial: expects zeros, ones or normal, got uniform"},
      {[](ArtifactSpec& s) {
         s.slots[2].initial = "ones";
         s.slots[2].dtype = DType::kI32;
       },
       "slots[2].initial: expects zeros of other types than F32, got ones"},
      {[](ArtifactSpec& s) { s.merges.push_back({9, 0, 0, 1}); },
       "merges[0]: expects slots of matrices of F32, got 9"},
      {[](ArtifactSpec& s) { s.merges.push_back({2, 0, 0, 1}); },
       "merges[0]: expects slots of matrices of F32, got 2"},
      {[](ArtifactSpec& s) {
         s.slots[0].shape = {2, 2};
         s.slots[1].shape = {4, 1};
         s.merges.push_back({0, 1, 0, 1});
       },
       "merges[0]: expects matrices [out, in], [out, r] and [r, in], got "},
      {[](ArtifactSpec& s) {
         s.slots[0].shape = s.slots[1].shape = {2, 2};
         s.merges.push_back({0, 1, 1, INFINITY});
       },
       "merges[0]: expects a finite scale, got inf"},
      {[](ArtifactSpec& s) {
         s.slots[0].shape = s.slots[1].shape = {2, 2};
         s.merges.push_back({0, 1, 1, 1, 1});
       },
       "merges[0].norms: expects -1, or a slot of 2 numbers of F32, got 1"},
      {[](ArtifactSpec& s) {
         s.slots[0].shape = s.slots[1].shape = {2, 2};
         s.merges.push_back({0, 1, 1, 1, -2});
       },
       "merges[0].norms: expects -1, or a slot of 2 numbers of F32, got -2"},
      {[](ArtifactSpec& s) { s.heads[0].name = ""; },
       "heads[0].name: expects a name, got nothing"},
      {[](ArtifactSpec& s) { s.heads.push_back(s.heads[0]); },
       "heads[1].name: expects a name of its own, got logits again"},
      {[](ArtifactSpec& s) { s.heads[0].task = ""; },
       "heads[0].task: expects a name, got nothing"},
      {[](ArtifactSpec& s) { s.heads[0].entry = "predict_first"; },
       "heads[0].entry: expects an entry with the output logits, got "
       "predict_first"},
      {[](ArtifactSpec& s) {
         s.heads[0] = {"sums", "classification", {"a", "b"}, "predict_first"};
         s.entries[0].name = s.heads[0].entry;
       },
       "heads[0].labels: expects the 4 columns of predict_first.sums, got 2"},
      {[](ArtifactSpec& s) { s.data->max_length = -1; },
       "data.max_length: expects at least 0, got -1"},
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
  };
  for (const Case& test : cases) {
    ArtifactSpec spec = TinySpec(kFakeCode, "avx2");
    test.damage(spec);
    const absl::Status status = CheckSpec(spec, "file");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith("file: "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.expected));
  }
}

}  // namespace
}  // namespace graft
