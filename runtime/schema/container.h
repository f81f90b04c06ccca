// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The container around the header of a .graft file, shared by the writer
// (passes/export) and the reader (runtime/artifact). README.md describes it.

#ifndef GRAFT_RUNTIME_SCHEMA_CONTAINER_H_
#define GRAFT_RUNTIME_SCHEMA_CONTAINER_H_

#include <cstddef>
#include <cstdint>

namespace graft::schema {

inline constexpr char kMagic[8] = {'G', 'R', 'A', 'F', 'T', '\r', '\n', '\x1a'};

// Raised when older readers would misunderstand a file.
inline constexpr uint32_t kVersion = 3;

inline constexpr uint64_t kAlignment = 64;
inline constexpr uint64_t kWeightsAlignment = 4096;

// The first 64 bytes, little endian.
struct Preamble {
  char magic[8];
  uint32_t version;
  uint32_t reserved;          // 0
  uint64_t header_size;       // of the FlatBuffer at byte 64
  uint64_t header_checksum;   // XXH3, 64 bits
  uint64_t checksums_offset;  // table at the end; see README.md
  uint64_t checksum_count;    // entries of that table but the last
  uint64_t file_size;
  uint64_t preamble_checksum;  // XXH3 of the 56 bytes before
};
static_assert(sizeof(Preamble) == 64);

constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace graft::schema

#endif  // GRAFT_RUNTIME_SCHEMA_CONTAINER_H_
