// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_RUNTIME_DATA_EXAMPLES_IN_MEMORY_H_
#define GRAFT_TEST_RUNTIME_DATA_EXAMPLES_IN_MEMORY_H_

#include <algorithm>
#include <vector>

#include "runtime/data/examples.h"

namespace graft {

// A source that has all its examples in memory, for tests.
class ExamplesInMemory final : public ExampleSource {
 public:
  void Add(const std::vector<int32_t>& ids, int32_t label) {
    all_.Add(ids, std::vector<int32_t>(ids.size()), label, /*score=*/0, size());
    longest_ = std::max(longest_, static_cast<int64_t>(ids.size()));
  }

  int64_t size() const override { return all_.size(); }
  int64_t longest() const override { return longest_; }
  absl::Status Append(int64_t row, Examples& examples) override {
    examples.Add(all_, row);
    return absl::OkStatus();
  }

 private:
  Examples all_;
  int64_t longest_ = 0;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DATA_EXAMPLES_IN_MEMORY_H_
