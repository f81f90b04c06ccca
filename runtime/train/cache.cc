// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/cache.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

constexpr absl::string_view kFormat = "graft-cache-2";
constexpr char kTensor[] = "rows";

template <typename T>
absl::Span<const uint8_t> Bytes(absl::Span<const T> values) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values.data()),
                             values.size() * sizeof(T));
}

// Hash of all that the rows depend on: code, parameters that the entry reads,
// examples.
absl::StatusOr<std::string> Key(Instance& instance, const CacheSpec& cache,
                                uint64_t fingerprint) {
  const TargetSpec& target = *instance.artifact().target();
  ChecksumStream key;
  key.Add(target.code);
  for (const BufferSpec& buffer : target.programs[cache.entry].buffers) {
    if (buffer.place != Place::slot) continue;
    GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> values,
                           instance.Slot(buffer.index));
    key.Add(values);
  }
  key.Add(Bytes(absl::MakeConstSpan(&fingerprint, 1)));
  return absl::StrFormat("%016x", key.value());
}

std::string ValuesChecksum(const CachedRows& rows) {
  ChecksumStream checksum;
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

// Reads the file into `rows`, whose values have their size.
absl::Status Load(FileSystem& files, const std::string& path,
                  absl::string_view key, int64_t examples, CachedRows& rows) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "format", kFormat));
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "key", key));
  GRAFT_RETURN_IF_ERROR(file->ReadFloats(kTensor, {examples, rows.width},
                                         absl::MakeSpan(rows.values)));
  return CheckField(*file, "checksum", ValuesChecksum(rows));
}

absl::Status Save(FileSystem& files, const std::string& path,
                  const CachedRows& rows, const std::string& key,
                  int64_t examples) {
  TensorView view;
  view.name = kTensor;
  view.dtype = DType::kF32;
  view.shape = {examples, rows.width};
  view.data = Bytes(absl::MakeConstSpan(rows.values));
  return WriteSafetensors(files, path, {view},
                          {{"format", std::string(kFormat)},
                           {"key", key},
                           {"checksum", ValuesChecksum(rows)}});
}

absl::Status Compute(Instance& instance, const CacheSpec& cache,
                     ExampleSource& source,
                     const std::function<void(int64_t, int64_t)>& progress,
                     const std::function<bool()>& stop, CachedRows& rows) {
  const ArtifactSpec& spec = instance.artifact().spec();
  const EntrySpec& entry = spec.entries[cache.entry];
  GRAFT_ASSIGN_OR_RETURN(EntryCaller caller,
                         EntryCaller::Create(instance, entry.name));
  rows.values.clear();
  int64_t done = 0;
  const std::string& output = entry.outputs[cache.output].name;
  return RunBatches(
      caller, StreamCapacity(spec, spec.streams[cache.stream]), InOrder(source),
      [&](const Examples& batch) -> absl::Status {
        absl::Span<const float> values = caller.Output(output);
        rows.values.insert(rows.values.end(), values.begin(), values.end());
        done += batch.size();
        if (progress) progress(done, source.size());
        if (stop && stop()) return absl::CancelledError("stopped by a signal");
        return absl::OkStatus();
      });
}

}  // namespace

absl::StatusOr<CacheReport> FillCache(
    FileSystem& files, Instance& instance, size_t index,
    const std::string& directory, ExampleSource& examples, uint64_t fingerprint,
    const std::function<void(int64_t done, int64_t all)>& progress,
    const std::function<bool()>& stop) {
  const ArtifactSpec& spec = instance.artifact().spec();
  const CacheSpec& cache = spec.caches[index];
  CacheReport report;
  report.rows.name = cache.name;
  report.rows.width = CacheWidth(spec, cache);
  report.rows.values.resize(examples.size() * report.rows.width);
  const std::string path =
      JoinPath(directory, absl::StrCat("cached.", cache.name, ".safetensors"));
  GRAFT_ASSIGN_OR_RETURN(const std::string key,
                         Key(instance, cache, fingerprint));
  if (!directory.empty() && files.Exists(path)) {
    const absl::Status loaded =
        Load(files, path, key, examples.size(), report.rows);
    report.computed = !loaded.ok();
    if (loaded.ok()) return report;
    report.warning = absl::StrCat("computes again what was kept: ",
                                  std::string(loaded.message()));
  }
  GRAFT_RETURN_IF_ERROR(
      Compute(instance, cache, examples, progress, stop, report.rows));
  if (!directory.empty())
    GRAFT_RETURN_IF_ERROR(Save(files, path, report.rows, key, examples.size()));
  return report;
}

}  // namespace graft
