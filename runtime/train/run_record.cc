// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/run_record.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;

// Longer values of parts are cut in messages.
constexpr size_t kShown = 40;

// Begins the values that are hashes.
constexpr absl::string_view kHash = "xxh3:";

const RunPart* Find(const RunRecord& record, absl::string_view name) {
  const auto found =
      std::find_if(record.begin(), record.end(),
                   [&](const RunPart& part) { return part.name == name; });
  return found == record.end() ? nullptr : &*found;
}

std::string Shown(const RunPart& part) {
  if (part.value.empty()) return "none";
  if (absl::StartsWith(part.value, kHash)) return "some";
  if (part.value.size() <= kShown) return part.value;
  return absl::StrCat(part.value.substr(0, kShown), "...");
}

std::string Clause(const RunPart* part, const RunPart* other) {
  const RunPart& named = part != nullptr ? *part : *other;
  if (!named.what.empty() && part != nullptr && other != nullptr)
    return absl::StrCat(named.what,
                        " differ from those of the checkpoint's "
                        "run");
  if (part == nullptr)
    return absl::StrCat(named.name,
                        ": not given in this run, the checkpoint's run has ",
                        Shown(*other));
  return absl::StrCat(named.name, ": this run has ", Shown(*part),
                      other == nullptr ? ", not given in the checkpoint's run"
                                       : absl::StrCat(", the checkpoint's run ",
                                                      Shown(*other)));
}

}  // namespace

std::string EncodeRunRecord(const RunRecord& record) {
  json list = json::array();
  for (const RunPart& part : record)
    list.push_back({{"name", part.name}, {"value", part.value}});
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<RunRecord> DecodeRunRecord(absl::string_view text) {
  GRAFT_ASSIGN_OR_RETURN(const json list, ParseJson(std::string(text), "run"));
  RunRecord record;
  const auto is_text = [](const json& part, const char* member) {
    return part.is_object() && part.contains(member) &&
           part[member].is_string();
  };
  bool valid = list.is_array();
  for (const json& part : valid ? list : json::array()) {
    valid = is_text(part, "name") && is_text(part, "value");
    if (!valid) break;
    record.push_back({part["name"], part["value"]});
  }
  if (valid) return record;
  return absl::InvalidArgumentError(absl::StrCat(
      "run: expects a list of named values, got ", DescribeJson(list)));
}

std::string PartOf(const RunRecord& record, absl::string_view name) {
  const RunPart* const part = Find(record, name);
  return part == nullptr ? "" : part->value;
}

std::string DescribeDifference(const RunRecord& run, const RunRecord& other) {
  std::vector<std::string> clauses, derived;
  for (const RunPart& part : run) {
    const RunPart* const match = Find(other, part.name);
    if (match != nullptr && match->value == part.value) continue;
    (part.derived ? derived : clauses).push_back(Clause(&part, match));
  }
  for (const RunPart& part : other)
    if (Find(run, part.name) == nullptr)
      clauses.push_back(Clause(nullptr, &part));
  return absl::StrJoin(clauses.empty() ? derived : clauses, "; ");
}

}  // namespace graft
