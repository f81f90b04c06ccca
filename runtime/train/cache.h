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
  CachedRows rows;       // of all examples, in memory
  bool computed = true;  // false: they were read from an earlier run's file
  std::string warning;   // one line, or empty
};

// The rows of caches[cache] of the program: those of
// `directory`/cached.NAME.safetensors if that has them for the same code,
// frozen parameters and examples (told by `fingerprint`, a hash of them),
// whole; otherwise they are computed, written there and, if a file was there, a
// warning says why. Without a directory they are computed. `progress` is called
// with the examples that are done and all of them. CANCELLED: `stop` became
// true; nothing is written then.
absl::StatusOr<CacheReport> FillCache(
    FileSystem& files, Instance& instance, size_t cache,
    const std::string& directory, ExampleSource& examples, uint64_t fingerprint,
    const std::function<void(int64_t done, int64_t all)>& progress,
    const std::function<bool()>& stop);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_CACHE_H_
