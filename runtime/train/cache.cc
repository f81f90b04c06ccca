// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/cache.h"

#include <memory>
#include <utility>

#include "absl/container/btree_map.h"
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

constexpr absl::string_view kFormat = "graft-cache-3";
constexpr char kRows[] = "rows", kChecksum[] = "checksum";
constexpr int64_t kDigits = 16;  // of a checksum

template <typename T>
absl::Span<const uint8_t> Bytes(absl::Span<const T> values) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values.data()),
                             values.size() * sizeof(T));
}

std::string Digits(const ChecksumStream& checksum) {
  return absl::StrFormat("%016x", checksum.value());
}

// Hash of all that the rows depend on: the graph, the parameters that it reads,
// whatever the order in which code does, and the examples.
absl::StatusOr<std::string> Key(Instance& instance, const CacheSpec& cache,
                                uint64_t fingerprint) {
  const ArtifactSpec& spec = instance.artifact().spec();
  const TargetSpec& target = *instance.artifact().target();
  absl::btree_map<std::string, uint32_t> slots;
  for (const BufferSpec& buffer : target.programs[cache.entry].buffers) {
    if (buffer.place != Place::slot) continue;
    const SlotSpec& slot = spec.slots[buffer.index];
    slots[absl::StrCat(slot.model, ".", slot.name)] = buffer.index;
  }
  ChecksumStream key;
  key.Add(Bytes(absl::MakeConstSpan(cache.key)));
  for (const auto& [name, slot] : slots) {
    GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> values,
                           instance.Slot(slot));
    key.Add(Bytes(absl::MakeConstSpan(name)));
    key.Add(values);
  }
  key.Add(Bytes(absl::MakeConstSpan(&fingerprint, 1)));
  return Digits(key);
}

absl::Status Differs(const SafetensorsFile& file, absl::string_view what,
                     absl::string_view expected, absl::string_view got) {
  return absl::InvalidArgumentError(absl::StrCat(
      file.path(), ": expects ", what, " ", expected, ", got ", got));
}

// Fails unless the file's metadata have `value` under `field`.
absl::Status CheckField(const SafetensorsFile& file, const std::string& field,
                        absl::string_view value) {
  const auto found = file.metadata().find(field);
  if (found != file.metadata().end() && found->second == value)
    return absl::OkStatus();
  return Differs(file, field, value,
                 found == file.metadata().end() ? "none" : found->second);
}

// Points `rows`, whose name and width are known, to those of the file.
absl::Status Map(std::shared_ptr<const SafetensorsFile> file, int64_t examples,
                 CachedRows& rows) {
  GRAFT_ASSIGN_OR_RETURN(const TensorView* kept,
                         file->Get(kRows, {examples, rows.width}));
  if (kept->dtype != DType::kF32 ||
      reinterpret_cast<uintptr_t>(kept->data.data()) % alignof(float) != 0)
    return Differs(*file, kRows, "of aligned F32",
                   DescribeTensorType(kept->dtype, kept->shape));
  rows.mapped = reinterpret_cast<const float*>(kept->data.data());
  rows.file = std::move(file);
  return absl::OkStatus();
}

// Maps the file of an earlier run, if it is whole and has what is asked for.
absl::Status Load(FileSystem& files, const std::string& path,
                  absl::string_view key, int64_t examples, CachedRows& rows) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "format", kFormat));
  GRAFT_RETURN_IF_ERROR(CheckField(*file, "key", key));
  GRAFT_ASSIGN_OR_RETURN(const TensorView* kept,
                         file->Get(kRows, {examples, rows.width}));
  GRAFT_ASSIGN_OR_RETURN(const TensorView* checksum,
                         file->Get(kChecksum, {kDigits}));
  ChecksumStream found;
  found.Add(kept->data);
  const std::string told(checksum->data.begin(), checksum->data.end());
  if (told != Digits(found))
    return Differs(*file, kChecksum, Digits(found), told);
  return Map(std::move(file), examples, rows);
}

using RowSink = std::function<absl::Status(absl::Span<const float> rows)>;

// Passes the rows of all examples to `sink`, batch by batch.
absl::Status Compute(Instance& instance, const CacheSpec& cache,
                     ExampleSource& source,
                     const std::function<void(int64_t, int64_t)>& progress,
                     const std::function<bool()>& stop, const RowSink& sink) {
  const ArtifactSpec& spec = instance.artifact().spec();
  const EntrySpec& entry = spec.entries[cache.entry];
  GRAFT_ASSIGN_OR_RETURN(EntryCaller caller,
                         EntryCaller::Create(instance, entry.name));
  int64_t done = 0;
  const std::string& output = entry.outputs[cache.output].name;
  return RunBatches(caller, StreamCapacity(spec, spec.streams[cache.stream]),
                    InOrder(source),
                    [&](const Examples& batch) -> absl::Status {
                      GRAFT_RETURN_IF_ERROR(sink(caller.Output(output)));
                      done += batch.size();
                      if (progress) progress(done, source.size());
                      if (stop && stop())
                        return absl::CancelledError("stopped by a signal");
                      return absl::OkStatus();
                    });
}

// Computes the rows into a file.
absl::Status Write(
    FileSystem& files, const std::string& path, const std::string& key,
    int64_t examples, int64_t width,
    const std::function<absl::Status(const RowSink& sink)>& compute) {
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsWriter> writer,
                         SafetensorsWriter::Create(
                             files, path,
                             {{kRows, DType::kF32, {examples, width}},
                              {kChecksum, DType::kU8, {kDigits}}},
                             {{"format", std::string(kFormat)}, {"key", key}}));
  ChecksumStream checksum;
  GRAFT_RETURN_IF_ERROR(compute([&](absl::Span<const float> rows) {
    checksum.Add(Bytes(rows));
    return writer->Append(kRows, Bytes(rows));
  }));
  const std::string digits = Digits(checksum);
  GRAFT_RETURN_IF_ERROR(
      writer->Append(kChecksum, Bytes(absl::MakeConstSpan(digits))));
  return writer->Finish();
}

}  // namespace

absl::StatusOr<CacheReport> FillCache(
    FileSystem& files, Instance& instance, size_t index,
    const CacheFolder& folder, ExampleSource& examples, uint64_t fingerprint,
    const std::function<void(int64_t done, int64_t all)>& progress,
    const std::function<bool()>& stop) {
  const ArtifactSpec& spec = instance.artifact().spec();
  const CacheSpec& cache = spec.caches[index];
  CacheReport report;
  CachedRows& rows = report.rows;
  rows.name = cache.name;
  rows.width = CacheWidth(spec, cache);
  const auto compute = [&](const RowSink& sink) {
    return Compute(instance, cache, examples, progress, stop, sink);
  };
  if (folder.directory.empty()) {
    rows.values.reserve(examples.size() * rows.width);
    GRAFT_RETURN_IF_ERROR(compute([&](absl::Span<const float> made) {
      rows.values.insert(rows.values.end(), made.begin(), made.end());
      return absl::OkStatus();
    }));
    return report;
  }
  GRAFT_ASSIGN_OR_RETURN(const std::string key,
                         Key(instance, cache, fingerprint));
  const std::string path = JoinPath(
      folder.directory,
      absl::StrCat("cached.", folder.shared ? key : rows.name, ".safetensors"));
  if (files.Exists(path)) {
    const absl::Status loaded = Load(files, path, key, examples.size(), rows);
    report.computed = !loaded.ok();
    if (loaded.ok()) return report;
    report.warning = absl::StrCat("computes again what was kept: ",
                                  std::string(loaded.message()));
  }
  GRAFT_RETURN_IF_ERROR(
      Write(files, path, key, examples.size(), rows.width, compute));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  GRAFT_RETURN_IF_ERROR(Map(std::move(file), examples.size(), rows));
  return report;
}

}  // namespace graft
