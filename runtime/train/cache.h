// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Values that a program computes once per example, before training begins, such
// as a teacher's logits.

#ifndef GRAFT_RUNTIME_TRAIN_CACHE_H_
#define GRAFT_RUNTIME_TRAIN_CACHE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/data/examples.h"
#include "runtime/executor/instance.h"

namespace graft {

struct CacheReport {
  std::vector<CachedRows> caches;     // of all examples, in memory
  std::vector<std::string> computed;  // names of caches; empty: all were kept
  std::vector<std::string> warnings;  // one line each
};

// The rows that the program's entry `accumulate` takes as `cached.<name>`: the
// result of that name of the entry <name>. They are those of
// `directory`/cached.safetensors if that has them for the same code, frozen
// parameters and examples (told by `fingerprint`, a hash of their tokens),
// whole; otherwise they are computed, written there and, if a file was there, a
// warning says why. `progress` is called with the examples that are done and
// all of them. Does nothing for a program without caches. CANCELLED: `stop`
// became true; nothing is written then.
absl::StatusOr<CacheReport> FillCaches(
    FileSystem& files, Instance& instance, const std::string& directory,
    ExampleSource& examples, uint64_t fingerprint,
    const std::function<void(int64_t done, int64_t all)>& progress,
    const std::atomic<bool>& stop);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_CACHE_H_
