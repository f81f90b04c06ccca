// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/encode_header.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/artifact/encode_host.h"

namespace graft::internal_artifact {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// Turns a spec into the header. Structs of the schema have a fixed size, so
// the header's size does not depend on the offsets of the segments.
class HeaderBuilder {
 public:
  HeaderBuilder(const ArtifactSpec& spec, const HeaderLayout& layout)
      : spec_(spec), layout_(layout) {}

  // The finished header.
  FlatBufferBuilder Build();

 private:
  using Dims = std::vector<schema::Dim>;

  Offset<flatbuffers::String> OptionalString(const std::string& text) {
    return text.empty() ? 0 : builder_.CreateString(text);
  }
  Offset<schema::Slot> BuildSlot(size_t index);
  Offset<schema::Value> BuildValue(const ValueSpec& value);
  Offset<schema::Entry> BuildEntry(const EntrySpec& entry);
  Offset<flatbuffers::Vector<const schema::CostTerm*>> BuildCost(
      const std::vector<CostTermSpec>& terms);
  Offset<schema::Program> BuildProgram(const ProgramSpec& program);
  Offset<schema::Target> BuildTarget(const TargetSpec& target, uint32_t code);
  Offset<schema::DataSettings> BuildDataSettings();

  const ArtifactSpec& spec_;
  const HeaderLayout& layout_;
  FlatBufferBuilder builder_;
};

Offset<schema::Slot> HeaderBuilder::BuildSlot(size_t index) {
  const SlotSpec& slot = spec_.slots[index];
  const auto model = builder_.CreateString(slot.model);
  const auto name = builder_.CreateString(slot.name);
  const auto shape = builder_.CreateVector(slot.shape);
  const auto state = OptionalString(slot.state);
  const auto group = OptionalString(slot.group);
  const auto initial = OptionalString(slot.initial);
  return schema::CreateSlot(builder_, model, name, state,
                            *ElementTypeOf(slot.dtype), shape, slot.parameter,
                            slot.trainable, group, layout_.data_offsets[index],
                            initial, slot.deviation, slot.added);
}

Offset<schema::Value> HeaderBuilder::BuildValue(const ValueSpec& value) {
  Dims dims;
  for (const DimSpec& dim : value.dims) dims.emplace_back(dim.size, dim.extent);
  const auto element = value.kind == ValueKind::tensor
                           ? *ElementTypeOf(value.dtype)
                           : schema::ElementType::f32;
  return schema::CreateValueDirect(
      builder_, value.name.c_str(), value.kind, element, &dims, value.tokens,
      value.sequences, value.limit, value.exception, value.source,
      value.source_index, value.field.empty() ? nullptr : value.field.c_str());
}

Offset<schema::Entry> HeaderBuilder::BuildEntry(const EntrySpec& entry) {
  std::vector<Offset<schema::Value>> inputs, outputs;
  for (const ValueSpec& value : entry.inputs) {
    inputs.push_back(BuildValue(value));
  }
  for (const ValueSpec& value : entry.outputs) {
    outputs.push_back(BuildValue(value));
  }
  return schema::CreateEntryDirect(builder_, entry.name.c_str(), &inputs,
                                   &outputs, entry.phase);
}

Offset<flatbuffers::Vector<const schema::CostTerm*>> HeaderBuilder::BuildCost(
    const std::vector<CostTermSpec>& terms) {
  if (terms.empty()) return {};
  std::vector<schema::CostTerm> built;
  for (const CostTermSpec& term : terms) {
    built.emplace_back(term.coefficient, term.first, term.second, term.squares);
  }
  return builder_.CreateVectorOfStructs(built);
}

Offset<schema::Program> HeaderBuilder::BuildProgram(
    const ProgramSpec& program) {
  std::vector<schema::Buffer> buffers;
  for (const BufferSpec& buffer : program.buffers) {
    buffers.emplace_back(buffer.place, buffer.part, buffer.index, buffer.offset,
                         buffer.bytes);
  }
  std::vector<Offset<schema::Command>> commands;
  for (const CommandSpec& command : program.commands) {
    const auto indices = builder_.CreateVector(command.buffers);
    const auto label = OptionalString(command.label);
    const schema::Grid grid(command.grid.size, command.grid.block,
                            command.grid.count);
    const auto flops = BuildCost(command.flops);
    const auto bytes = BuildCost(command.bytes);
    // Most commands of a target have the same.
    const auto unit = command.unit.empty()
                          ? Offset<flatbuffers::String>()
                          : builder_.CreateSharedString(command.unit);
    commands.push_back(schema::CreateCommand(
        builder_, command.kind, command.kernel, indices, command.results, &grid,
        command.pattern, label, command.random, flops, bytes, unit,
        command.unit_count));
  }
  return schema::CreateProgramDirect(builder_, program.arena_bytes,
                                     program.live_bytes, &buffers, &commands,
                                     program.prologue);
}

Offset<schema::Target> HeaderBuilder::BuildTarget(const TargetSpec& target,
                                                  uint32_t code) {
  std::vector<Offset<schema::Kernel>> kernels;
  for (const KernelSpec& kernel : target.kernels) {
    kernels.push_back(schema::CreateKernelDirect(builder_, kernel.name.c_str(),
                                                 kernel.symbol.c_str()));
  }
  std::vector<Offset<schema::Program>> programs;
  for (const ProgramSpec& program : target.programs) {
    programs.push_back(BuildProgram(program));
  }
  std::vector<schema::MemoryChoice> choices;
  for (const MemoryChoiceSpec& choice : target.choices) {
    choices.emplace_back(choice.arena_bytes, choice.time);
  }
  return schema::CreateTargetDirect(
      builder_, target.kind.c_str(), target.format.c_str(),
      target.level.c_str(), target.triple.c_str(), code, &kernels, &programs,
      choices.empty() ? nullptr : &choices);
}

Offset<schema::DataSettings> HeaderBuilder::BuildDataSettings() {
  if (!spec_.data) return 0;
  const DataSettingsSpec& data = *spec_.data;
  const auto format = OptionalString(data.format);
  const auto text = OptionalString(data.text_column);
  const auto pair = OptionalString(data.pair_column);
  const auto label = OptionalString(data.label_column);
  const auto weight = OptionalString(data.weight_column);
  Offset<flatbuffers::Vector<Offset<flatbuffers::String>>> features = 0;
  if (!data.feature_columns.empty())
    features = builder_.CreateVectorOfStrings(data.feature_columns);
  return schema::CreateDataSettings(builder_, format, text, pair, label, weight,
                                    data.max_length, features);
}

FlatBufferBuilder HeaderBuilder::Build() {
  std::vector<Offset<schema::Size>> sizes;
  for (const SizeSpec& size : spec_.sizes) {
    sizes.push_back(
        schema::CreateSizeDirect(builder_, size.name.c_str(), size.bound));
  }
  std::vector<Offset<schema::Slot>> slots;
  for (size_t i = 0; i < spec_.slots.size(); ++i) slots.push_back(BuildSlot(i));
  std::vector<Offset<schema::Entry>> entries;
  for (const EntrySpec& entry : spec_.entries) {
    entries.push_back(BuildEntry(entry));
  }
  std::vector<Offset<schema::Target>> targets;
  for (const TargetSpec& target : spec_.targets) {
    targets.push_back(BuildTarget(target, layout_.first_code + targets.size()));
  }
  const EncodedHost host = EncodeHost(spec_, builder_);
  Offset<schema::Tokenizer> tokenizer = 0;
  if (spec_.tokenizer) {
    tokenizer = schema::CreateTokenizerDirect(
        builder_, spec_.tokenizer->kind.c_str(), layout_.tokenizer_data);
  }
  std::vector<Offset<schema::Head>> heads;
  for (const HeadSpec& head : spec_.heads) {
    const auto labels = builder_.CreateVectorOfStrings(head.labels);
    const auto name = builder_.CreateString(head.name);
    const auto task = builder_.CreateString(head.task);
    const auto entry =
        OptionalString(head.entry == HeadSpec().entry ? "" : head.entry);
    heads.push_back(schema::CreateHead(builder_, name, task, labels, entry));
  }
  std::vector<Offset<schema::Note>> notes;
  for (const auto& [key, value] : spec_.provenance) {
    notes.push_back(
        schema::CreateNoteDirect(builder_, key.c_str(), value.c_str()));
  }
  std::vector<Offset<schema::Merge>> merges;
  for (const MergeSpec& merge : spec_.merges) {
    merges.push_back(schema::CreateMerge(builder_, merge.base, merge.left,
                                         merge.right, merge.scale,
                                         merge.norms));
  }
  // Absent in artifacts without, as in those of earlier versions.
  const auto merges_offset = merges.empty() ? 0 : builder_.CreateVector(merges);
  const auto segments_offset = builder_.CreateVectorOfStructs(layout_.segments);
  const auto sizes_offset = builder_.CreateVector(sizes);
  const auto slots_offset = builder_.CreateVector(slots);
  const auto entries_offset = builder_.CreateVector(entries);
  const auto targets_offset = builder_.CreateVector(targets);
  const auto heads_offset = builder_.CreateVector(heads);
  const auto data_offset = BuildDataSettings();
  const auto config_offset = OptionalString(spec_.config);
  const auto notes_offset = builder_.CreateVector(notes);
  schema::FinishArtifactBuffer(
      builder_, schema::CreateArtifact(
                    builder_, spec_.kernel_abi, segments_offset, sizes_offset,
                    slots_offset, layout_.weights, entries_offset,
                    targets_offset, host.streams, host.caches, host.registers,
                    host.programs, host.parameters, tokenizer, heads_offset,
                    data_offset, config_offset, notes_offset, merges_offset));
  return std::move(builder_);
}

}  // namespace

FlatBufferBuilder EncodeHeader(const ArtifactSpec& spec,
                               const HeaderLayout& layout) {
  return HeaderBuilder(spec, layout).Build();
}

}  // namespace graft::internal_artifact
