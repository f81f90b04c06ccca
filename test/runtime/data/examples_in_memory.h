// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_RUNTIME_DATA_EXAMPLES_IN_MEMORY_H_
#define GRAFT_TEST_RUNTIME_DATA_EXAMPLES_IN_MEMORY_H_

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/data/examples.h"

namespace graft {

// The columns of texts with classes, and the number of the last.
inline Schema LabelledSchema() {
  return TextSchema({{std::string(kLabelsColumn), DType::kI32}});
}
inline constexpr size_t kLabels = 2;

// A source that has all its examples in memory, for tests.
class ExamplesInMemory final : public ExampleSource {
 public:
  void Add(const std::vector<int32_t>& ids, int32_t label) {
    all_.Add(ids, std::vector<int32_t>(ids.size()), size());
    all_.mutable_ints(kLabels, size() - 1)[0] = label;
    longest_ = std::max(longest_, static_cast<int64_t>(ids.size()));
  }

  const Schema& schema() const override { return all_.schema(); }
  int64_t size() const override { return all_.size(); }
  int64_t longest() const override { return longest_; }
  absl::Status Append(int64_t row, Examples& examples) override {
    examples.Add(all_, row);
    return absl::OkStatus();
  }

 private:
  Examples all_{LabelledSchema()};
  int64_t longest_ = 0;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DATA_EXAMPLES_IN_MEMORY_H_
