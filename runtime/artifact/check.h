// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_CHECK_H_
#define GRAFT_RUNTIME_ARTIFACT_CHECK_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"

namespace graft::internal_artifact {

// "<where>: <field>: expects <expected>, got <found>".
template <typename Found>
absl::Status FieldError(absl::string_view where, absl::string_view field,
                        absl::string_view expected, const Found& found) {
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": ", field, ": expects ", expected, ", got ", found));
}

// Ends the sentence about bytes that are not what was written.
inline constexpr absl::string_view kNoMatch = " do not match their checksum";

// DATA_LOSS: "<where>: <what>: the file is damaged".
inline absl::Status Damaged(absl::string_view where, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(where, ": ", what, ": the file is damaged"));
}

inline bool AllZero(absl::Span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte == 0; });
}

// Which sizes the inputs of `entry` determine, by index.
std::vector<bool> DeterminedSizes(const EntrySpec& entry, size_t sizes);

// The programs of all targets, for a spec whose other parts were checked.
absl::Status CheckTargets(const ArtifactSpec& spec, absl::string_view where);

// Streams, caches, registers, sources of inputs and host programs, for a spec
// whose sizes, slots and entries were checked.
absl::Status CheckHost(const ArtifactSpec& spec, absl::string_view where);

// A host program, for a spec whose streams, caches and registers were checked.
absl::Status CheckHostProgram(const ArtifactSpec& spec,
                              const HostProgramSpec& program,
                              absl::string_view where);

// An expression of a host program with `fields`. `in_batch` tells for each
// stream whether it has a batch where the expression is evaluated. It leaves
// one number on the stack and never needs more than kMaxExpressionStack.
absl::Status CheckExpression(const ArtifactSpec& spec,
                             const std::vector<std::string>& fields,
                             const std::vector<bool>& in_batch,
                             const Expression& expression,
                             absl::string_view where, absl::string_view field);

}  // namespace graft::internal_artifact

#endif  // GRAFT_RUNTIME_ARTIFACT_CHECK_H_
