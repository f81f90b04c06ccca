// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace graft {

struct ChecksumStream::State {
  XXH3_state_t xxh;
};

uint64_t Checksum(absl::Span<const uint8_t> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

ChecksumStream::ChecksumStream() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->xxh);
}

ChecksumStream::~ChecksumStream() = default;

void ChecksumStream::Add(absl::Span<const uint8_t> bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

uint64_t ChecksumStream::value() const {
  return XXH3_64bits_digest(&state_->xxh);
}

}  // namespace graft
