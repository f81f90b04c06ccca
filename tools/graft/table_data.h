// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What commands that read tables share: options, and what an artifact says of
// its texts.

#ifndef GRAFT_TOOLS_GRAFT_TABLE_DATA_H_
#define GRAFT_TOOLS_GRAFT_TABLE_DATA_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "runtime/artifact/artifact.h"
#include "runtime/data/example_table.h"

namespace CLI {
class App;
}  // namespace CLI

namespace graft {

// Adds --text-column and the others.
void AddTableOptions(CLI::App& command, TableOptions& options);

// Most tokens of one example that every entry of the artifact takes.
int64_t ArtifactMaxLength(const Artifact& artifact);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TABLE_DATA_H_
