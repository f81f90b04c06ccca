// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The weights of an artifact: where parameters lie, and whether they are whole.

#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/artifact/artifact.h"
#include "runtime/artifact/check.h"
#include "runtime/artifact/checksum.h"

namespace graft {
namespace {

using internal_artifact::AllZero;
using internal_artifact::Damaged;
using internal_artifact::FieldError;
using internal_artifact::kNoMatch;
using schema::SegmentKind;

// Bytes that are checked before their pages are let go of.
constexpr size_t kPiece = 1 << 21;

}  // namespace

// Parameters follow each other in order, as segments do.
absl::Status Artifact::CheckWeights(const schema::Artifact& header) {
  weights_ = header.weights();
  uint64_t size = 0;
  if (weights_ != -1) {
    if (weights_ < 0 || static_cast<size_t>(weights_) >= segments_.size() ||
        places_[weights_].kind() != SegmentKind::weights) {
      return FieldError(path_, "weights", "a segment of weights or -1",
                        weights_);
    }
    size = segments_[weights_].size();
  }
  // All of them: what is no parameter of them would go unchecked.
  const size_t all = absl::c_count_if(places_, [](const auto& segment) {
    return segment.kind() == SegmentKind::weights;
  });
  if (all != (weights_ == -1 ? 0 : 1)) {
    return FieldError(path_, "segments", "at most one of weights", all);
  }
  uint64_t end = 0;
  for (size_t i = 0; i < spec_.slots.size(); ++i) {
    const SlotSpec& slot = spec_.slots[i];
    if (!slot.is_parameter()) continue;
    parameters_.push_back(i);
    const uint64_t bytes = SlotBytes(slot);
    const uint64_t expected = schema::AlignUp(end, schema::kAlignment);
    if (slot.data_offset != expected || expected > size ||
        bytes > size - expected) {
      return FieldError(
          path_, absl::StrCat("slot ", slot.name, ".data_offset"),
          absl::StrCat(bytes, " bytes at ", expected, " of ", size),
          slot.data_offset);
    }
    end = expected + bytes;
  }
  if (end != size) {
    return FieldError(path_, "weights", absl::StrCat(end, " bytes"), size);
  }
  if (checked_segments_ + parameters_.size() != checksums_.size()) {
    return FieldError(path_, "slots",
                      absl::StrCat(checksums_.size() - checked_segments_,
                                   " parameters, as there are checksums"),
                      parameters_.size());
  }
  return absl::OkStatus();
}

absl::Status Artifact::VerifyWeights() const {
  uint64_t end = 0, released = 0;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const size_t slot = parameters_[i];
    const uint64_t begin = spec_.slots[slot].data_offset;
    if (!AllZero(weights().subspan(end, begin - end))) {
      return Damaged(path_, absl::StrCat("expects zeros before the weights of ",
                                         ParameterName(slot)));
    }
    const absl::Span<const uint8_t> data = SlotData(slot);
    end = begin;
    ChecksumStream checksum;
    for (size_t at = 0; at < data.size(); at += kPiece) {
      const absl::Span<const uint8_t> piece = data.subspan(at, kPiece);
      checksum.Add(piece);
      end += piece.size();
      if (end - released < kPiece) continue;
      ReleaseWeights(released, end);
      released = end;
    }
    if (checksum.value() != checksums_[checked_segments_ + i]) {
      return Damaged(path_, absl::StrCat("the weights of ", ParameterName(slot),
                                         kNoMatch));
    }
  }
  ReleaseWeights(released, end);
  return absl::OkStatus();
}

void Artifact::ReleaseWeights(uint64_t begin, uint64_t end) const {
  if (mapping_ == nullptr || begin == end) return;
  mapping_->Release(weights().data() - bytes_.data() + begin, end - begin);
}

std::string Artifact::ParameterName(size_t slot) const {
  const SlotSpec& spec = spec_.slots[slot];
  const bool one = absl::c_all_of(spec_.slots, [&](const SlotSpec& other) {
    return other.model == spec.model;
  });
  return one ? spec.name : absl::StrCat(spec.name, " of @", spec.model);
}

absl::Span<const uint8_t> Artifact::weights() const {
  return weights_ == -1 ? absl::Span<const uint8_t>() : segments_[weights_];
}

absl::Span<const uint8_t> Artifact::SlotData(size_t slot) const {
  const SlotSpec& spec = spec_.slots[slot];
  if (!spec.is_parameter()) return {};
  return weights().subspan(spec.data_offset, SlotBytes(spec));
}

void Artifact::ReleaseSlot(size_t slot) const {
  const uint64_t begin = spec_.slots[slot].data_offset;
  ReleaseWeights(begin, begin + SlotData(slot).size());
}

}  // namespace graft
