// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/cache.h"

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "runtime/artifact/artifact.h"
#include "runtime/artifact/checksum.h"
#include "runtime/base/status_macros.h"
#include "runtime/binding/entry.h"
#include "runtime/binding/run_batches.h"
#include "runtime/data/sampler.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

constexpr absl::string_view kFormat = "graft-cache-1";

template <typename T>
absl::Span<const uint8_t> Bytes(absl::Span<const T> values) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values.data()),
                             values.size() * sizeof(T));
}

// A cache of the program: its entry, and the numbers an example.
struct Cache {
  std::string name;
  size_t entry;
  int64_t width;
};

absl::StatusOr<std::vector<Cache>> FindCaches(const Artifact& artifact) {
  std::vector<Cache> caches;
  GRAFT_ASSIGN_OR_RETURN(size_t accumulate, artifact.FindEntry("accumulate"));
  for (const ValueSpec& input : artifact.spec().entries[accumulate].inputs) {
    absl::string_view name = input.name;
    if (!absl::ConsumePrefix(&name, kCachePrefix)) continue;
    Cache cache{std::string(name), 0, 1};
    GRAFT_ASSIGN_OR_RETURN(cache.entry, artifact.FindEntry(name));
    for (size_t i = 1; i < input.dims.size(); ++i)
      cache.width *= input.dims[i].extent;
    caches.push_back(std::move(cache));
  }
  return caches;
}

// Hash of all that the rows depend on: code, parameters that the entries read,
// examples.
absl::StatusOr<std::string> Key(Instance& instance,
                                absl::Span<const Cache> caches,
                                uint64_t fingerprint) {
  const TargetSpec& target = *instance.artifact().target();
  ChecksumStream key;
  key.Add(target.code);
  for (const Cache& cache : caches) {
    for (const BufferSpec& buffer : target.programs[cache.entry].buffers) {
      if (buffer.place != Place::slot) continue;
      GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> values,
                             instance.Slot(buffer.index));
      key.Add(values);
    }
  }
  key.Add(Bytes(absl::MakeConstSpan(&fingerprint, 1)));
  return absl::StrFormat("%016x", key.value());
}

std::string ValuesChecksum(absl::Span<const CachedRows> caches) {
  ChecksumStream checksum;
  for (const CachedRows& rows : caches)
    checksum.Add(Bytes(absl::MakeConstSpan(rows.values)));
  return absl::StrFormat("%016x", checksum.value());
}

// Fails unless the file's metadata have `value` under `field`.
absl::Status CheckField(const SafetensorsFile& file, const std::string& field,
                        absl::string_view value) {
  const auto found = file.metadata().find(field);
  if (found != file.metadata().end() && found->second == value)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file.path(), ": expects ", field, " ", value, ", got ",
                   found == file.metadata().end() ? "none" : found->second));
}

absl::StatusOr<std::vector<CachedRows>> Load(FileSystem& files,
                                             const std::string& path,
                                             absl::Span<const Cache> caches,
                                             absl::string_view key,
                                             int64_t examples) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "format", kFormat));
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "key", key));
  std::vector<CachedRows> result;
  for (const Cache& cache : caches) {
    CachedRows& rows = result.emplace_back();
    rows = {cache.name, cache.width, {}};
    rows.values.resize(examples * cache.width);
    GRAFT_RETURN_IF_ERROR(
        file->ReadFloats(absl::StrCat(kCachePrefix, cache.name),
                         {examples, cache.width}, absl::MakeSpan(rows.values)));
  }
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "checksum", ValuesChecksum(result)));
  return result;
}

absl::Status Save(FileSystem& files, const std::string& path,
                  absl::Span<const CachedRows> caches, const std::string& key,
                  int64_t examples) {
  std::vector<TensorView> views;
  for (const CachedRows& rows : caches) {
    TensorView view;
    view.name = absl::StrCat(kCachePrefix, rows.name);
    view.dtype = DType::kF32;
    view.shape = {examples, rows.width};
    view.data = Bytes(absl::MakeConstSpan(rows.values));
    views.push_back(std::move(view));
  }
  return WriteSafetensors(files, path, views,
                          {{"format", std::string(kFormat)},
                           {"key", key},
                           {"checksum", ValuesChecksum(caches)}});
}

absl::StatusOr<CachedRows> Compute(
    Instance& instance, const Cache& cache, ExampleSource& source,
    const std::function<void(int64_t, int64_t)>& progress,
    const std::atomic<bool>& stop) {
  GRAFT_ASSIGN_OR_RETURN(EntryCaller caller,
                         EntryCaller::Create(instance, cache.name));
  GRAFT_ASSIGN_OR_RETURN(BatchCapacity capacity,
                         ProgramCapacity(instance.artifact()));
  CachedRows rows{cache.name, cache.width, {}};
  rows.values.reserve(source.size() * cache.width);
  int64_t done = 0;
  const std::string output = absl::StrCat(kCachePrefix, cache.name);
  GRAFT_RETURN_IF_ERROR(RunBatches(
      caller, capacity, InOrder(source),
      [&](const Examples& batch) -> absl::Status {
        absl::Span<const float> values = caller.Output(output);
        const auto expected = static_cast<size_t>(batch.size() * cache.width);
        if (values.size() != expected)
          return absl::InvalidArgumentError(absl::StrCat(
              instance.artifact().path(), ": entry ", cache.name, ": expects ",
              expected, " numbers of ", output, ", got ", values.size()));
        rows.values.insert(rows.values.end(), values.begin(), values.end());
        done += batch.size();
        if (progress) progress(done, source.size());
        if (stop.load(std::memory_order_relaxed))
          return absl::CancelledError(
              "stopped by a signal before the first step");
        return absl::OkStatus();
      }));
  return rows;
}

}  // namespace

absl::StatusOr<CacheReport> FillCaches(
    FileSystem& files, Instance& instance, const std::string& directory,
    ExampleSource& examples, uint64_t fingerprint,
    const std::function<void(int64_t done, int64_t all)>& progress,
    const std::atomic<bool>& stop) {
  CacheReport report;
  GRAFT_ASSIGN_OR_RETURN(std::vector<Cache> caches,
                         FindCaches(instance.artifact()));
  if (caches.empty()) return report;
  const std::string path = JoinPath(directory, "cached.safetensors");
  GRAFT_ASSIGN_OR_RETURN(const std::string key,
                         Key(instance, caches, fingerprint));
  std::vector<CachedRows> found;
  if (files.Exists(path)) {
    absl::StatusOr<std::vector<CachedRows>> loaded =
        Load(files, path, caches, key, examples.size());
    if (loaded.ok())
      found = *std::move(loaded);
    else
      report.warnings.push_back(
          absl::StrCat("computes again what was kept: ",
                       std::string(loaded.status().message())));
  }
  if (found.empty()) {
    for (const Cache& cache : caches) {
      GRAFT_ASSIGN_OR_RETURN(
          CachedRows rows, Compute(instance, cache, examples, progress, stop));
      found.push_back(std::move(rows));
      report.computed.push_back(cache.name);
    }
    GRAFT_RETURN_IF_ERROR(Save(files, path, found, key, examples.size()));
  }
  report.caches = std::move(found);
  return report;
}

}  // namespace graft
