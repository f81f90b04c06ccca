// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Checks where inputs come from: streams, caches, registers.

#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/artifact/check.h"
#include "runtime/base/status_macros.h"

namespace graft {

std::optional<uint32_t> StreamOf(const ArtifactSpec& spec,
                                 const ValueSpec& input) {
  if (input.source == SourceKind::cache)
    return spec.caches[input.source_index].stream;
  if (input.source == SourceKind::stream) return input.source_index;
  return std::nullopt;
}

std::vector<uint32_t> StreamsOf(const ArtifactSpec& spec,
                                const EntrySpec& entry) {
  std::vector<uint32_t> streams;
  for (const ValueSpec& input : entry.inputs) {
    const std::optional<uint32_t> stream = StreamOf(spec, input);
    if (stream && !absl::c_linear_search(streams, *stream))
      streams.push_back(*stream);
  }
  return streams;
}

int64_t CacheWidth(const ArtifactSpec& spec, const CacheSpec& cache) {
  int64_t width = 1;
  const ValueSpec& output = spec.entries[cache.entry].outputs[cache.output];
  for (size_t i = 1; i < output.dims.size(); ++i)
    width *= output.dims[i].extent;
  return width;
}

namespace internal_artifact {
namespace {

constexpr size_t kMaxName = 128;
constexpr int64_t kMostBatchNumbers = int64_t{1} << 30;

bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '_' || c == '.' || c == '$';
}

class HostChecker {
 public:
  HostChecker(const ArtifactSpec& spec, absl::string_view where)
      : spec_(spec), where_(where) {}

  absl::Status Check() {
    GRAFT_RETURN_IF_ERROR(CheckStreams());
    GRAFT_RETURN_IF_ERROR(CheckCaches());
    GRAFT_RETURN_IF_ERROR(CheckRegisters());
    for (const EntrySpec& entry : spec_.entries)
      for (size_t i = 0; i < entry.inputs.size(); ++i)
        GRAFT_RETURN_IF_ERROR(CheckSource(
            entry.inputs[i], absl::StrCat(entry.name, ".inputs[", i, "]")));
    absl::flat_hash_set<absl::string_view> names;
    for (size_t i = 0; i < spec_.host_programs.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(
          CheckName(names, "host_programs", i, spec_.host_programs[i].name));
      GRAFT_RETURN_IF_ERROR(
          CheckHostProgram(spec_, spec_.host_programs[i], where_));
    }
    return absl::OkStatus();
  }

 private:
  template <typename Found>
  absl::Status Error(absl::string_view field, absl::string_view expected,
                     const Found& found) const {
    return FieldError(where_, field, expected, found);
  }

  // Names of checkpoints' fields and, of caches, parts of names of files.
  absl::Status CheckName(absl::flat_hash_set<absl::string_view>& names,
                         absl::string_view table, size_t index,
                         absl::string_view name) const {
    const std::string field = absl::StrCat(table, "[", index, "].name");
    if (name.empty()) return Error(field, "a name", "nothing");
    const bool plain = name.size() <= kMaxName && absl::c_all_of(name, IsPlain);
    if (!plain)
      return Error(
          field,
          absl::StrCat("at most ", kMaxName, " letters, digits or one of -_.$"),
          absl::StrCat("\"", absl::CHexEscape(name), "\""));
    if (names.insert(name).second) return absl::OkStatus();
    return Error(field, "a name of its own", absl::StrCat(name, " again"));
  }

  absl::Status CheckIndex(absl::string_view field, int64_t index,
                          size_t count) const {
    if (index >= 0 && index < static_cast<int64_t>(count))
      return absl::OkStatus();
    return Error(field, absl::StrCat("an index below ", count), index);
  }

  absl::Status CheckStreams() const {
    absl::flat_hash_set<absl::string_view> names;
    for (size_t i = 0; i < spec_.streams.size(); ++i) {
      const StreamSpec& stream = spec_.streams[i];
      GRAFT_RETURN_IF_ERROR(CheckName(names, "streams", i, stream.name));
      const std::string field = absl::StrCat("streams[", i, "]");
      for (const int32_t size : {stream.tokens, stream.sequences, stream.batch})
        if (size != -1)
          GRAFT_RETURN_IF_ERROR(CheckIndex(field, size, spec_.sizes.size()));
    }
    return absl::OkStatus();
  }

  absl::Status CheckCaches() const {
    absl::flat_hash_set<absl::string_view> names;
    for (size_t i = 0; i < spec_.caches.size(); ++i) {
      const CacheSpec& cache = spec_.caches[i];
      GRAFT_RETURN_IF_ERROR(CheckName(names, "caches", i, cache.name));
      const std::string field = absl::StrCat("caches[", i, "]");
      GRAFT_RETURN_IF_ERROR(CheckIndex(absl::StrCat(field, ".stream"),
                                       cache.stream, spec_.streams.size()));
      GRAFT_RETURN_IF_ERROR(CheckIndex(absl::StrCat(field, ".entry"),
                                       cache.entry, spec_.entries.size()));
      const EntrySpec& entry = spec_.entries[cache.entry];
      GRAFT_RETURN_IF_ERROR(CheckIndex(absl::StrCat(field, ".output"),
                                       cache.output, entry.outputs.size()));
      GRAFT_RETURN_IF_ERROR(
          CheckRows(absl::StrCat(field, ".output"), entry.outputs[cache.output],
                    spec_.streams[cache.stream], /*whole=*/cache.batch));
      if (!cache.batch && cache.key.empty())
        return Error(absl::StrCat(field, ".key"),
                     "a hash of what the entry computes", "nothing");
      GRAFT_RETURN_IF_ERROR(CheckBatchRows(field, cache));
    }
    return absl::OkStatus();
  }

  // Rows of a batch are in memory.
  absl::Status CheckBatchRows(const std::string& field,
                              const CacheSpec& cache) const {
    if (!cache.batch) return absl::OkStatus();
    const StreamSpec& stream = spec_.streams[cache.stream];
    if (stream.batch < 0)
      return Error(absl::StrCat(field, ".stream"),
                   "a stream with a size of its whole batch", stream.name);
    const int64_t most = spec_.sizes[stream.batch].bound;
    const int64_t width = CacheWidth(spec_, cache);
    if (width <= 0 || most <= kMostBatchNumbers / width)
      return absl::OkStatus();
    return Error(field, absl::StrCat("at most ", kMostBatchNumbers, " numbers"),
                 absl::StrCat(most, " times ", width));
  }

  // A row of F32 for each example of `stream`; also of its `whole` batch.
  absl::Status CheckRows(absl::string_view field, const ValueSpec& value,
                         const StreamSpec& stream, bool whole) const {
    const auto counts = [&](int32_t size) {
      return size >= 0 && value.dims[0].size == size;
    };
    const bool rows =
        value.kind == ValueKind::tensor && value.dtype == DType::kF32 &&
        !value.dims.empty() &&
        (counts(stream.sequences) || (whole && counts(stream.batch))) &&
        std::all_of(value.dims.begin() + 1, value.dims.end(),
                    [](const DimSpec& dim) { return dim.size < 0; });
    if (rows) return absl::OkStatus();
    return Error(field,
                 absl::StrCat("a row of F32 for each example of ", stream.name),
                 value.name);
  }

  absl::Status CheckRegisters() const {
    absl::flat_hash_set<absl::string_view> names;
    for (size_t i = 0; i < spec_.registers.size(); ++i) {
      const RegisterSpec& reg = spec_.registers[i];
      GRAFT_RETURN_IF_ERROR(CheckName(names, "registers", i, reg.name));
      // Written so that numbers that are none are refused.
      if (std::isfinite(reg.initial) && reg.initial >= reg.minimum &&
          reg.initial <= reg.maximum)
        continue;
      return Error(
          absl::StrCat("registers[", i, "].initial"),
          absl::StrCat("a number from ", reg.minimum, " to ", reg.maximum),
          reg.initial);
    }
    return absl::OkStatus();
  }

  absl::Status CheckSource(const ValueSpec& input,
                           const std::string& field) const {
    const std::string index = absl::StrCat(field, ".source_index");
    switch (input.source) {
      case SourceKind::caller:
        return absl::OkStatus();
      case SourceKind::stream: {
        GRAFT_RETURN_IF_ERROR(
            CheckIndex(index, input.source_index, spec_.streams.size()));
        return CheckField(input, field, spec_.streams[input.source_index]);
      }
      case SourceKind::cache: {
        GRAFT_RETURN_IF_ERROR(
            CheckIndex(index, input.source_index, spec_.caches.size()));
        const CacheSpec& cache = spec_.caches[input.source_index];
        GRAFT_RETURN_IF_ERROR(CheckRows(
            field, input, spec_.streams[cache.stream], /*whole=*/true));
        int64_t width = 1;
        for (size_t i = 1; i < input.dims.size(); ++i)
          width *= input.dims[i].extent;
        if (width == CacheWidth(spec_, cache)) return absl::OkStatus();
        return Error(
            field,
            absl::StrCat(CacheWidth(spec_, cache), " numbers per example"),
            width);
      }
      case SourceKind::scalar:
        GRAFT_RETURN_IF_ERROR(
            CheckIndex(index, input.source_index, spec_.registers.size()));
        if (input.kind == ValueKind::tensor && input.dims.empty() &&
            (input.dtype == DType::kF32 || input.dtype == DType::kI32))
          return absl::OkStatus();
        return Error(field, "a scalar of F32 or I32", input.name);
    }
    return absl::OkStatus();
  }

  absl::Status CheckField(const ValueSpec& input, const std::string& field,
                          const StreamSpec& stream) const {
    if (input.field.empty())
      return Error(absl::StrCat(field, ".field"), "a name", "nothing");
    if (input.kind == ValueKind::segments) {
      if (input.tokens == stream.tokens && input.sequences == stream.sequences)
        return absl::OkStatus();
      return Error(
          field, absl::StrCat("segments of the sizes of stream ", stream.name),
          input.name);
    }
    const bool fits =
        (input.dtype == DType::kF32 || input.dtype == DType::kI32) &&
        !input.dims.empty() && input.dims[0].size >= 0 &&
        (input.dims[0].size == stream.tokens ||
         input.dims[0].size == stream.sequences ||
         input.dims[0].size == stream.batch) &&
        std::all_of(input.dims.begin() + 1, input.dims.end(),
                    [](const DimSpec& dim) { return dim.size < 0; });
    if (fits) return absl::OkStatus();
    return Error(field,
                 absl::StrCat("F32 or I32 for each token or example of stream ",
                              stream.name),
                 input.name);
  }

  const ArtifactSpec& spec_;
  const absl::string_view where_;
};

}  // namespace

absl::Status CheckHost(const ArtifactSpec& spec, absl::string_view where) {
  return HostChecker(spec, where).Check();
}

}  // namespace internal_artifact
}  // namespace graft
