// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A byte for the size of reads, then any bytes as a table that gzip or zstd may
// have compressed.

#include "test/fuzz/table_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<graft::TableColumn> columns = {{.name = "text"}};
  return graft::FuzzTable(data, size, "t.csv.gz", columns);
}
