// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Helpers of tests that take all batches of a stream.

#ifndef GRAFT_TEST_RUNTIME_DATA_DRAIN_H_
#define GRAFT_TEST_RUNTIME_DATA_DRAIN_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/data/batch_stream.h"
#include "test/runtime/data/examples_in_memory.h"

namespace graft {

// Starts a stream with room for 4 examples of 64 tokens in all.
inline std::unique_ptr<BatchStream> StartStream(BatchMaker make) {
  auto stream = BatchStream::Start(std::move(make), LabelledSchema(), 4, 64);
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *std::move(stream);
}

// Rows of each batch that is left in `stream`.
inline std::vector<std::vector<int64_t>> Drain(BatchStream& stream) {
  std::vector<std::vector<int64_t>> rows;
  while (true) {
    auto batch = stream.Next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !*batch) return rows;
    rows.emplace_back();
    for (int64_t i = 0; i < (*batch)->examples.size(); ++i)
      rows.back().push_back((*batch)->examples.row(i));
  }
}

// Examples of these lengths.
inline ExamplesInMemory OfLengths(const std::vector<int>& lengths) {
  ExamplesInMemory source;
  for (const int length : lengths)
    source.Add(std::vector<int32_t>(length, 1), 0);
  return source;
}

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DATA_DRAIN_H_
