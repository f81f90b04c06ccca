// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/artifact.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/artifact/check.h"
#include "runtime/artifact/checksum.h"
#include "runtime/artifact/decode.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

using internal_artifact::AllZero;
using internal_artifact::Damaged;
using internal_artifact::FieldError;
using internal_artifact::kNoMatch;
using schema::SegmentKind;

// What a segment holds, in the words of users.
absl::string_view NameOf(SegmentKind kind) {
  switch (kind) {
    case SegmentKind::weights:
      return "the weights";
    case SegmentKind::code:
      return "the bytes of the compiled code";
    case SegmentKind::text:
      return "the bytes of the tokenizer";
  }
  return "the bytes of a part";
}

CodeImage ImageOf(const TargetSpec& target) {
  return {target.kind, target.format, target.level, target.triple, target.code};
}

// The preamble of `bytes`, checked against the file as a whole.
absl::StatusOr<schema::Preamble> ReadPreamble(absl::Span<const uint8_t> bytes,
                                              absl::string_view where) {
  schema::Preamble preamble;
  const size_t magic = std::min(bytes.size(), sizeof(preamble.magic));
  if (magic == 0 || std::memcmp(bytes.data(), schema::kMagic, magic) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expects a Graft artifact, got another file"));
  }
  if (bytes.size() < sizeof(preamble)) {
    return absl::DataLossError(
        absl::StrCat(where, ": truncated: expects at least ", sizeof(preamble),
                     " bytes, got ", bytes.size()));
  }
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  // Before the checksum, which another version may compute in another way.
  if (preamble.version != schema::kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(where, ": expects version ", schema::kVersion, ", got ",
                     preamble.version,
                     preamble.version > schema::kVersion
                         ? "; the file was made by a newer Graft"
                         : "; compile the model again with this Graft"));
  }
  if (preamble.preamble_checksum !=
      Checksum(bytes.first(sizeof(preamble) - sizeof(uint64_t)))) {
    return Damaged(where, absl::StrCat("the first ", sizeof(preamble), " bytes",
                                       kNoMatch));
  }
  if (preamble.file_size != bytes.size()) {
    return absl::DataLossError(
        absl::StrCat(where, ": truncated or extended: expects ",
                     preamble.file_size, " bytes, got ", bytes.size()));
  }
  // Divisions instead of products, which could overflow.
  const uint64_t size = bytes.size();
  if (preamble.header_size > size - sizeof(preamble) ||
      preamble.checksums_offset > size ||
      preamble.checksums_offset % schema::kAlignment != 0 ||
      preamble.checksum_count !=
          (size - preamble.checksums_offset) / sizeof(uint64_t) - 1 ||
      (size - preamble.checksums_offset) % sizeof(uint64_t) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": preamble: expects sizes inside the file"));
  }
  return preamble;
}

}  // namespace

Artifact::Artifact(std::string path, absl::Span<const uint8_t> bytes)
    : path_(std::move(path)), bytes_(bytes) {}

Artifact::~Artifact() = default;

absl::StatusOr<std::shared_ptr<const Artifact>> Artifact::Load(
    FileSystem& files, const std::string& path, const LoadOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> mapping, files.Map(path));
  std::shared_ptr<Artifact> artifact(new Artifact(path, mapping->bytes()));
  artifact->mapping_ = std::move(mapping);
  GRAFT_RETURN_IF_ERROR(artifact->Parse(options));
  return artifact;
}

absl::StatusOr<std::shared_ptr<const Artifact>> Artifact::FromBytes(
    absl::Span<const uint8_t> bytes, std::string path,
    const LoadOptions& options) {
  std::shared_ptr<Artifact> artifact(new Artifact(std::move(path), bytes));
  GRAFT_RETURN_IF_ERROR(artifact->Parse(options));
  return artifact;
}

absl::Status Artifact::Parse(const LoadOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(const schema::Preamble preamble,
                         ReadPreamble(bytes_, path_));
  const absl::Span<const uint8_t> table =
      bytes_.subspan(preamble.checksums_offset);
  checksums_.resize(table.size() / sizeof(uint64_t));
  std::memcpy(checksums_.data(), table.data(), table.size());
  if (Checksum(table.first(table.size() - sizeof(uint64_t))) !=
      checksums_.back()) {
    return Damaged(path_,
                   absl::StrCat("the last ", table.size(), " bytes", kNoMatch));
  }
  checksums_.pop_back();
  const absl::Span<const uint8_t> header_bytes =
      bytes_.subspan(sizeof(preamble), preamble.header_size);
  if (Checksum(header_bytes) != preamble.header_checksum) {
    return Damaged(path_, absl::StrCat("the bytes of the header", kNoMatch));
  }
  flatbuffers::Verifier verifier(header_bytes.data(), header_bytes.size());
  if (!schema::VerifyArtifactBuffer(verifier)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": the header is not a valid FlatBuffer"));
  }
  const schema::Artifact& header = *schema::GetArtifact(header_bytes.data());
  if (header.kernel_abi() != GRAFT_KERNEL_ABI_VERSION) {
    return absl::FailedPreconditionError(absl::StrCat(
        path_, ": kernel_abi: expects ", GRAFT_KERNEL_ABI_VERSION, ", got ",
        header.kernel_abi(), "; compile the model again"));
  }
  GRAFT_RETURN_IF_ERROR(ReadSegments(header, preamble));
  GRAFT_ASSIGN_OR_RETURN(
      spec_, internal_artifact::DecodeSpec(header, places_, segments_, path_));
  GRAFT_RETURN_IF_ERROR(CheckSpec(spec_, path_));
  GRAFT_RETURN_IF_ERROR(CheckWeights(header));
  if (options.verify_weights) GRAFT_RETURN_IF_ERROR(VerifyWeights());
  return options.device != nullptr ? LoadCode(*options.device)
                                   : absl::OkStatus();
}

// Segments follow each other in order at the next aligned offset, so that none
// overlaps and each byte of the file is either checked or zero.
absl::Status Artifact::ReadSegments(const schema::Artifact& header,
                                    const schema::Preamble& preamble) {
  places_ =
      internal_artifact::CopyElements<schema::Segment>(*header.segments());
  const size_t count = places_.size();
  const uint64_t limit = preamble.checksums_offset;
  uint64_t end = sizeof(preamble) + preamble.header_size;
  auto pad_to = [&](uint64_t offset, absl::string_view field) {
    if (offset > limit) {
      return FieldError(path_, field, absl::StrCat("at most ", limit), offset);
    }
    if (AllZero(bytes_.subspan(end, offset - end))) return absl::OkStatus();
    return Damaged(path_, absl::StrCat("expects zeros in bytes ", end, " to ",
                                       offset - 1, ", before ", field));
  };
  for (size_t i = 0; i < count; ++i) {
    const schema::Segment& segment = places_[i];
    const std::string field = absl::StrCat("segments[", i, "]");
    if (segment.kind() > SegmentKind::MAX) {
      return FieldError(path_, absl::StrCat(field, ".kind"), "a known kind",
                        static_cast<int>(segment.kind()));
    }
    const uint64_t expected = schema::AlignUp(
        end, segment.kind() == SegmentKind::weights ? schema::kWeightsAlignment
                                                    : schema::kAlignment);
    if (segment.offset() != expected) {
      return FieldError(path_, absl::StrCat(field, ".offset"),
                        absl::StrCat(expected), segment.offset());
    }
    GRAFT_RETURN_IF_ERROR(pad_to(expected, field));
    if (segment.size() > limit - expected) {
      return FieldError(path_, absl::StrCat(field, ".size"),
                        absl::StrCat("at most ", limit - expected),
                        segment.size());
    }
    segments_.push_back(bytes_.subspan(expected, segment.size()));
    end = expected + segment.size();
    if (segment.kind() == SegmentKind::weights) continue;
    if (checked_segments_ == checksums_.size()) {
      return FieldError(path_, "segments",
                        absl::StrCat("at most ", checksums_.size()), count);
    }
    if (Checksum(segments_[i]) != checksums_[checked_segments_++]) {
      return Damaged(path_, absl::StrCat(NameOf(segment.kind()), kNoMatch));
    }
  }
  if (schema::AlignUp(end, schema::kAlignment) != limit) {
    return FieldError(path_, "checksums_offset",
                      absl::StrCat(schema::AlignUp(end, schema::kAlignment)),
                      limit);
  }
  return pad_to(limit, "the checksums");
}

absl::Status Artifact::LoadCode(Device& device) {
  int best = 0;
  for (const TargetSpec& target : spec_.targets) {
    const int rank = device.RankCode(ImageOf(target));
    if (rank <= best) continue;
    best = rank;
    target_ = &target;
  }
  if (target_ == nullptr) {
    std::vector<std::string> found;
    for (const TargetSpec& target : spec_.targets) {
      found.push_back(absl::StrCat(target.kind, " code of ISA level ",
                                   target.level, " as ", target.format));
    }
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": expects ", device.DescribeCode(), ", got ",
                     found.empty() ? "none" : absl::StrJoin(found, ", ")));
  }
  GRAFT_ASSIGN_OR_RETURN(
      code_, device.LoadCode(ImageOf(*target_),
                             absl::StrCat(path_, ": ", target_->level)));
  for (const KernelSpec& kernel : target_->kernels) {
    absl::StatusOr<KernelHandle> handle = code_->Find(kernel.symbol);
    if (absl::IsNotFound(handle.status())) {
      return FieldError(
          path_, absl::StrCat(target_->level, " kernel ", kernel.name),
          absl::StrCat("a symbol ", kernel.symbol, " in the code"), "none");
    }
    GRAFT_RETURN_IF_ERROR(handle.status());
    kernels_.push_back(*handle);
  }
  device_ = &device;
  return absl::OkStatus();
}

absl::StatusOr<size_t> Artifact::FindEntry(absl::string_view name) const {
  std::vector<absl::string_view> names;
  for (size_t i = 0; i < spec_.entries.size(); ++i) {
    if (spec_.entries[i].name == name) return i;
    names.push_back(spec_.entries[i].name);
  }
  return absl::NotFoundError(absl::StrCat(path_, ": entry: expects one of ",
                                          absl::StrJoin(names, ", "), ", got ",
                                          name));
}

absl::StatusOr<size_t> Artifact::FindSlot(absl::string_view name,
                                          absl::string_view model) const {
  std::vector<size_t> found;
  for (size_t i = 0; i < spec_.slots.size(); ++i) {
    const SlotSpec& slot = spec_.slots[i];
    if (slot.name == name && (model.empty() || slot.model == model)) {
      found.push_back(i);
    }
  }
  if (found.size() == 1) return found[0];
  return absl::NotFoundError(absl::StrCat(path_, ": expects one slot ", name,
                                          model.empty() ? "" : " of model ",
                                          model, ", got ", found.size()));
}

bool Artifact::EntryWritesSlots(size_t entry) const {
  auto writes = [&](const ProgramSpec& program) {
    for (const CommandSpec& command : program.commands) {
      for (size_t i = command.buffers.size() - command.results;
           i < command.buffers.size(); ++i) {
        if (program.buffers[command.buffers[i]].place == Place::slot) {
          return true;
        }
      }
    }
    return false;
  };
  return std::any_of(
      spec_.targets.begin(), spec_.targets.end(),
      [&](const TargetSpec& target) { return writes(target.programs[entry]); });
}

}  // namespace graft
