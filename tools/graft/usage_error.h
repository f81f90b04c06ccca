// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_GRAFT_USAGE_ERROR_H_
#define GRAFT_TOOLS_GRAFT_USAGE_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace graft {

// An error of the command line, not of what it names: `graft` exits with 2.
absl::Status UsageError(absl::string_view message);
// Makes an error one of the command line.
void MarkUsageError(absl::Status& status);
bool IsUsageError(const absl::Status& status);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_USAGE_ERROR_H_
