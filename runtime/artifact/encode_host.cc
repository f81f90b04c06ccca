// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/encode_host.h"

#include <vector>

namespace graft::internal_artifact {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<schema::HostInstruction> Encode(const HostInstruction& instruction,
                                       FlatBufferBuilder& builder) {
  std::vector<schema::ExpressionStep> steps;
  for (const ExpressionStep& step : instruction.expression) {
    steps.emplace_back(step.op, step.index, step.field, step.mask, step.value);
  }
  std::vector<Offset<schema::Assignment>> assignments;
  for (const AssignmentSpec& assignment : instruction.assignments) {
    assignments.push_back(schema::CreateAssignmentDirect(
        builder, assignment.name.c_str(), assignment.target, assignment.add));
  }
  return schema::CreateHostInstructionDirect(
      builder, instruction.op, instruction.index, instruction.stream,
      instruction.target, steps.empty() ? nullptr : &steps,
      assignments.empty() ? nullptr : &assignments,
      instruction.text.empty() ? nullptr : instruction.text.c_str());
}

Offset<schema::HostProgram> Encode(const HostProgramSpec& program,
                                   FlatBufferBuilder& builder) {
  std::vector<Offset<schema::HostInstruction>> instructions;
  for (const HostInstruction& instruction : program.instructions) {
    instructions.push_back(Encode(instruction, builder));
  }
  const auto fields = builder.CreateVectorOfStrings(program.fields);
  return schema::CreateHostProgram(builder, builder.CreateString(program.name),
                                   fields, builder.CreateVector(instructions));
}

}  // namespace

EncodedHost EncodeHost(const ArtifactSpec& spec, FlatBufferBuilder& builder) {
  std::vector<Offset<schema::Stream>> streams;
  for (const StreamSpec& stream : spec.streams) {
    streams.push_back(
        schema::CreateStreamDirect(builder, stream.name.c_str(), stream.tokens,
                                   stream.sequences, stream.batch));
  }
  std::vector<Offset<schema::Cache>> caches;
  for (const CacheSpec& cache : spec.caches) {
    caches.push_back(schema::CreateCacheDirect(
        builder, cache.name.c_str(), cache.stream, cache.entry, cache.output,
        cache.batch, cache.key.c_str()));
  }
  std::vector<Offset<schema::Register>> registers;
  for (const RegisterSpec& reg : spec.registers) {
    registers.push_back(schema::CreateRegisterDirect(
        builder, reg.name.c_str(), reg.kind, reg.initial, reg.minimum,
        reg.maximum, reg.meaning.empty() ? nullptr : reg.meaning.c_str()));
  }
  std::vector<Offset<schema::HostProgram>> programs;
  for (const HostProgramSpec& program : spec.host_programs) {
    programs.push_back(Encode(program, builder));
  }
  std::vector<Offset<schema::Parameter>> parameters;
  for (const ParameterSpec& parameter : spec.parameters) {
    parameters.push_back(schema::CreateParameterDirect(
        builder, parameter.name.c_str(), parameter.value.c_str(),
        parameter.meaning.empty() ? nullptr : parameter.meaning.c_str()));
  }
  return {builder.CreateVector(streams), builder.CreateVector(caches),
          builder.CreateVector(registers), builder.CreateVector(programs),
          builder.CreateVector(parameters)};
}

}  // namespace graft::internal_artifact
