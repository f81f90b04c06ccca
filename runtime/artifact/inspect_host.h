// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_INSPECT_HOST_H_
#define GRAFT_RUNTIME_ARTIFACT_INSPECT_HOST_H_

#include <string>

#include "runtime/artifact/spec.h"

namespace graft {

// An expression as people write it, such as "step % log_every == 0".
std::string DescribeExpression(const ArtifactSpec& spec,
                               const HostProgramSpec& program,
                               const Expression& expression);

// One instruction in one line, without its block: "call accumulate, loss +=
// loss".
std::string DescribeInstruction(const ArtifactSpec& spec,
                                const HostProgramSpec& program,
                                const HostInstruction& instruction);

// Streams, caches and registers of the artifact, one per line.
std::string DescribeHostTables(const ArtifactSpec& spec);

// The program, one instruction per line, numbered, blocks indented.
std::string DescribeHostProgram(const ArtifactSpec& spec,
                                const HostProgramSpec& program);

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_INSPECT_HOST_H_
