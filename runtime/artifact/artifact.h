// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A loaded .graft file: checked, mapped, with code for a device.

#ifndef GRAFT_RUNTIME_ARTIFACT_ARTIFACT_H_
#define GRAFT_RUNTIME_ARTIFACT_ARTIFACT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"
#include "runtime/base/file.h"
#include "runtime/device/device.h"
#include "runtime/schema/container.h"

namespace graft {

struct LoadOptions {
  // Also check the weights (VerifyWeights).
  bool verify_weights = false;
  // The device that loads the code of the target that it runs best; borrowed,
  // must outlive the artifact. Null: no code is loaded, and nothing in the file
  // is executed; the artifact can be inspected but not run. Code runs with the
  // rights of the process: load it only from artifacts that you made or trust.
  Device* device = nullptr;
};

// Immutable once loaded, hence thread-safe and shared by any number of
// instances (runtime/executor).
class Artifact {
 public:
  // Errors begin with `path`. INVALID_ARGUMENT: not an artifact, or a field
  // that is out of range, named. DATA_LOSS: truncated, or a checksum that does
  // not match. FAILED_PRECONDITION: a newer version, another kernel ABI, no
  // code that the device runs. Others as FileSystem::Map.
  static absl::StatusOr<std::shared_ptr<const Artifact>> Load(
      FileSystem& files, const std::string& path,
      const LoadOptions& options = {});
  // The same over `bytes`, 64-byte aligned, that the caller keeps alive;
  // `path` is for messages.
  static absl::StatusOr<std::shared_ptr<const Artifact>> FromBytes(
      absl::Span<const uint8_t> bytes, std::string path,
      const LoadOptions& options = {});

  ~Artifact();
  Artifact(const Artifact&) = delete;
  Artifact& operator=(const Artifact&) = delete;

  const std::string& path() const { return path_; }
  const ArtifactSpec& spec() const { return spec_; }
  uint64_t file_size() const { return bytes_.size(); }

  // Index of the entry, or NOT_FOUND with the names there are.
  absl::StatusOr<size_t> FindEntry(absl::string_view name) const;
  // Index of the slot of that name in the model, or in the only model that has
  // one when `model` is empty; NOT_FOUND otherwise.
  absl::StatusOr<size_t> FindSlot(absl::string_view name,
                                  absl::string_view model = "") const;
  // The file's weights, page-aligned: SlotSpec::data_offset counts from here.
  // Empty if there are none.
  absl::Span<const uint8_t> weights() const;
  // Initial values of a parameter slot, 64-byte aligned; empty for states.
  absl::Span<const uint8_t> SlotData(size_t slot) const;
  // Says that SlotData(slot) will hardly be read again; see
  // MappedFile::Release.
  void ReleaseSlot(size_t slot) const;
  // Whether a program of the entry writes slots.
  bool EntryWritesSlots(size_t entry) const;

  // Reads all parameters once and compares each with its checksum, at about 8
  // GB/s; the file's pages do not stay in memory. DATA_LOSS names the first
  // that differs.
  absl::Status VerifyWeights() const;

  // The target whose code is loaded, and the device that runs it; null without
  // code.
  const TargetSpec* target() const { return target_; }
  Device* device() const { return device_; }
  // By index of target()->kernels.
  absl::Span<const KernelHandle> kernels() const { return kernels_; }

 private:
  Artifact(std::string path, absl::Span<const uint8_t> bytes);

  absl::Status Parse(const LoadOptions& options);
  absl::Status ReadSegments(const schema::Artifact& header,
                            const schema::Preamble& preamble);
  absl::Status CheckWeights(const schema::Artifact& header);
  // Of weights().
  void ReleaseWeights(uint64_t begin, uint64_t end) const;
  // With its model if there are several.
  std::string ParameterName(size_t slot) const;
  absl::Status LoadCode(Device& device);

  const std::string path_;
  const absl::Span<const uint8_t> bytes_;
  std::unique_ptr<MappedFile> mapping_;  // null for FromBytes
  ArtifactSpec spec_;
  std::vector<schema::Segment> places_;  // of the segments
  std::vector<absl::Span<const uint8_t>> segments_;
  // Of the segments but the weights, then of the parameters.
  std::vector<uint64_t> checksums_;
  size_t checked_segments_ = 0;
  std::vector<size_t> parameters_;  // slots
  int32_t weights_ = -1;            // segment
  const TargetSpec* target_ = nullptr;
  Device* device_ = nullptr;
  std::unique_ptr<Code> code_;
  std::vector<KernelHandle> kernels_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_ARTIFACT_H_
