// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What `graft inspect` prints.

#ifndef GRAFT_RUNTIME_ARTIFACT_INSPECT_H_
#define GRAFT_RUNTIME_ARTIFACT_INSPECT_H_

#include <string>

#include "runtime/artifact/artifact.h"

namespace graft {

struct InspectOptions {
  bool slots = false;     // list every slot
  bool commands = false;  // list the commands of each program
  std::string level;      // programs of this level; empty: of the first
};

// Readable text, several lines.
std::string InspectText(const Artifact& artifact,
                        const InspectOptions& options = {});
// The same as one JSON object, always with slots and commands.
std::string InspectJson(const Artifact& artifact,
                        const InspectOptions& options = {});

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_INSPECT_H_
