// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_DECODE_H_
#define GRAFT_RUNTIME_ARTIFACT_DECODE_H_

#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/check.h"
#include "runtime/artifact/spec.h"

namespace graft::internal_artifact {

// One of the enumerations of the schema, with its largest value.
template <typename Enum>
absl::StatusOr<Enum> DecodeEnum(Enum value, Enum last, absl::string_view where,
                                absl::string_view field) {
  if (static_cast<uint8_t>(value) <= static_cast<uint8_t>(last)) return value;
  return FieldError(where, field, absl::StrCat("0 to ", static_cast<int>(last)),
                    static_cast<int>(value));
}

// The text of an optional field; empty without.
inline std::string Text(const flatbuffers::String* text) {
  return text != nullptr ? text->str() : std::string();
}

// The texts of an optional field.
inline std::vector<std::string> CopyTexts(
    const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>*
        texts) {
  std::vector<std::string> result;
  if (texts == nullptr) return result;
  for (const flatbuffers::String* text : *texts) result.push_back(text->str());
  return result;
}

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

// Adds streams, caches, registers, host programs and parameters to `spec`.
absl::Status DecodeHost(const schema::Artifact& header, absl::string_view where,
                        ArtifactSpec& spec);

}  // namespace graft::internal_artifact

#endif  // GRAFT_RUNTIME_ARTIFACT_DECODE_H_
