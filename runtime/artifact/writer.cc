// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/writer.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/artifact/checksum.h"
#include "runtime/artifact/encode_header.h"
#include "runtime/base/status_macros.h"
#include "runtime/schema/container.h"

namespace graft {
namespace {

using internal_artifact::EncodeHeader;
using schema::SegmentKind;

// Writes the container: counts bytes and pads.
class ContainerWriter {
 public:
  explicit ContainerWriter(WritableFile& file) : file_(file) {}

  absl::Status Append(absl::Span<const uint8_t> bytes) {
    position_ += bytes.size();
    return file_.Append(bytes);
  }

  absl::Status PadTo(uint64_t offset) {
    static constexpr uint8_t kZeros[schema::kWeightsAlignment] = {};
    return Append(absl::MakeConstSpan(kZeros, offset - position_));
  }

  uint64_t position() const { return position_; }

 private:
  WritableFile& file_;
  uint64_t position_ = 0;
};

template <typename T>
absl::Span<const uint8_t> BytesOf(const T* data, size_t count) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data),
                             count * sizeof(T));
}

// Where each part of the file goes.
struct Layout : internal_artifact::HeaderLayout {
  std::vector<absl::Span<const uint8_t>> contents;  // empty for weights
  uint64_t checksums_offset = 0;
};

// Lists the segments with their sizes; weights are the last, so that the rest
// of the file is close together.
Layout MakeLayout(const ArtifactSpec& spec) {
  Layout layout;
  auto add = [&](SegmentKind kind, absl::Span<const uint8_t> bytes,
                 uint64_t size) {
    layout.segments.emplace_back(kind, 0, size);
    layout.contents.push_back(bytes);
    return static_cast<int32_t>(layout.segments.size() - 1);
  };
  if (spec.tokenizer) {
    layout.tokenizer_data = add(SegmentKind::text, spec.tokenizer->data,
                                spec.tokenizer->data.size());
  }
  layout.first_code = layout.segments.size();
  for (const TargetSpec& target : spec.targets) {
    add(SegmentKind::code, target.code, target.code.size());
  }
  uint64_t size = 0;
  bool parameters = false;
  for (const SlotSpec& slot : spec.slots) {
    if (!slot.is_parameter()) {
      layout.data_offsets.push_back(0);
      continue;
    }
    parameters = true;
    size = schema::AlignUp(size, schema::kAlignment);
    layout.data_offsets.push_back(size);
    size += SlotBytes(slot);
  }
  if (parameters) layout.weights = add(SegmentKind::weights, {}, size);
  return layout;
}

// One for each segment but the weights, which are the last, and for each
// parameter.
uint64_t CountChecksums(const ArtifactSpec& spec, const Layout& layout) {
  const auto parameters =
      std::count_if(spec.slots.begin(), spec.slots.end(),
                    [](const SlotSpec& slot) { return slot.is_parameter(); });
  return layout.segments.size() - (layout.weights != -1) +
         static_cast<uint64_t>(parameters);
}

void PlaceSegments(uint64_t header_size, Layout& layout) {
  uint64_t end = sizeof(schema::Preamble) + header_size;
  for (schema::Segment& segment : layout.segments) {
    const uint64_t offset = schema::AlignUp(
        end, segment.kind() == SegmentKind::weights ? schema::kWeightsAlignment
                                                    : schema::kAlignment);
    segment = schema::Segment(segment.kind(), offset, segment.size());
    end = offset + segment.size();
  }
  layout.checksums_offset = schema::AlignUp(end, schema::kAlignment);
}

// Appends the checksum of each parameter to `checksums`.
absl::Status WriteWeights(const ArtifactSpec& spec, const Layout& layout,
                          WeightSource weights, const std::string& path,
                          ContainerWriter& writer,
                          std::vector<uint64_t>& checksums) {
  const uint64_t start = writer.position();
  for (size_t i = 0; i < spec.slots.size(); ++i) {
    const SlotSpec& slot = spec.slots[i];
    if (!slot.is_parameter()) continue;
    const uint64_t expected = SlotBytes(slot);
    const uint64_t begin = start + layout.data_offsets[i];
    GRAFT_RETURN_IF_ERROR(writer.PadTo(begin));
    ChecksumStream stream;
    auto sink = [&](absl::Span<const uint8_t> bytes) {
      stream.Add(bytes);
      return writer.Append(bytes);
    };
    GRAFT_RETURN_IF_ERROR(weights(i, sink));
    if (writer.position() - begin != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": values of ", slot.name, ": expects ", expected,
                       " bytes, got ", writer.position() - begin));
    }
    checksums.push_back(stream.value());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteArtifact(FileSystem& files, const std::string& path,
                           const ArtifactSpec& spec, WeightSource weights) {
  GRAFT_RETURN_IF_ERROR(CheckSpec(spec, path));
  Layout layout = MakeLayout(spec);
  PlaceSegments(EncodeHeader(spec, layout).GetSize(), layout);
  const flatbuffers::FlatBufferBuilder header = EncodeHeader(spec, layout);

  schema::Preamble preamble = {};
  std::memcpy(preamble.magic, schema::kMagic, sizeof(schema::kMagic));
  preamble.version = schema::kVersion;
  preamble.header_size = header.GetSize();
  preamble.header_checksum =
      Checksum(BytesOf(header.GetBufferPointer(), header.GetSize()));
  preamble.checksums_offset = layout.checksums_offset;
  preamble.checksum_count = CountChecksums(spec, layout);
  preamble.file_size = layout.checksums_offset +
                       (preamble.checksum_count + 1) * sizeof(uint64_t);
  preamble.preamble_checksum =
      Checksum(BytesOf(&preamble, 1).first(sizeof(preamble) - 8));

  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                         files.CreateAtomic(path));
  ContainerWriter writer(*file);
  GRAFT_RETURN_IF_ERROR(writer.Append(BytesOf(&preamble, 1)));
  GRAFT_RETURN_IF_ERROR(
      writer.Append(BytesOf(header.GetBufferPointer(), header.GetSize())));
  std::vector<uint64_t> checksums;
  for (size_t i = 0; i < layout.segments.size(); ++i) {
    GRAFT_RETURN_IF_ERROR(writer.PadTo(layout.segments[i].offset()));
    if (layout.segments[i].kind() == SegmentKind::weights) {
      GRAFT_RETURN_IF_ERROR(
          WriteWeights(spec, layout, weights, path, writer, checksums));
    } else {
      checksums.push_back(Checksum(layout.contents[i]));
      GRAFT_RETURN_IF_ERROR(writer.Append(layout.contents[i]));
    }
  }
  GRAFT_RETURN_IF_ERROR(writer.PadTo(layout.checksums_offset));
  checksums.push_back(Checksum(BytesOf(checksums.data(), checksums.size())));
  GRAFT_RETURN_IF_ERROR(
      writer.Append(BytesOf(checksums.data(), checksums.size())));
  return file->Commit();
}

}  // namespace graft
