// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reads inputs of entries from safetensors files, and writes results to them.

#ifndef GRAFT_TOOLS_GRAFT_RUN_FEEDS_H_
#define GRAFT_TOOLS_GRAFT_RUN_FEEDS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/executor/instance.h"
#include "runtime/formats/safetensors.h"

namespace graft {

// A file with the inputs of some entries of one artifact.
class InputFile {
 public:
  // Errors name the file and the input.
  static absl::StatusOr<std::unique_ptr<InputFile>> Open(
      const std::string& path, const Artifact& artifact,
      absl::Span<const size_t> entries);

  // Calls the entries one after the other; returns a view of the last results.
  absl::StatusOr<absl::Span<const OutputView>> Run(Instance& instance) const;

 private:
  // I32 tensors of segments, copied because a file does not align them.
  struct SegmentsBuffers {
    std::vector<int32_t> offsets, ordinals;
  };
  struct EntryFeeds {
    size_t entry = 0;
    std::vector<SegmentsBuffers> buffers;
    std::vector<Feed> feeds;
  };

  absl::Status AddEntry(const EntrySpec& spec, EntryFeeds& entry);

  std::unique_ptr<SafetensorsFile> file_;
  std::vector<EntryFeeds> entries_;
};

absl::Status WriteOutputs(const std::string& path,
                          absl::Span<const OutputView> outputs);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_RUN_FEEDS_H_
