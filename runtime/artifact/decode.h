// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_DECODE_H_
#define GRAFT_RUNTIME_ARTIFACT_DECODE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"

namespace graft::internal_artifact {

// The spec in a header that FlatBuffers has verified, with its borrowed bytes
// taken from `segments`. Enumerations and segment indices are checked;
// CheckSpec is left to the caller.
absl::StatusOr<ArtifactSpec> DecodeSpec(
    const schema::Artifact& header,
    const std::vector<absl::Span<const uint8_t>>& segments,
    absl::string_view where);

}  // namespace graft::internal_artifact

#endif  // GRAFT_RUNTIME_ARTIFACT_DECODE_H_
