// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// XXH3, 64 bits: the checksum of artifacts (https://xxhash.com).

#ifndef GRAFT_RUNTIME_ARTIFACT_CHECKSUM_H_
#define GRAFT_RUNTIME_ARTIFACT_CHECKSUM_H_

#include <cstdint>
#include <memory>

#include "absl/types/span.h"

namespace graft {

uint64_t Checksum(absl::Span<const uint8_t> bytes);

// The checksum of bytes that come in pieces.
class ChecksumStream {
 public:
  ChecksumStream();
  ~ChecksumStream();
  ChecksumStream(const ChecksumStream&) = delete;
  ChecksumStream& operator=(const ChecksumStream&) = delete;

  void Add(absl::Span<const uint8_t> bytes);
  uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_CHECKSUM_H_
