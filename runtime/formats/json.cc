// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/json.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/message.h"

namespace graft {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

// "[json.exception.parse_error.101] parse error at line ..." without the tag.
std::string WithoutTag(absl::string_view message) {
  const size_t end = message.find("] ");
  if (end == absl::string_view::npos) return std::string(message);
  return std::string(message.substr(end + 2));
}

}  // namespace

absl::StatusOr<json> ParseJson(absl::string_view text,
                               absl::string_view where) {
  // What the parser itself lets pass, found while it runs.
  std::string refusal;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Event event, json& parsed) {
    switch (event) {
      case Event::object_start:
        keys.emplace_back();
        break;
      case Event::object_end:
        keys.pop_back();
        break;
      case Event::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (refusal.empty() && !keys.back().insert(key).second) {
          refusal = absl::StrCat("expects each key once, got a second ",
                                 DescribeJson(parsed));
        }
        break;
      }
      case Event::array_start:
      case Event::array_end:
      case Event::value:
        break;
    }
    if (refusal.empty() && depth > kMaxJsonDepth) {
      refusal = absl::StrCat("expects at most ", kMaxJsonDepth,
                             " nested values, got more");
    }
    return true;
  };
  try {
    json value = json::parse(text.begin(), text.end(), watch);
    if (!refusal.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", refusal));
    }
    return value;
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expects JSON, got ", WithoutTag(error.what())));
  }
}

std::string DescribeJson(const json& value) {
  return Shorten(value.dump(-1, ' ', /*ensure_ascii=*/false,
                            json::error_handler_t::replace));
}

}  // namespace graft
