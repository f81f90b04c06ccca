// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/slots.h"

#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/schema/container.h"

namespace graft {

absl::StatusOr<std::unique_ptr<Slots>> Slots::Create(const Artifact& artifact,
                                                     Device& device,
                                                     Queue& queue,
                                                     bool training) {
  std::unique_ptr<Slots> slots(new Slots(artifact, device, queue, training));
  if (absl::StatusOr<std::unique_ptr<Buffer>> mapped =
          device.MapHost(artifact.weights());
      mapped.ok()) {
    slots->weights_ = *std::move(mapped);
  } else if (!absl::IsUnimplemented(mapped.status())) {
    return mapped.status();
  }
  GRAFT_RETURN_IF_ERROR(slots->Place());
  GRAFT_RETURN_IF_ERROR(slots->Load());
  return slots;
}

bool Slots::IsWritable(size_t slot) const {
  const SlotSpec& spec = artifact_.spec().slots[slot];
  return training_ && (spec.trainable || !spec.is_parameter());
}

uint64_t Slots::Bytes(size_t slot) const {
  return SlotBytes(artifact_.spec().slots[slot]);
}

// Parameters first, then states: the first part is filled now, the second stays
// untouched until training begins.
absl::Status Slots::Place() {
  const std::vector<SlotSpec>& slots = artifact_.spec().slots;
  offsets_.resize(slots.size(), kNoMemory);
  pointers_.resize(slots.size());
  host_copies_.resize(slots.size(), HostCopy::kStale);
  uint64_t end = 0;
  for (bool parameters : {true, false}) {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].is_parameter() != parameters) continue;
      if (IsWritable(i) || (parameters && weights_ == nullptr)) {
        offsets_[i] = static_cast<int64_t>(end);
        const uint64_t bytes =
            schema::AlignUp(Bytes(i), GRAFT_BUFFER_ALIGNMENT);
        (parameters ? memory_.parameters : memory_.states) += bytes;
        end += bytes;
      } else if (parameters) {
        offsets_[i] = kMapped;
        memory_.mapped += Bytes(i);
      }
    }
  }
  GRAFT_ASSIGN_OR_RETURN(own_, device_.Reserve(end, "slots"));
  for (size_t i = 0; i < slots.size(); ++i) {
    if (offsets_[i] >= 0) {
      pointers_[i] = own_->data() + static_cast<uint64_t>(offsets_[i]);
    } else if (IsMapped(i)) {
      pointers_[i] = weights_->data() + slots[i].data_offset;
    }
  }
  return absl::OkStatus();
}

absl::Status Slots::Load() {
  for (size_t i = 0; i < offsets_.size(); ++i) {
    const absl::Span<const uint8_t> values = artifact_.SlotData(i);
    if (offsets_[i] < 0 || values.empty()) continue;
    GRAFT_RETURN_IF_ERROR(
        queue_.CopyToDevice(pointers_[i], values.data(), values.size()));
    // One by one, so that not all pages of the file are in memory at once.
    GRAFT_RETURN_IF_ERROR(queue_.Wait());
    artifact_.ReleaseSlot(i);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint8_t*> Slots::OnHost(size_t slot) {
  const auto offset = static_cast<uint64_t>(offsets_[slot]);
  if (device_.host_visible()) return own_->host() + offset;
  if (host_copy_ == nullptr) {
    GRAFT_ASSIGN_OR_RETURN(
        host_copy_, device_.ReserveHost(own_->size(), "slots for the host"));
  }
  uint8_t* const host = host_copy_->host() + offset;
  if (host_copies_[slot] == HostCopy::kStale) {
    GRAFT_RETURN_IF_ERROR(
        queue_.CopyToHost(host, pointers_[slot], Bytes(slot)));
    GRAFT_RETURN_IF_ERROR(queue_.Wait());
    host_copies_[slot] = HostCopy::kCurrent;
  }
  return host;
}

absl::StatusOr<absl::Span<const uint8_t>> Slots::Read(size_t slot) {
  if (!IsWritable(slot)) return artifact_.SlotData(slot);
  GRAFT_ASSIGN_OR_RETURN(const uint8_t* host, OnHost(slot));
  return absl::MakeConstSpan(host, Bytes(slot));
}

absl::StatusOr<absl::Span<uint8_t>> Slots::Edit(size_t slot) {
  if (!IsWritable(slot)) return absl::Span<uint8_t>();
  GRAFT_ASSIGN_OR_RETURN(uint8_t* host, OnHost(slot));
  host_copies_[slot] = HostCopy::kEdited;
  return absl::MakeSpan(host, Bytes(slot));
}

absl::Status Slots::Zero(absl::string_view state) {
  for (size_t i = 0; i < offsets_.size(); ++i) {
    const SlotSpec& slot = artifact_.spec().slots[i];
    if (slot.is_parameter() || slot.state != state || !IsWritable(i)) continue;
    GRAFT_RETURN_IF_ERROR(queue_.Fill(pointers_[i], 0, Bytes(i)));
    host_copies_[i] = HostCopy::kStale;
  }
  return queue_.Wait();
}

absl::Status Slots::Upload() {
  // Without host copies all is where kernels look for it.
  if (host_copy_ == nullptr) return absl::OkStatus();
  for (size_t i = 0; i < offsets_.size(); ++i) {
    if (host_copies_[i] == HostCopy::kEdited) {
      GRAFT_RETURN_IF_ERROR(queue_.CopyToDevice(
          pointers_[i], host_copy_->host() + offsets_[i], Bytes(i)));
    }
    host_copies_[i] = HostCopy::kStale;
  }
  // The host may edit the copies again before the commands have run.
  return queue_.Wait();
}

}  // namespace graft
