// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/artifact/tiny_artifact.h"

#include <algorithm>
#include <cstring>

#include "runtime/artifact/checksum.h"
#include "runtime/schema/container.h"

namespace graft {
namespace {

constexpr int32_t kT = 0, kS = 1;
constexpr uint32_t kW = 0, kB = 1, kGradient = 2;

SlotSpec MakeSlot(const std::string& name, SlotKind kind, int32_t parameter,
                  bool trainable) {
  SlotSpec slot;
  slot.model = "m";
  slot.name = name;
  slot.kind = kind;
  slot.shape = {4};
  slot.parameter = parameter;
  slot.trainable = trainable;
  return slot;
}

ValueSpec MakeTensor(const std::string& name, DType dtype,
                     std::vector<DimSpec> dims) {
  ValueSpec value;
  value.name = name;
  value.dtype = dtype;
  value.dims = std::move(dims);
  return value;
}

std::vector<EntrySpec> MakeEntries() {
  ValueSpec segments;
  segments.name = "segments";
  segments.kind = ValueKind::segments;
  segments.tokens = kT;
  segments.sequences = kS;
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

CommandSpec MakeKernel(uint32_t kernel, std::vector<uint32_t> buffers,
                       uint32_t results, GridSpec grid, std::string label) {
  CommandSpec command;
  command.kernel = kernel;
  command.buffers = std::move(buffers);
  command.results = results;
  command.grid = grid;
  command.label = std::move(label);
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
  program.commands = {
      MakeKernel(0, {0, 1, 2, 3}, 1, {kT, 2, 1}, "encoder/scale"),
      MakeKernel(1, {3, 4, 5, 6, 7}, 1, {kS, 1, 1}, "pool")};
  program.commands[1].flops = {{2, kT, -1, true}, {100, kS, kT}};
  program.commands[1].bytes = {{16, kT}, {5}};
  program.commands[1].tiles = 6;
  return program;
}

ProgramSpec MakeAccumulate() {
  ProgramSpec program;
  program.buffers = {{Place::input, 0, 0, 0, 128},
                     {Place::slot, 0, kGradient, 0, 16},
                     {Place::output, 0, 0, 0, 16}};
  program.commands = {MakeKernel(2, {0, 1, 1}, 1, {-1, 1, 4}, "gradient"),
                      MakeKernel(3, {2}, 1, {-1, 1, 1}, "draw")};
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
  CommandSpec copy, fill;
  copy.kind = CommandKind::copy;
  copy.buffers = {1, 3};
  copy.results = 1;
  copy.grid.count = 16;
  fill.kind = CommandKind::fill;
  fill.buffers = {1};
  fill.results = 1;
  fill.grid.count = 16;
  program.commands = {
      copy, MakeKernel(4, {0, 3, 2, 0}, 1, {-1, 1, 4}, "update"), fill};
  return program;
}

}  // namespace

void AddPrologue(ArtifactSpec& spec) {
  ProgramSpec& program = spec.targets[0].programs[0];
  program.arena_bytes = program.live_bytes = 192;
  program.buffers.push_back({Place::arena, 0, 0, 128, 16});
  CommandSpec copy;
  copy.kind = CommandKind::copy;
  copy.buffers = {1, 8};
  copy.results = 1;
  copy.grid.count = 16;
  copy.label = "prologue";
  program.commands.insert(program.commands.begin(), copy);
  program.commands[1].buffers[1] = 8;
  program.prologue = 1;
}

ArtifactSpec TinySpec(absl::Span<const uint8_t> code, std::string level) {
  static constexpr uint8_t kVocabulary[] = {'a', '\n', 'b', '\n'};
  ArtifactSpec spec;
  spec.sizes = {{"T", 8}, {"S", 3}};
  spec.slots = {MakeSlot("w", SlotKind::parameter, -1, true),
                MakeSlot("b", SlotKind::parameter, -1, false),
                MakeSlot("w.gradient", SlotKind::gradient, 0, true)};
  spec.slots[0].initial = "normal";
  spec.slots[0].deviation = 0.5f;
  spec.entries = MakeEntries();
  TargetSpec target;
  target.level = std::move(level);
  target.triple = "x86_64-unknown-linux-gnu";
  target.code = code;
  for (const char* name : {"scale", "pool", "gradient", "draw", "update"}) {
    target.kernels.push_back({name, std::string("tiny_") + name});
  }
  target.programs = {MakePredict(), MakeAccumulate(), MakeUpdate()};
  target.choices = {{96, 1}, {64, 1.25}};
  spec.targets = {std::move(target)};
  spec.host_programs = {{"train",
                         {{HostOp::for_each_micro_batch, 0},
                          {HostOp::call, 1},
                          {HostOp::end, 0},
                          {HostOp::call, 2},
                          {HostOp::mark, 0}}}};
  TokenizerSpec tokenizer;
  tokenizer.vocabulary = kVocabulary;
  spec.tokenizer = tokenizer;
  spec.labels = {"no", "yes"};
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
