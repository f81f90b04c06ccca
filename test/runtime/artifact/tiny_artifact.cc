// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/artifact/tiny_artifact.h"

#include <algorithm>
#include <cstring>

#include "runtime/artifact/checksum.h"
#include "runtime/schema/container.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/host/training_program.h"

namespace graft {
namespace {

constexpr int32_t kT = 0, kS = 1;
constexpr uint32_t kW = 0, kB = 1, kGradient = 2;

std::vector<EntrySpec> MakeEntries() {
  ValueSpec segments = MakeSegments(kT, kS);
  segments.limit = 6;
  const ValueSpec x = MakeTensor("x", DType::kF32, {{kT, 0}, {-1, 4}});
  ValueSpec labels = MakeTensor("labels", DType::kI32, {{kS, 0}});
  labels.limit = 10;
  labels.exception = -100;
  return {{"predict",
           {x, segments},
           {MakeTensor("sums", DType::kF32, {{kS, 0}, {-1, 4}})},
           0},
          {"accumulate",
           {x, labels},
           {MakeTensor("draw", DType::kI32, {{-1, 4}})},
           7},
          {"update", {MakeTensor("rate", DType::kF32, {})}, {}, 0}};
}

CommandSpec MakeLaunch(uint32_t kernel, std::vector<uint32_t> buffers,
                       GridSpec grid, const std::string& label) {
  CommandSpec command = MakeKernel(kernel, std::move(buffers));
  command.grid = grid;
  command.label = label;
  return command;
}

ProgramSpec MakePredict() {
  ProgramSpec program;
  program.arena_bytes = program.live_bytes = 128;
  program.buffers = {
      {Place::input, 0, 0, 0, 128}, {Place::slot, 0, kW, 0, 16},
      {Place::slot, 0, kB, 0, 16},  {Place::arena, 0, 0, 0, 128},
      {Place::input, 0, 1, 0, 16},  {Place::input, 1, 1, 0, 12},
      {Place::input, 2, 1, 0, 32},  {Place::output, 0, 0, 0, 48}};
  program.commands = {MakeLaunch(0, {0, 1, 2, 3}, {kT, 2, 1}, "encoder/scale"),
                      MakeLaunch(1, {3, 4, 5, 6, 7}, {kS, 1, 1}, "pool")};
  program.commands[1].flops = {{2, kT, -1, true}, {100, kS, kT}};
  program.commands[1].bytes = {{16, kT}, {5}};
  program.commands[1].unit = "bf16";
  program.commands[1].unit_count = 6;
  return program;
}

ProgramSpec MakeAccumulate() {
  ProgramSpec program;
  program.buffers = {{Place::input, 0, 0, 0, 128},
                     {Place::slot, 0, kGradient, 0, 16},
                     {Place::output, 0, 0, 0, 16}};
  program.commands = {MakeLaunch(2, {0, 1, 1}, {-1, 1, 4}, "gradient"),
                      MakeLaunch(3, {2}, {-1, 1, 1}, "draw")};
  program.commands[1].random = 11;
  return program;
}

ProgramSpec MakeUpdate() {
  ProgramSpec program;
  program.buffers = {{Place::slot, 0, kW, 0, 16},
                     {Place::slot, 0, kGradient, 0, 16},
                     {Place::input, 0, 0, 0, 4},
                     {Place::arena, 0, 0, 0, 16}};
  program.arena_bytes = program.live_bytes = 64;
  program.commands = {MakeCopy(1, 3, 16),
                      MakeLaunch(4, {0, 3, 2, 0}, {-1, 1, 4}, "update"),
                      MakeFill(1, 16)};
  return program;
}

// A loss that is the mean of nothing: what counts is one of each instruction.
void AddTraining(ArtifactSpec& spec) {
  using namespace host_program;  // NOLINT: the language of a program
  spec.caches = {{"sums", 0, 0, 0, false, "graph"}};
  AddRegister("rate", RegisterKind::parameter, 0.5, 0, 1, spec);
  AddRegister("save_every", RegisterKind::option, 2, 0, 1e6, spec);
  spec.registers[0].meaning = "learning rate";
  const Body step = {
      Set("kept", SumWhere("train", "", "labels", -100)),
      ForEachMicroBatch("train", {CallAt("accumulate", "step"_r)}),
      TestFinite("gradient", "finite"),
      When("finite"_r && "kept"_r > 0, {Call("update")}, {Reset("gradient")}),
      Set("step", "step"_r + 1),
      LogLine("", {"step", "kept"}),
      Mark("step"_r % "save_every"_r == 0, {"step"})};
  AddProgram("train",
             {FillCache("sums"),
              Repeat("epoch", 2,
                     {ForEachBatch("train", 4, step),
                      When(Present("dev"),
                           {Evaluate("predict", "dev", {{"score", "best"}}),
                            Keep("best"), Leave()})}),
              When(!Finite("best"_r), {Fail("expects a score", {"best"})}),
              Restore("best")},
             spec);
}

}  // namespace

void AddPrologue(ArtifactSpec& spec) {
  ProgramSpec& program = spec.targets[0].programs[0];
  program.arena_bytes = program.live_bytes = 192;
  program.buffers.push_back({Place::arena, 0, 0, 128, 16});
  CommandSpec copy = MakeCopy(1, 8, 16);
  copy.label = "prologue";
  program.commands.insert(program.commands.begin(), copy);
  program.commands[1].buffers[1] = 8;
  program.prologue = 1;
}

ArtifactSpec TinySpec(absl::Span<const uint8_t> code, std::string level) {
  static constexpr uint8_t kTokenizer[] = {'{', '}', '\n', 'a', '\n'};
  ArtifactSpec spec;
  spec.sizes = {{"T", 8}, {"S", 3}};
  spec.slots = {MakeParameter("m", "w", {4}),
                MakeParameter("m", "b", {4}, /*trainable=*/false)};
  spec.slots.push_back(MakeState(spec.slots, 0, "gradient"));
  spec.slots[0].group = "all";
  spec.slots[0].initial = "normal";
  spec.slots[0].deviation = 0.5f;
  spec.entries = MakeEntries();
  TargetSpec target =
      MakeTarget(code, "tiny", {"scale", "pool", "gradient", "draw", "update"});
  target.level = std::move(level);
  target.programs = {MakePredict(), MakeAccumulate(), MakeUpdate()};
  target.choices = {{96, 1}, {64, 1.25}};
  spec.targets = {std::move(target)};
  host_program::AddStreams(spec);
  AddTraining(spec);
  host_program::BindInputs(spec);
  spec.parameters = {{"schedule", "linear", "how the rate falls"}};
  spec.tokenizer.emplace().data = kTokenizer;
  spec.heads = {{"logits", "classification", {"no", "yes"}}};
  spec.data = {.format = "tsv",
               .text_column = "text",
               .pair_column = "",
               .label_column = "label",
               .weight_column = "",
               .max_length = 6,
               .feature_columns = {"x", "y"}};
  spec.config = "{}";
  spec.provenance = {{"made by", "a test"}};
  return spec;
}

absl::Status TinyWeights(size_t slot, WeightSink sink) {
  static constexpr float kValues[2][4] = {{1, 2, 3, 4}, {0.5, 0.5, 0.5, 0.5}};
  const auto bytes =
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(kValues[slot]), 16);
  // In two pieces, to cover streaming.
  if (absl::Status status = sink(bytes.first(5)); !status.ok()) return status;
  return sink(bytes.subspan(5));
}

AlignedBytes::AlignedBytes(absl::Span<const uint8_t> bytes)
    : storage_(bytes.size() + 64), size_(bytes.size()) {
  const auto address = reinterpret_cast<uintptr_t>(storage_.data());
  data_ = storage_.data() + (64 - address % 64) % 64;
  std::copy(bytes.begin(), bytes.end(), data_);
}

void Reseal(absl::Span<uint8_t> artifact) {
  schema::Preamble preamble;
  std::memcpy(&preamble, artifact.data(), sizeof(preamble));
  preamble.header_checksum =
      Checksum(artifact.subspan(sizeof(preamble), preamble.header_size));
  std::memcpy(artifact.data(), &preamble, sizeof(preamble));
  preamble.preamble_checksum = Checksum(artifact.first(sizeof(preamble) - 8));
  std::memcpy(artifact.data(), &preamble, sizeof(preamble));
}

}  // namespace graft
