// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A byte for the size of reads, then any bytes as JSONL.

#include "test/fuzz/table_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Kind = graft::TableColumn::Kind;
  static const std::vector<graft::TableColumn> columns = {
      {.name = "a"},
      {.name = "w", .kind = Kind::kWords},
      {.name = "n", .kind = Kind::kWeight},
      {.name = "j", .kind = Kind::kJson}};
  static const std::vector<graft::TableColumn> numbers = {
      {.name = "j.n", .kind = Kind::kNumber},
      {.name = "n", .kind = Kind::kProbability}};
  graft::FuzzTable(data, size, "t.jsonl", numbers);
  return graft::FuzzTable(data, size, "t.jsonl", columns);
}
