// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A byte for the size of reads, then any bytes as a table that gzip or zstd may
// have compressed.

#include "test/fuzz/table_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<graft::TableColumn> columns = {{.name = "text"}};
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const std::string steps =
      graft::DrainTable(bytes, "t.csv.gz", columns, data[0] % 64 + 1);
  const std::string whole =
      graft::DrainTable(bytes, "t.csv.gz", columns, SIZE_MAX);
  // How much is decoded before damage is seen depends on the reads.
  constexpr absl::string_view kDamaged = "expects a whole ";
  if (!absl::StrContains(steps, kDamaged) &&
      !absl::StrContains(whole, kDamaged))
    GRAFT_FUZZ_CHECK(steps == whole);
  return 0;
}
