// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/feed.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

// Checks the feeds of one call.
class Binder {
 public:
  Binder(const ArtifactSpec& spec, const EntrySpec& entry,
         absl::Span<int64_t> sizes)
      : spec_(spec), entry_(entry), sizes_(sizes) {}

  absl::Status Bind(const ValueSpec& value, const Feed& feed) {
    if (feed.kind != value.kind) {
      const bool segments = value.kind == ValueKind::segments;
      return Error(value, segments ? "segments" : "a tensor",
                   segments ? "a tensor" : "segments");
    }
    return value.kind == ValueKind::segments ? BindSegments(value, feed)
                                             : BindTensor(value, feed);
  }

 private:
  absl::Status Error(const ValueSpec& value, absl::string_view expected,
                     absl::string_view found) const {
    return absl::InvalidArgumentError(absl::StrCat(entry_.name, ": input ",
                                                   value.name, ": expects ",
                                                   expected, ", got ", found));
  }

  absl::Status BindSize(const ValueSpec& value, int32_t size, int64_t found) {
    const SizeSpec& spec = spec_.sizes[size];
    if (found < 0 || found > spec.bound) {
      return Error(value,
                   absl::StrCat(spec.name, " up to ", spec.bound,
                                ", for which the program was planned"),
                   absl::StrCat(found));
    }
    if (sizes_[size] < 0) sizes_[size] = found;
    if (sizes_[size] == found) return absl::OkStatus();
    return Error(
        value,
        absl::StrCat(spec.name, " = ", sizes_[size], " as in other inputs"),
        absl::StrCat(found));
  }

  absl::Status BindTensor(const ValueSpec& value, const Feed& feed) {
    bool matches =
        feed.dtype == value.dtype && feed.shape.size() == value.dims.size();
    for (size_t i = 0; matches && i < value.dims.size(); ++i) {
      matches =
          value.dims[i].size >= 0 || value.dims[i].extent == feed.shape[i];
    }
    if (!matches) {
      return Error(value, Describe(value),
                   DescribeTensorType(feed.dtype, feed.shape));
    }
    int64_t count = 1;
    for (size_t i = 0; i < value.dims.size(); ++i) {
      if (value.dims[i].size >= 0) {
        GRAFT_RETURN_IF_ERROR(
            BindSize(value, value.dims[i].size, feed.shape[i]));
      }
      count *= feed.shape[i];
    }
    if (value.limit == 0 || value.dtype != DType::kI32) return absl::OkStatus();
    return CheckIndices(value, static_cast<const uint8_t*>(feed.data), count);
  }

  std::string Describe(const ValueSpec& value) const {
    std::string text = absl::StrCat(DTypeName(value.dtype), " [");
    for (const DimSpec& dim : value.dims) {
      absl::StrAppend(&text, &dim == &value.dims[0] ? "" : ", ");
      if (dim.size >= 0) {
        absl::StrAppend(&text, spec_.sizes[dim.size].name);
      } else {
        absl::StrAppend(&text, dim.extent);
      }
    }
    return text + "]";
  }

  // Kernels read memory at these indices.
  absl::Status CheckIndices(const ValueSpec& value, const uint8_t* bytes,
                            int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      int32_t element;
      std::memcpy(&element, bytes + i * sizeof(element), sizeof(element));
      if (element >= 0 && element < value.limit) continue;
      if (value.exception != 0 && element == value.exception) continue;
      return Error(
          value,
          absl::StrCat("numbers from 0 to ", value.limit - 1,
                       value.exception == 0 ? "" : " or ",
                       value.exception == 0 ? std::string()
                                            : absl::StrCat(value.exception)),
          absl::StrCat(element, " at ", i));
    }
    return absl::OkStatus();
  }

  // Whether the entry takes anything of the tokens of `segments`. Else these
  // only say which example is which, and each may have none.
  bool HasTokens(const ValueSpec& segments) const {
    for (const ValueSpec& input : entry_.inputs)
      for (const DimSpec& dim : input.dims)
        if (dim.size == segments.tokens) return true;
    return false;
  }

  absl::Status BindSegments(const ValueSpec& value, const Feed& feed) {
    const absl::Span<const int32_t> offsets = feed.offsets;
    if (offsets.size() < 2 || offsets[0] != 0) {
      return Error(value, "offsets of at least one sequence, from 0",
                   offsets.empty()
                       ? "none"
                       : absl::StrCat(offsets.size(), " from ", offsets[0]));
    }
    const bool empty = offsets.back() == 0 && !HasTokens(value);
    for (size_t i = 1; i < offsets.size(); ++i) {
      if (empty ? offsets[i] == 0 : offsets[i] > offsets[i - 1]) continue;
      return Error(
          value, empty ? "offsets of 0" : "increasing offsets",
          absl::StrCat(offsets[i], " after ", offsets[i - 1], " at ", i));
    }
    for (size_t i = 1; value.limit != 0 && i < offsets.size(); ++i) {
      if (offsets[i] - offsets[i - 1] <= value.limit) continue;
      return Error(
          value, absl::StrCat("sequences of up to ", value.limit),
          absl::StrCat(offsets[i] - offsets[i - 1], " tokens in ", i - 1));
    }
    const int64_t sequences = offsets.size() - 1;
    if (!feed.ordinals.empty() &&
        static_cast<int64_t>(feed.ordinals.size()) != sequences) {
      return Error(value, absl::StrCat("no ordinals or ", sequences),
                   absl::StrCat(feed.ordinals.size()));
    }
    GRAFT_RETURN_IF_ERROR(BindSize(value, value.sequences, sequences));
    return BindSize(value, value.tokens, offsets.back());
  }

  const ArtifactSpec& spec_;
  const EntrySpec& entry_;
  const absl::Span<int64_t> sizes_;
};

}  // namespace

Feed Feed::Tensor(DType dtype, absl::Span<const int64_t> shape,
                  const void* data) {
  Feed feed;
  feed.dtype = dtype;
  feed.shape = shape;
  feed.data = data;
  return feed;
}

Feed Feed::Segments(absl::Span<const int32_t> offsets,
                    absl::Span<const int32_t> ordinals) {
  Feed feed;
  feed.kind = ValueKind::segments;
  feed.offsets = offsets;
  feed.ordinals = ordinals;
  return feed;
}

int PartCount(const ValueSpec& value) {
  return value.kind == ValueKind::segments ? kMaxParts : 1;
}

absl::Status BindFeeds(const ArtifactSpec& spec, const EntrySpec& entry,
                       absl::Span<const Feed> feeds,
                       absl::Span<int64_t> sizes) {
  if (feeds.size() != entry.inputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(entry.name, ": expects ", entry.inputs.size(),
                     " inputs, got ", feeds.size()));
  }
  std::fill(sizes.begin(), sizes.end(), -1);
  Binder binder(spec, entry, sizes);
  for (size_t i = 0; i < feeds.size(); ++i) {
    GRAFT_RETURN_IF_ERROR(binder.Bind(entry.inputs[i], feeds[i]));
  }
  // No command of this entry uses the others: CheckSpec.
  for (int64_t& size : sizes) size = std::max<int64_t>(size, 0);
  return absl::OkStatus();
}

std::array<uint64_t, kMaxParts> CopyFeed(
    const Feed& feed, const std::array<uint8_t*, kMaxParts>& parts) {
  if (feed.kind == ValueKind::tensor) {
    uint64_t bytes = DTypeSize(feed.dtype);
    for (int64_t extent : feed.shape) bytes *= extent;
    if (bytes != 0) std::memcpy(parts[0], feed.data, bytes);
    return {bytes, 0, 0};
  }
  auto* offsets = reinterpret_cast<int32_t*>(parts[0]);
  auto* ordinals = reinterpret_cast<int32_t*>(parts[1]);
  auto* rows = reinterpret_cast<int32_t*>(parts[2]);
  std::copy(feed.offsets.begin(), feed.offsets.end(), offsets);
  const int32_t sequences = feed.offsets.size() - 1;
  for (int32_t s = 0; s < sequences; ++s) {
    ordinals[s] = feed.ordinals.empty() ? s : feed.ordinals[s];
    std::fill(rows + offsets[s], rows + offsets[s + 1], s);
  }
  const auto tokens = static_cast<uint64_t>(feed.offsets.back());
  return {feed.offsets.size() * sizeof(int32_t), sequences * sizeof(int32_t),
          tokens * sizeof(int32_t)};
}

}  // namespace graft
