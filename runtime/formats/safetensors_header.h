// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_FORMATS_SAFETENSORS_HEADER_H_
#define GRAFT_RUNTIME_FORMATS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/formats/safetensors.h"

namespace graft {

inline constexpr absl::string_view kSafetensorsMetadata = "__metadata__";
// Bytes of its JSON; the limit of the reference implementation.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

// A tensor of a header, checked by itself: its data are the bytes
// [begin, end) behind the header, as many as its type has.
struct SafetensorsEntry {
  TensorSpec spec;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  uint64_t size = 0;  // bytes of the file before the data
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

// Reads the beginning of a whole file, `bytes`. INVALID_ARGUMENT names `path`,
// and says what the file is if it is text or a Git LFS pointer.
absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(
    absl::Span<const uint8_t> bytes, const std::string& path);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_SAFETENSORS_HEADER_H_
