// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/decode.h"

#include "absl/strings/str_cat.h"
#include "runtime/artifact/check.h"
#include "runtime/base/status_macros.h"

namespace graft::internal_artifact {
namespace {

absl::StatusOr<DType> DecodeElement(schema::ElementType element,
                                    absl::string_view where,
                                    absl::string_view field) {
  switch (element) {
    case schema::ElementType::f32:
      return DType::kF32;
    case schema::ElementType::f16:
      return DType::kF16;
    case schema::ElementType::bf16:
      return DType::kBF16;
    case schema::ElementType::i32:
      return DType::kI32;
    case schema::ElementType::i1:
      return DType::kBool;
  }
  return FieldError(where, field, "a known element type",
                    static_cast<int>(element));
}

absl::StatusOr<SlotSpec> DecodeSlot(const schema::Slot& slot,
                                    absl::string_view where,
                                    const std::string& field) {
  SlotSpec result;
  result.model = slot.model()->str();
  result.name = slot.name()->str();
  result.state = Text(slot.state());
  result.group = Text(slot.group());
  GRAFT_ASSIGN_OR_RETURN(
      result.dtype,
      DecodeElement(slot.element(), where, absl::StrCat(field, ".element")));
  if (slot.shape() != nullptr) {
    result.shape = CopyElements<int64_t>(*slot.shape());
  }
  result.parameter = slot.parameter();
  result.trainable = slot.trainable();
  result.data_offset = slot.data_offset();
  result.initial = Text(slot.initial());
  result.deviation = slot.deviation();
  result.added = slot.added();
  return result;
}

absl::StatusOr<ValueSpec> DecodeValue(const schema::Value& value,
                                      absl::string_view where,
                                      const std::string& field) {
  ValueSpec result;
  result.name = value.name()->str();
  GRAFT_ASSIGN_OR_RETURN(result.kind,
                         DecodeEnum(value.kind(), ValueKind::MAX, where,
                                    absl::StrCat(field, ".kind")));
  GRAFT_ASSIGN_OR_RETURN(
      result.dtype,
      DecodeElement(value.element(), where, absl::StrCat(field, ".element")));
  if (value.dims() != nullptr) {
    for (const schema::Dim& dim : CopyElements<schema::Dim>(*value.dims())) {
      result.dims.push_back({dim.size(), dim.extent()});
    }
  }
  result.tokens = value.tokens();
  result.sequences = value.sequences();
  result.limit = value.limit();
  result.exception = value.exception();
  GRAFT_ASSIGN_OR_RETURN(result.source,
                         DecodeEnum(value.source(), SourceKind::MAX, where,
                                    absl::StrCat(field, ".source")));
  result.source_index = value.source_index();
  result.field = Text(value.field());
  return result;
}

using Values = flatbuffers::Vector<flatbuffers::Offset<schema::Value>>;

absl::StatusOr<std::vector<ValueSpec>> DecodeValues(const Values& values,
                                                    absl::string_view where,
                                                    const std::string& field) {
  std::vector<ValueSpec> result;
  for (const schema::Value* value : values) {
    GRAFT_ASSIGN_OR_RETURN(
        ValueSpec decoded,
        DecodeValue(*value, where,
                    absl::StrCat(field, "[", result.size(), "]")));
    result.push_back(std::move(decoded));
  }
  return result;
}

std::vector<CostTermSpec> DecodeCost(
    const flatbuffers::Vector<const schema::CostTerm*>* terms) {
  std::vector<CostTermSpec> result;
  if (terms == nullptr) return result;
  for (const schema::CostTerm& term : CopyElements<schema::CostTerm>(*terms)) {
    result.push_back(
        {term.coefficient(), term.first(), term.second(), term.squares()});
  }
  return result;
}

absl::StatusOr<ProgramSpec> DecodeProgram(const schema::Program& program,
                                          absl::string_view where,
                                          const std::string& field) {
  ProgramSpec result;
  result.arena_bytes = program.arena_bytes();
  result.live_bytes = program.live_bytes();
  result.prologue = program.prologue();
  for (const schema::Buffer& buffer :
       CopyElements<schema::Buffer>(*program.buffers())) {
    GRAFT_ASSIGN_OR_RETURN(
        const Place place,
        DecodeEnum(buffer.place(), Place::MAX, where,
                   absl::StrCat(field, ".buffers[", result.buffers.size(),
                                "].place")));
    result.buffers.push_back({place, buffer.part(), buffer.index(),
                              buffer.offset(), buffer.bytes()});
  }
  for (const schema::Command* command : *program.commands()) {
    CommandSpec decoded;
    GRAFT_ASSIGN_OR_RETURN(
        decoded.kind,
        DecodeEnum(command->kind(), CommandKind::MAX, where,
                   absl::StrCat(field, ".commands[", result.commands.size(),
                                "].kind")));
    decoded.kernel = command->kernel();
    decoded.buffers = CopyElements<uint32_t>(*command->buffers());
    decoded.results = command->results();
    decoded.grid = {command->grid()->size(), command->grid()->block(),
                    command->grid()->count()};
    decoded.pattern = command->pattern();
    decoded.random = command->random();
    decoded.label = Text(command->label());
    decoded.flops = DecodeCost(command->flops());
    decoded.bytes = DecodeCost(command->bytes());
    decoded.unit = Text(command->unit());
    decoded.unit_count = command->unit_count();
    result.commands.push_back(std::move(decoded));
  }
  return result;
}

class Decoder {
 public:
  Decoder(const schema::Artifact& header,
          const std::vector<schema::Segment>& places,
          const std::vector<absl::Span<const uint8_t>>& segments,
          absl::string_view where)
      : header_(header), places_(places), segments_(segments), where_(where) {}

  absl::StatusOr<ArtifactSpec> Decode() {
    spec_.kernel_abi = header_.kernel_abi();
    for (const schema::Size* size : *header_.sizes()) {
      spec_.sizes.push_back({size->name()->str(), size->bound()});
    }
    for (const schema::Slot* slot : *header_.slots()) {
      GRAFT_ASSIGN_OR_RETURN(
          SlotSpec decoded,
          DecodeSlot(*slot, where_,
                     absl::StrCat("slots[", spec_.slots.size(), "]")));
      spec_.slots.push_back(std::move(decoded));
    }
    if (header_.merges() != nullptr) {
      for (const schema::Merge* merge : *header_.merges()) {
        spec_.merges.push_back({merge->base(), merge->left(), merge->right(),
                                merge->scale(), merge->norms()});
      }
    }
    for (const schema::Entry* entry : *header_.entries()) {
      EntrySpec decoded;
      decoded.name = entry->name()->str();
      decoded.phase = entry->phase();
      GRAFT_ASSIGN_OR_RETURN(
          decoded.inputs,
          DecodeValues(*entry->inputs(), where_, decoded.name + ".inputs"));
      GRAFT_ASSIGN_OR_RETURN(
          decoded.outputs,
          DecodeValues(*entry->outputs(), where_, decoded.name + ".outputs"));
      spec_.entries.push_back(std::move(decoded));
    }
    for (const schema::Target* target : *header_.targets()) {
      GRAFT_RETURN_IF_ERROR(DecodeTarget(*target));
    }
    GRAFT_RETURN_IF_ERROR(DecodeHost(header_, where_, spec_));
    GRAFT_RETURN_IF_ERROR(DecodeTexts());
    return std::move(spec_);
  }

 private:
  absl::StatusOr<absl::Span<const uint8_t>> FindSegment(
      absl::string_view field, uint32_t index, schema::SegmentKind kind) {
    if (index >= segments_.size() || places_[index].kind() != kind) {
      return FieldError(
          where_, field,
          absl::StrCat("a segment of kind ", static_cast<int>(kind)), index);
    }
    return segments_[index];
  }

  absl::Status DecodeTarget(const schema::Target& target) {
    TargetSpec decoded;
    decoded.kind = target.kind()->str();
    decoded.format = target.format()->str();
    decoded.level = target.level()->str();
    decoded.triple = target.triple()->str();
    GRAFT_ASSIGN_OR_RETURN(
        decoded.code, FindSegment(absl::StrCat(decoded.level, ".code"),
                                  target.code(), schema::SegmentKind::code));
    for (const schema::Kernel* kernel : *target.kernels()) {
      decoded.kernels.push_back(
          {kernel->name()->str(), kernel->symbol()->str()});
    }
    for (const schema::Program* program : *target.programs()) {
      GRAFT_ASSIGN_OR_RETURN(
          ProgramSpec decoded_program,
          DecodeProgram(*program, where_,
                        absl::StrCat(decoded.level, ".programs[",
                                     decoded.programs.size(), "]")));
      decoded.programs.push_back(std::move(decoded_program));
    }
    if (target.choices()) {
      for (const schema::MemoryChoice& choice :
           CopyElements<schema::MemoryChoice>(*target.choices())) {
        decoded.choices.push_back({choice.arena_bytes(), choice.time()});
      }
    }
    spec_.targets.push_back(std::move(decoded));
    return absl::OkStatus();
  }

  absl::Status DecodeTexts() {
    if (const schema::Tokenizer* tokenizer = header_.tokenizer()) {
      TokenizerSpec decoded;
      decoded.kind = tokenizer->kind()->str();
      GRAFT_ASSIGN_OR_RETURN(decoded.data,
                             FindSegment("tokenizer.data", tokenizer->data(),
                                         schema::SegmentKind::text));
      spec_.tokenizer = std::move(decoded);
    }
    if (header_.heads() != nullptr) {
      for (const schema::Head* head : *header_.heads()) {
        spec_.heads.push_back({head->name()->str(), head->task()->str(),
                               CopyTexts(head->labels())});
        if (head->entry() != nullptr)
          spec_.heads.back().entry = head->entry()->str();
      }
    }
    if (const schema::DataSettings* data = header_.data()) {
      spec_.data = {Text(data->format()),
                    Text(data->text_column()),
                    Text(data->pair_column()),
                    Text(data->label_column()),
                    Text(data->weight_column()),
                    data->max_length(),
                    CopyTexts(data->feature_columns())};
    }
    spec_.config = Text(header_.config());
    if (header_.provenance() != nullptr) {
      for (const schema::Note* note : *header_.provenance()) {
        spec_.provenance.emplace_back(note->key()->str(), note->value()->str());
      }
    }
    return absl::OkStatus();
  }

  const schema::Artifact& header_;
  const std::vector<schema::Segment>& places_;
  const std::vector<absl::Span<const uint8_t>>& segments_;
  const absl::string_view where_;
  ArtifactSpec spec_;
};

}  // namespace

absl::StatusOr<ArtifactSpec> DecodeSpec(
    const schema::Artifact& header, const std::vector<schema::Segment>& places,
    const std::vector<absl::Span<const uint8_t>>& segments,
    absl::string_view where) {
  return Decoder(header, places, segments, where).Decode();
}

}  // namespace graft::internal_artifact
