// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// An artifact with one of everything, and mutations of its header.

#ifndef GRAFT_TEST_FUZZ_EXAMPLE_ARTIFACT_H_
#define GRAFT_TEST_FUZZ_EXAMPLE_ARTIFACT_H_

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <vector>

#include "runtime/artifact/checksum.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/file.h"
#include "runtime/schema/container.h"
#include "test/runtime/artifact/tiny_artifact.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace graft {

inline std::vector<uint8_t> MakeExample() {
  char path[] = "/tmp/graft_example_XXXXXX";
  const int file = mkstemp(path);
  static constexpr uint8_t kCode[] = {0x7f, 'E', 'L', 'F'};
  const absl::Status written = WriteArtifact(
      FileSystem::Posix(), path, TinySpec(kCode, "avx2"), TinyWeights);
  if (file < 0 || !written.ok()) {
    std::cerr << "the example was refused: " << written << "\n";
    std::abort();
  }
  const auto mapped = FileSystem::Posix().Map(path).value();
  unlink(path);
  close(file);
  return {mapped->bytes().begin(), mapped->bytes().end()};
}

// The bytes of the artifact; its code is none.
inline const std::vector<uint8_t>& Example() {
  static const auto* const example = new std::vector<uint8_t>(MakeExample());
  return *example;
}

// A copy as aligned as a mapping, with nothing behind it for the sanitizer to
// miss.
struct AlignedCopy {
  AlignedCopy(const uint8_t* data, size_t size)
      : bytes(static_cast<uint8_t*>(
            ::operator new(size, std::align_val_t(schema::kAlignment)))) {
    std::memcpy(bytes, data, size);
  }
  ~AlignedCopy() {
    ::operator delete(bytes, std::align_val_t(schema::kAlignment));
  }
  uint8_t* const bytes;
};

// Mutates the header in place, of equal size, so that segments stay where the
// header says they are, and repairs its checksums, which would otherwise refuse
// nearly all mutants. What is no artifact becomes the example.
inline size_t MutateHeader(uint8_t* data, size_t size, size_t max_size) {
  using schema::Preamble;
  const std::vector<uint8_t>& example = Example();
  Preamble preamble;
  if (size < sizeof(preamble) ||
      std::memcmp(data, schema::kMagic, sizeof(preamble.magic)) != 0) {
    if (max_size < example.size())
      return LLVMFuzzerMutate(data, size, max_size);
    std::memcpy(data, example.data(), example.size());
    return example.size();
  }
  std::memcpy(&preamble, data, sizeof(preamble));
  if (preamble.header_size == 0 ||
      preamble.header_size > size - sizeof(preamble)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  uint8_t* const header = data + sizeof(preamble);
  const size_t used =
      LLVMFuzzerMutate(header, preamble.header_size, preamble.header_size);
  std::memset(header + used, 0, preamble.header_size - used);
  preamble.header_checksum =
      Checksum(absl::MakeConstSpan(header, preamble.header_size));
  std::memcpy(data, &preamble, sizeof(preamble));
  preamble.preamble_checksum =
      Checksum(absl::MakeConstSpan(data, sizeof(preamble) - sizeof(uint64_t)));
  std::memcpy(data, &preamble, sizeof(preamble));
  return size;
}

}  // namespace graft

#endif  // GRAFT_TEST_FUZZ_EXAMPLE_ARTIFACT_H_
