// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_EXECUTOR_SLOTS_H_
#define GRAFT_RUNTIME_EXECUTOR_SLOTS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/artifact/artifact.h"
#include "runtime/device/device.h"

namespace graft {

// The slots of one instance in the memory of its device, and their values for
// the host. Parameters that nothing writes are read from the mapped file, where
// the device can do that; other parameters start as copies of the file, states
// as zeros that take no pages until touched.
//
// If the device's memory is not host visible, the host works on copies, which
// exist from the first request on. Thread-compatible.
class Slots {
 public:
  struct Memory {
    uint64_t parameters = 0;  // bytes of own copies
    uint64_t states = 0;
    uint64_t mapped = 0;  // bytes read from the file
  };

  // Without `training` there are no states and parameters are read-only.
  // Everything is borrowed. RESOURCE_EXHAUSTED, or an error of the device.
  static absl::StatusOr<std::unique_ptr<Slots>> Create(const Artifact& artifact,
                                                       Device& device,
                                                       Queue& queue,
                                                       bool training);

  const Memory& memory() const { return memory_; }
  // Where kernels find a slot; null for a state without memory.
  DevicePointer pointer(size_t slot) const { return pointers_[slot]; }
  // Whether kernels read the slot from the mapped file.
  bool IsMapped(size_t slot) const { return offsets_[slot] == kMapped; }

  // Values for the host, valid until the next Upload. The queue must be idle.
  absl::StatusOr<absl::Span<const uint8_t>> Read(size_t slot);
  // The same for writing; empty for slots that are read-only. What is written
  // reaches the device at the next Upload.
  absl::StatusOr<absl::Span<uint8_t>> Edit(size_t slot);
  // Zeroes all writable states named `state`.
  absl::Status Zero(absl::string_view state);

  // To be called before commands run: sends what the host wrote, and drops the
  // host's copies, which the commands may make stale.
  absl::Status Upload();

 private:
  static constexpr int64_t kNoMemory = -1, kMapped = -2;
  // What the host's copy of a slot is worth.
  enum class HostCopy : uint8_t { kStale, kCurrent, kEdited };

  Slots(const Artifact& artifact, Device& device, Queue& queue, bool training)
      : artifact_(artifact),
        device_(device),
        queue_(queue),
        training_(training) {}

  absl::Status Place();
  // Copies values of the file to the parameters that are not mapped.
  absl::Status Load();
  bool IsWritable(size_t slot) const;
  uint64_t Bytes(size_t slot) const;
  // The host's address of an own slot, brought up to date.
  absl::StatusOr<uint8_t*> OnHost(size_t slot);

  const Artifact& artifact_;
  Device& device_;
  Queue& queue_;
  const bool training_;
  Memory memory_;
  std::unique_ptr<Buffer> weights_;    // mapped; null where that is impossible
  std::unique_ptr<Buffer> own_;        // parameters, then states
  std::unique_ptr<Buffer> host_copy_;  // of own_, once asked for
  std::vector<int64_t> offsets_;       // in own_, or one of the above
  std::vector<DevicePointer> pointers_;
  std::vector<HostCopy> host_copies_;  // by slot; unused if host visible
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_SLOTS_H_
