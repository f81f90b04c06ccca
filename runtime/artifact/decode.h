// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_DECODE_H_
#define GRAFT_RUNTIME_ARTIFACT_DECODE_H_

#include <cstring>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"

namespace graft::internal_artifact {

// The elements of a vector of numbers or structs. FlatBuffers verifies where a
// vector lies, but not that elements of 8 bytes are aligned: in a damaged
// header they need not be.
template <typename T, typename Element>
std::vector<T> CopyElements(const flatbuffers::Vector<Element>& vector) {
  std::vector<T> elements(vector.size());
  if (!elements.empty()) {
    std::memcpy(elements.data(), vector.Data(), elements.size() * sizeof(T));
  }
  return elements;
}

// The spec in a header that FlatBuffers has verified, with its borrowed bytes
// taken from `segments`, which lie at `places`. Enumerations and segment
// indices are checked; CheckSpec is left to the caller.
absl::StatusOr<ArtifactSpec> DecodeSpec(
    const schema::Artifact& header, const std::vector<schema::Segment>& places,
    const std::vector<absl::Span<const uint8_t>>& segments,
    absl::string_view where);

}  // namespace graft::internal_artifact

#endif  // GRAFT_RUNTIME_ARTIFACT_DECODE_H_
