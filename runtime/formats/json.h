// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Strict JSON for the file formats around a model: duplicate keys and deep
// nesting are errors, and so is anything after the value.

#ifndef GRAFT_RUNTIME_FORMATS_JSON_H_
#define GRAFT_RUNTIME_FORMATS_JSON_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace graft {

// Deeper nesting than any of the formats has.
inline constexpr int kMaxJsonDepth = 64;

// Parses `text`, which must be one JSON value in UTF-8. INVALID_ARGUMENT begins
// with `where` (a path, or path:line) and names the line and column or the key.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text,
                                         absl::string_view where);

// Whether a text is a file, or one line of a file that the message names.
enum class JsonText { kFile, kLine };

// What is wrong with `text`, which the library refuses with the message `error`
// after it has read `bytes` bytes: "expects JSON, got 'x' at line 1, column 5,
// instead of a comma or }"; of a line only the column. Columns count bytes,
// from 1.
std::string DescribeJsonError(absl::string_view text, size_t bytes,
                              absl::string_view error,
                              JsonText kind = JsonText::kFile);

// `value` as it reads in an error message: its JSON text, shortened.
std::string DescribeJson(const nlohmann::json& value);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_JSON_H_
