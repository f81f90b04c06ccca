// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_TEMPORARY_DIRECTORY_H_
#define GRAFT_RUNTIME_BASE_TEMPORARY_DIRECTORY_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace graft {

// A directory of this process in TMPDIR, or else in /tmp, that is removed with
// its files; also by RemoveTemporaryFiles.
class TemporaryDirectory {
 public:
  static absl::StatusOr<TemporaryDirectory> Create();
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept
      : path_(std::move(other.path_)) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;

  const std::string& path() const { return *path_; }

 private:
  explicit TemporaryDirectory(std::string path);

  // Stays in place, as signal handlers know it; null after a move.
  std::unique_ptr<const std::string> path_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_TEMPORARY_DIRECTORY_H_
