// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/writer.h"

#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/artifact/checksum.h"
#include "runtime/artifact/encode_host.h"
#include "runtime/base/status_macros.h"
#include "runtime/schema/container.h"

namespace graft {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using schema::SegmentKind;

// Turns a spec into the header. Structs of the schema have a fixed size, so
// the header's size does not depend on the offsets of the segments.
class HeaderBuilder {
 public:
  HeaderBuilder(const ArtifactSpec& spec,
                const std::vector<uint64_t>& data_offsets,
                const std::vector<schema::Segment>& segments)
      : spec_(spec), data_offsets_(data_offsets), segments_(segments) {}

  // The finished header.
  FlatBufferBuilder Build(int32_t weights, int32_t tokenizer_data,
                          uint32_t first_code);

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
  const std::vector<uint64_t>& data_offsets_;
  const std::vector<schema::Segment>& segments_;
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
                            slot.trainable, group, data_offsets_[index],
                            initial, slot.deviation);
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
  return schema::CreateDataSettings(builder_, format, text, pair, label, weight,
                                    data.max_length);
}

FlatBufferBuilder HeaderBuilder::Build(int32_t weights, int32_t tokenizer_data,
                                       uint32_t first_code) {
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
    targets.push_back(BuildTarget(target, first_code + targets.size()));
  }
  const internal_artifact::EncodedHost host =
      internal_artifact::EncodeHost(spec_, builder_);
  Offset<schema::Tokenizer> tokenizer = 0;
  if (spec_.tokenizer) {
    tokenizer = schema::CreateTokenizerDirect(
        builder_, spec_.tokenizer->kind.c_str(), tokenizer_data);
  }
  std::vector<Offset<schema::Head>> heads;
  for (const HeadSpec& head : spec_.heads) {
    const auto labels = builder_.CreateVectorOfStrings(head.labels);
    const auto name = builder_.CreateString(head.name);
    heads.push_back(schema::CreateHead(
        builder_, name, builder_.CreateString(head.task), labels));
  }
  std::vector<Offset<schema::Note>> notes;
  for (const auto& [key, value] : spec_.provenance) {
    notes.push_back(
        schema::CreateNoteDirect(builder_, key.c_str(), value.c_str()));
  }
  const auto segments_offset = builder_.CreateVectorOfStructs(segments_);
  const auto sizes_offset = builder_.CreateVector(sizes);
  const auto slots_offset = builder_.CreateVector(slots);
  const auto entries_offset = builder_.CreateVector(entries);
  const auto targets_offset = builder_.CreateVector(targets);
  const auto heads_offset = builder_.CreateVector(heads);
  const auto data_offset = BuildDataSettings();
  const auto config_offset = OptionalString(spec_.config);
  const auto notes_offset = builder_.CreateVector(notes);
  schema::FinishArtifactBuffer(
      builder_,
      schema::CreateArtifact(
          builder_, spec_.kernel_abi, segments_offset, sizes_offset,
          slots_offset, weights, entries_offset, targets_offset, host.streams,
          host.caches, host.registers, host.programs, host.parameters,
          tokenizer, heads_offset, data_offset, config_offset, notes_offset));
  return std::move(builder_);
}

// Writes the container: counts bytes, pads, and keeps checksums.
class ContainerWriter {
 public:
  explicit ContainerWriter(WritableFile& file) : file_(file) {}

  absl::Status Append(absl::Span<const uint8_t> bytes) {
    position_ += bytes.size();
    return file_.Append(bytes);
  }

  absl::Status PadTo(uint64_t offset) {
    static constexpr uint8_t kZeros[schema::kWeightsAlignment] = {};
    return Append(absl::MakeConstSpan(kZeros, offset - position_));
  }

  uint64_t position() const { return position_; }

 private:
  WritableFile& file_;
  uint64_t position_ = 0;
};

template <typename T>
absl::Span<const uint8_t> BytesOf(const T* data, size_t count) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data),
                             count * sizeof(T));
}

// Where each part of the file goes.
struct Layout {
  std::vector<uint64_t> data_offsets;  // of slots, in the weights
  std::vector<schema::Segment> segments;
  std::vector<absl::Span<const uint8_t>> contents;  // empty for weights
  int32_t weights = -1;
  int32_t tokenizer_data = -1;
  uint32_t first_code = 0;
  uint64_t checksums_offset = 0;
};

// Lists the segments with their sizes; weights are the last, so that the rest
// of the file is close together.
Layout MakeLayout(const ArtifactSpec& spec) {
  Layout layout;
  auto add = [&](SegmentKind kind, absl::Span<const uint8_t> bytes,
                 uint64_t size) {
    layout.segments.emplace_back(kind, 0, size);
    layout.contents.push_back(bytes);
    return static_cast<int32_t>(layout.segments.size() - 1);
  };
  if (spec.tokenizer) {
    layout.tokenizer_data = add(SegmentKind::text, spec.tokenizer->data,
                                spec.tokenizer->data.size());
  }
  layout.first_code = layout.segments.size();
  for (const TargetSpec& target : spec.targets) {
    add(SegmentKind::code, target.code, target.code.size());
  }
  uint64_t size = 0;
  bool parameters = false;
  for (const SlotSpec& slot : spec.slots) {
    if (!slot.is_parameter()) {
      layout.data_offsets.push_back(0);
      continue;
    }
    parameters = true;
    size = schema::AlignUp(size, schema::kAlignment);
    layout.data_offsets.push_back(size);
    size += SlotBytes(slot);
  }
  if (parameters) layout.weights = add(SegmentKind::weights, {}, size);
  return layout;
}

void PlaceSegments(uint64_t header_size, Layout& layout) {
  uint64_t end = sizeof(schema::Preamble) + header_size;
  for (schema::Segment& segment : layout.segments) {
    const uint64_t offset = schema::AlignUp(
        end, segment.kind() == SegmentKind::weights ? schema::kWeightsAlignment
                                                    : schema::kAlignment);
    segment = schema::Segment(segment.kind(), offset, segment.size());
    end = offset + segment.size();
  }
  layout.checksums_offset = schema::AlignUp(end, schema::kAlignment);
}

absl::Status WriteWeights(const ArtifactSpec& spec, const Layout& layout,
                          WeightSource weights, const std::string& path,
                          ContainerWriter& writer, uint64_t& checksum) {
  const uint64_t start = writer.position();
  ChecksumStream stream;
  for (size_t i = 0; i < spec.slots.size(); ++i) {
    const SlotSpec& slot = spec.slots[i];
    if (!slot.is_parameter()) continue;
    const uint64_t expected = SlotBytes(slot);
    const uint64_t begin = start + layout.data_offsets[i];
    static constexpr uint8_t kZeros[schema::kAlignment] = {};
    stream.Add(absl::MakeConstSpan(kZeros, begin - writer.position()));
    GRAFT_RETURN_IF_ERROR(writer.PadTo(begin));
    auto sink = [&](absl::Span<const uint8_t> bytes) {
      stream.Add(bytes);
      return writer.Append(bytes);
    };
    GRAFT_RETURN_IF_ERROR(weights(i, sink));
    if (writer.position() - begin != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": values of ", slot.name, ": expects ", expected,
                       " bytes, got ", writer.position() - begin));
    }
  }
  checksum = stream.value();
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteArtifact(FileSystem& files, const std::string& path,
                           const ArtifactSpec& spec, WeightSource weights) {
  GRAFT_RETURN_IF_ERROR(CheckSpec(spec, path));
  Layout layout = MakeLayout(spec);
  auto build = [&] {
    return HeaderBuilder(spec, layout.data_offsets, layout.segments)
        .Build(layout.weights, layout.tokenizer_data, layout.first_code);
  };
  PlaceSegments(build().GetSize(), layout);
  const FlatBufferBuilder header = build();

  schema::Preamble preamble = {};
  std::memcpy(preamble.magic, schema::kMagic, sizeof(schema::kMagic));
  preamble.version = schema::kVersion;
  preamble.header_size = header.GetSize();
  preamble.header_checksum =
      Checksum(BytesOf(header.GetBufferPointer(), header.GetSize()));
  preamble.checksums_offset = layout.checksums_offset;
  preamble.segment_count = layout.segments.size();
  preamble.file_size =
      layout.checksums_offset + (layout.segments.size() + 1) * sizeof(uint64_t);
  preamble.preamble_checksum =
      Checksum(BytesOf(&preamble, 1).first(sizeof(preamble) - 8));

  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                         files.CreateAtomic(path));
  ContainerWriter writer(*file);
  GRAFT_RETURN_IF_ERROR(writer.Append(BytesOf(&preamble, 1)));
  GRAFT_RETURN_IF_ERROR(
      writer.Append(BytesOf(header.GetBufferPointer(), header.GetSize())));
  std::vector<uint64_t> checksums;
  for (size_t i = 0; i < layout.segments.size(); ++i) {
    GRAFT_RETURN_IF_ERROR(writer.PadTo(layout.segments[i].offset()));
    checksums.push_back(Checksum(layout.contents[i]));
    if (layout.segments[i].kind() == SegmentKind::weights) {
      GRAFT_RETURN_IF_ERROR(
          WriteWeights(spec, layout, weights, path, writer, checksums.back()));
    } else {
      GRAFT_RETURN_IF_ERROR(writer.Append(layout.contents[i]));
    }
  }
  GRAFT_RETURN_IF_ERROR(writer.PadTo(layout.checksums_offset));
  checksums.push_back(Checksum(BytesOf(checksums.data(), checksums.size())));
  GRAFT_RETURN_IF_ERROR(
      writer.Append(BytesOf(checksums.data(), checksums.size())));
  return file->Commit();
}

}  // namespace graft
