// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/usage_error.h"

#include "absl/strings/cord.h"

namespace graft {
namespace {

constexpr char kUsage[] = "graft/usage";

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  MarkUsageError(status);
  return status;
}

void MarkUsageError(absl::Status& status) {
  status.SetPayload(kUsage, absl::Cord());
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsage).has_value();
}

}  // namespace graft
