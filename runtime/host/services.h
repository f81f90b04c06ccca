// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a host program asks of the run that it is a part of.

#ifndef GRAFT_RUNTIME_HOST_SERVICES_H_
#define GRAFT_RUNTIME_HOST_SERVICES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/artifact/spec.h"
#include "runtime/data/examples.h"

namespace graft {

// Files, metrics and messages of a run. An error ends the run, except that
// CANCELLED stops it as Stop does, before the instruction that asked.
class HostServices {
 public:
  virtual ~HostServices() = default;

  // Whether to stop before instruction `at`.
  virtual bool Stop(size_t at) = 0;
  // The rows of caches[cache] of all examples of its stream.
  virtual absl::StatusOr<CachedRows> FillCache(size_t cache) = 0;
  struct Score {
    double loss = 0;
    double score = 0;
  };
  virtual absl::StatusOr<Score> Evaluate(size_t entry, size_t stream) = 0;
  // 1 unless a trained parameter, or a state named `state`, has an element that
  // is infinite or NaN.
  virtual absl::StatusOr<bool> TestFinite(const std::string& state) = 0;
  virtual absl::Status Reset(const std::string& state) = 0;
  virtual absl::Status Keep(const std::string& name) = 0;
  virtual absl::Status Restore(const std::string& name) = 0;
  // Shows the instruction's assignments.
  virtual absl::Status Log(const HostInstruction& instruction) = 0;
  // The end of a step; saves a checkpoint if `save`.
  virtual absl::Status Mark(const HostInstruction& instruction, bool save) = 0;
  // The error of a `fail`.
  virtual absl::Status Fail(const HostInstruction& instruction) = 0;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_HOST_SERVICES_H_
