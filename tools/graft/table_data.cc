// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/table_data.h"

#include <algorithm>

#include "CLI/App.hpp"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/config.h"

namespace graft {

void AddTableOptions(CLI::App& command, TableOptions& options) {
  command.add_option("--text-column", options.text_column)
      ->capture_default_str();
  command.add_option("--pair-column", options.pair_column,
                     "column of the second text, for pairs");
  command.add_option("--label-column", options.label_column)
      ->capture_default_str();
  command.add_flag("--strict", options.strict,
                   "refuse texts that are too long instead of truncating them");
}

int64_t ArtifactMaxLength(const Artifact& artifact) {
  const ArtifactSpec& spec = artifact.spec();
  int64_t limit = kMaxPositions;
  for (const SizeSpec& size : spec.sizes)
    if (size.name == "T") limit = std::min(limit, size.bound);
  for (const EntrySpec& entry : spec.entries)
    for (const ValueSpec& input : entry.inputs)
      if (input.kind == ValueKind::segments && input.limit > 0)
        limit = std::min(limit, input.limit);
  return limit;
}

}  // namespace graft
