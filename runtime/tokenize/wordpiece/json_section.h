// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_JSON_SECTION_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_JSON_SECTION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "runtime/formats/json.h"

namespace graft {

// One JSON value of a tokenizer's file, known to messages as `name`. Borrows
// the value. Where it is no object, every field is absent; a null is absent
// too. Readers leave `value` alone if the field is absent.
struct JsonSection {
  const nlohmann::json& object;
  std::string name;

  const nlohmann::json* Find(const char* key) const {
    if (!object.is_object()) return nullptr;
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
  }
  // Whether the field is there, null or not.
  bool Has(const char* key) const {
    return object.is_object() && object.contains(key);
  }
  std::string Got(const char* key) const {
    const nlohmann::json* value = Find(key);
    return value == nullptr ? "none" : DescribeJson(*value);
  }
  absl::Status Bad(const char* key, absl::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ".", key, " expects ", expected, ", got ", Got(key)));
  }
  absl::Status Unknown(const char* key, absl::string_view known) const {
    return absl::UnimplementedError(
        absl::StrCat(name, ".", key, " expects ", known, ", got ", Got(key)));
  }

  absl::Status Bool(const char* key, bool& value) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return absl::OkStatus();
    if (!field->is_boolean()) return Bad(key, "true or false");
    value = field->get<bool>();
    return absl::OkStatus();
  }
  absl::Status String(const char* key, std::string& value) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return absl::OkStatus();
    if (!field->is_string()) return Bad(key, "a string");
    value = field->get<std::string>();
    return absl::OkStatus();
  }
  // `type` must be `expected`.
  absl::Status Type(const char* expected) const {
    const nlohmann::json* type = Find("type");
    if (type != nullptr && *type == expected) return absl::OkStatus();
    return Unknown("type", absl::StrCat("\"", expected, "\""));
  }
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_JSON_SECTION_H_
