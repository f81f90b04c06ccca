// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a run is: named parts that must be equal where it is resumed.

#ifndef GRAFT_RUNTIME_TRAIN_RUN_RECORD_H_
#define GRAFT_RUNTIME_TRAIN_RUN_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace graft {

struct RunPart {
  std::string name;   // in the user's words, such as "--learning-rate"
  std::string value;  // as a user would give it, or "xxh3:" and a hash
  // Of a hash: what has it in this run, such as "the rows of train.tsv", for
  // messages. Empty for a value that messages show. Not part of the record.
  std::string what = {};
  // Follows from other parts where those are equal, so that it is named only if
  // they are.
  bool derived = false;
};

// Names are unique.
using RunRecord = std::vector<RunPart>;

// As JSON, and back: [{"name": ..., "value": ...}, ...]. INVALID_ARGUMENT,
// without a path: another text.
std::string EncodeRunRecord(const RunRecord& record);
absl::StatusOr<RunRecord> DecodeRunRecord(absl::string_view text);

// The value of the part `name`; empty without one.
std::string PartOf(const RunRecord& record, absl::string_view name);

// What differs between the record of this run and that of another one: a clause
// for each part, joined by "; ". Empty if nothing does.
std::string DescribeDifference(const RunRecord& run, const RunRecord& other);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_RUN_RECORD_H_
