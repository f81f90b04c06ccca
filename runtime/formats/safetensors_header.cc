// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;

// A non-negative integer below 2^63.
bool IsSize(const json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
}

// `where` is "path: tensor 'name'".
absl::StatusOr<SafetensorsEntry> ParseEntry(const std::string& name,
                                            const json& value,
                                            const std::string& where) {
  const auto error = [&](const auto&... parts) {
    return absl::InvalidArgumentError(absl::StrCat(where, parts...));
  };
  if (!value.is_object()) {
    return error(" expects an object, got ", DescribeJson(value));
  }
  for (const auto& [key, unused] : value.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      return error(" expects dtype, shape and data_offsets, got '", key, "'");
    }
  }
  SafetensorsEntry entry;
  entry.spec.name = name;
  const auto dtype = value.find("dtype");
  if (dtype == value.end() || !dtype->is_string()) {
    return error(" expects a dtype, got ",
                 dtype == value.end() ? "none" : DescribeJson(*dtype));
  }
  const auto known = DTypeFromName(dtype->get_ref<const std::string&>());
  if (!known.has_value()) {
    return error(" expects a known dtype, got ", DescribeJson(*dtype));
  }
  entry.spec.dtype = *known;

  const auto shape = value.find("shape");
  if (shape == value.end() || !shape->is_array() ||
      !std::all_of(shape->begin(), shape->end(), IsSize)) {
    return error(" expects a shape of non-negative integers, got ",
                 shape == value.end() ? "none" : DescribeJson(*shape));
  }
  for (const json& dim : *shape) entry.spec.shape.push_back(dim.get<int64_t>());
  const absl::StatusOr<uint64_t> bytes =
      TensorBytes(entry.spec.dtype, entry.spec.shape);
  if (!bytes.ok()) return error(" ", bytes.status().message());

  const auto offsets = value.find("data_offsets");
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2 ||
      !IsSize((*offsets)[0]) || !IsSize((*offsets)[1])) {
    return error(" expects data_offsets [begin, end], got ",
                 offsets == value.end() ? "none" : DescribeJson(*offsets));
  }
  entry.begin = (*offsets)[0].get<uint64_t>();
  entry.end = (*offsets)[1].get<uint64_t>();
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes) {
    return error(" of ", DescribeTensorType(entry.spec.dtype, entry.spec.shape),
                 " expects ", *bytes, " bytes, got data_offsets ",
                 DescribeJson(*offsets));
  }
  return entry;
}

// What a file is whose first bytes are no length of a header in it.
absl::Status WrongLength(absl::Span<const uint8_t> bytes, uint64_t length,
                         const std::string& path) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()),
                               bytes.size());
  // What Git leaves in place of a large file that was not fetched.
  if (absl::StartsWith(text, "version https://git-lfs.github.com/spec/"))
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": is a Git LFS pointer, not the file itself; `git lfs "
                     "pull` fetches it"));
  const absl::string_view start = text.substr(0, kLengthBytes);
  if (std::all_of(start.begin(), start.end(), [](unsigned char c) {
        return absl::ascii_isprint(c) || absl::ascii_isspace(c);
      }))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is no safetensors file, but text"));
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expects a header of at most ",
                   std::min(kMaxSafetensorsHeader, bytes.size() - kLengthBytes),
                   " bytes, got a header length of ", length));
}

// Reads __metadata__, whose value is `value`.
absl::Status ReadMetadata(const json& value, const std::string& path,
                          std::map<std::string, std::string>& metadata) {
  const auto error = [&](const auto&... parts) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", kSafetensorsMetadata, parts...));
  };
  if (!value.is_object())
    return error(" expects an object, got ", DescribeJson(value));
  for (const auto& [key, item] : value.items()) {
    if (!item.is_string())
      return error(" '", key, "' expects a string, got ", DescribeJson(item));
    metadata[key] = item.get<std::string>();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(
    absl::Span<const uint8_t> bytes, const std::string& path) {
  const auto error = [&](const auto&... parts) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", parts...));
  };
  if (bytes.size() < kLengthBytes) {
    return error("expects 8 bytes of header length, got a file of ",
                 bytes.size(), " bytes");
  }
  uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxSafetensorsHeader || length > bytes.size() - kLengthBytes)
    return WrongLength(bytes, length, path);
  const absl::string_view text(
      reinterpret_cast<const char*>(bytes.data() + kLengthBytes), length);
  if (text.empty() || text.front() != '{') {
    return error("expects a header that begins with '{', got ",
                 text.empty() ? "an empty one"
                              : absl::StrCat("byte ", bytes[kLengthBytes]));
  }
  GRAFT_ASSIGN_OR_RETURN(const json object,
                         ParseJson(text, absl::StrCat(path, ": header")));
  SafetensorsHeader header;
  header.size = kLengthBytes + length;
  for (const auto& [name, value] : object.items()) {
    if (name == kSafetensorsMetadata) {
      GRAFT_RETURN_IF_ERROR(ReadMetadata(value, path, header.metadata));
      continue;
    }
    GRAFT_ASSIGN_OR_RETURN(
        SafetensorsEntry entry,
        ParseEntry(name, value, absl::StrCat(path, ": tensor '", name, "'")));
    header.entries.push_back(std::move(entry));
  }
  return header;
}

}  // namespace graft
