// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Values that a program computes once per example, before training begins, such
// as a teacher's logits.

#ifndef GRAFT_RUNTIME_TRAIN_CACHE_H_
#define GRAFT_RUNTIME_TRAIN_CACHE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/data/examples.h"
#include "runtime/executor/instance.h"

namespace graft {

struct CacheReport {
  CachedRows rows;       // of all examples; in a file, unless without a folder
  bool computed = true;  // false: they are those of an earlier run
  std::string warning;   // one line, or empty
};

// Where rows are kept.
struct CacheFolder {
  std::string directory;  // exists; empty: in memory only
  // Among those of other runs and programs: in cached.KEY.safetensors, where
  // KEY tells what they are. Else in cached.NAME.safetensors, of this run.
  bool shared = false;
};

// The rows of caches[cache] of the program: those of the file in `folder` if it
// has them for the same graph, frozen parameters and examples (told by
// `fingerprint`, a hash of them), whole; otherwise they are computed, written
// there as they come and, if a file was there, a warning says why. The rows
// stay in the file, mapped, so they may be more than fits into memory. Without
// a folder they are computed into memory. `progress` is called with the
// examples that are done and all of them. CANCELLED: `stop` became true;
// nothing is written then.
absl::StatusOr<CacheReport> FillCache(
    FileSystem& files, Instance& instance, size_t cache,
    const CacheFolder& folder, ExampleSource& examples, uint64_t fingerprint,
    const std::function<void(int64_t done, int64_t all)>& progress,
    const std::function<bool()>& stop);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_CACHE_H_
