// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// FNV-1a, 64 bits (Fowler, Noll, Vo): a stable hash for identifiers, cache keys
// and checksums against accidental damage. Not for hash tables fed by strangers
// and not against forgery. About one byte per four cycles.

#ifndef GRAFT_RUNTIME_BASE_HASH_H_
#define GRAFT_RUNTIME_BASE_HASH_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

inline constexpr uint64_t kFnv1a64Offset = 0xcbf29ce484222325u;

namespace internal_hash {

template <typename Byte>
constexpr uint64_t Fnv1a64(const Byte* data, size_t size, uint64_t state) {
  static_assert(sizeof(Byte) == 1);
  for (size_t i = 0; i < size; ++i) {
    state = (state ^ static_cast<uint8_t>(data[i])) * 0x100000001b3u;
  }
  return state;
}

}  // namespace internal_hash

// Hash of a text or of bytes. Pass the hash of what came before as `state` to
// hash a stream in pieces: the pieces' borders do not matter.
constexpr uint64_t Fnv1a64(absl::string_view text,
                           uint64_t state = kFnv1a64Offset) {
  return internal_hash::Fnv1a64(text.data(), text.size(), state);
}

inline uint64_t Fnv1a64(absl::Span<const uint8_t> bytes,
                        uint64_t state = kFnv1a64Offset) {
  return internal_hash::Fnv1a64(bytes.data(), bytes.size(), state);
}

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_HASH_H_
