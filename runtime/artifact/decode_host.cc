// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reads the part of a header that the trainer interprets.

#include "absl/strings/str_cat.h"
#include "runtime/artifact/decode.h"
#include "runtime/base/status_macros.h"

namespace graft::internal_artifact {
namespace {

absl::StatusOr<Expression> DecodeExpression(
    const flatbuffers::Vector<const schema::ExpressionStep*>* steps,
    absl::string_view where, const std::string& field) {
  Expression result;
  if (steps == nullptr) return result;
  for (const schema::ExpressionStep& step :
       CopyElements<schema::ExpressionStep>(*steps)) {
    GRAFT_ASSIGN_OR_RETURN(
        const ExpressionOp op,
        DecodeEnum(step.op(), ExpressionOp::MAX, where,
                   absl::StrCat(field, ".expression[", result.size(), "].op")));
    result.push_back(
        {op, step.index(), step.field(), step.mask(), step.value()});
  }
  return result;
}

absl::StatusOr<HostInstruction> DecodeInstruction(
    const schema::HostInstruction& instruction, absl::string_view where,
    const std::string& field) {
  HostInstruction result;
  GRAFT_ASSIGN_OR_RETURN(result.op,
                         DecodeEnum(instruction.op(), HostOp::MAX, where,
                                    absl::StrCat(field, ".op")));
  result.index = instruction.index();
  result.stream = instruction.stream();
  result.target = instruction.target();
  GRAFT_ASSIGN_OR_RETURN(
      result.expression,
      DecodeExpression(instruction.expression(), where, field));
  if (instruction.assignments() != nullptr) {
    for (const schema::Assignment* assignment : *instruction.assignments()) {
      result.assignments.push_back(
          {assignment->name()->str(), assignment->target(), assignment->add()});
    }
  }
  result.text = Text(instruction.text());
  return result;
}

}  // namespace

absl::Status DecodeHost(const schema::Artifact& header, absl::string_view where,
                        ArtifactSpec& spec) {
  for (const schema::Stream* stream : *header.streams()) {
    spec.streams.push_back({stream->name()->str(), stream->tokens(),
                            stream->sequences(), stream->batch()});
  }
  for (const schema::Cache* cache : *header.caches()) {
    spec.caches.push_back({cache->name()->str(), cache->stream(),
                           cache->entry(), cache->output(), cache->batch(),
                           Text(cache->key())});
  }
  for (const schema::Register* reg : *header.registers()) {
    GRAFT_ASSIGN_OR_RETURN(
        const RegisterKind kind,
        DecodeEnum(
            reg->kind(), RegisterKind::MAX, where,
            absl::StrCat("registers[", spec.registers.size(), "].kind")));
    spec.registers.push_back({reg->name()->str(), kind, reg->initial(),
                              reg->minimum(), reg->maximum(),
                              Text(reg->meaning())});
  }
  for (const schema::HostProgram* program : *header.host_programs()) {
    HostProgramSpec decoded;
    decoded.name = program->name()->str();
    decoded.fields = CopyTexts(program->fields());
    for (const schema::HostInstruction* instruction :
         *program->instructions()) {
      GRAFT_ASSIGN_OR_RETURN(
          HostInstruction one,
          DecodeInstruction(*instruction, where,
                            absl::StrCat(decoded.name, ".instructions[",
                                         decoded.instructions.size(), "]")));
      decoded.instructions.push_back(std::move(one));
    }
    spec.host_programs.push_back(std::move(decoded));
  }
  if (header.parameters() != nullptr) {
    for (const schema::Parameter* parameter : *header.parameters()) {
      spec.parameters.push_back({parameter->name()->str(),
                                 parameter->value()->str(),
                                 Text(parameter->meaning())});
    }
  }
  return absl::OkStatus();
}

}  // namespace graft::internal_artifact
