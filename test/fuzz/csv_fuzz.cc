// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A byte for the size of reads, then any bytes as a CSV.

#include "test/fuzz/table_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<graft::TableColumn> columns = {
      {.name = "text"},
      {.name = "label",
       .kind = graft::TableColumn::Kind::kText,
       .allow_empty = true},
      {.name = "weight", .kind = graft::TableColumn::Kind::kWeight}};
  static const std::vector<graft::TableColumn> numbers = {
      {.name = "weight", .kind = graft::TableColumn::Kind::kNumber}};
  graft::FuzzTable(data, size, "t.csv", numbers);
  return graft::FuzzTable(data, size, "t.csv", columns);
}
