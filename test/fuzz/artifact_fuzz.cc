// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Any bytes are either refused as an artifact, or everything that the loaded
// program says can be followed: it is printed, and the values of its slots are
// read. Mutations change the header and repair its checksums, which would
// otherwise refuse nearly all of them; code is not loaded.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "runtime/artifact/artifact.h"
#include "runtime/artifact/checksum.h"
#include "runtime/artifact/inspect.h"
#include "test/fuzz/example_artifact.h"

namespace graft {
namespace {

// Keeps the compiler from dropping a read.
volatile uint64_t sink;

void Follow(const Artifact& artifact) {
  sink = sink + InspectText(artifact, {true, true, ""}).size();
  sink = sink + InspectJson(artifact).size();
  for (size_t slot = 0; slot < artifact.spec().slots.size(); ++slot) {
    sink = sink + Checksum(artifact.SlotData(slot));
  }
  for (size_t entry = 0; entry < artifact.spec().entries.size(); ++entry) {
    sink = sink + artifact.EntryWritesSlots(entry);
  }
  sink = sink + artifact.VerifyWeights().ok();
}

}  // namespace
}  // namespace graft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const graft::AlignedCopy copy(data, size);
  const auto artifact =
      graft::Artifact::FromBytes(absl::MakeConstSpan(copy.bytes, size), "f");
  if (artifact.ok()) {
    graft::Follow(**artifact);
  } else if (size == graft::Example().size() &&
             std::memcmp(data, graft::Example().data(), size) == 0) {
    std::cerr << "the example was refused: " << artifact.status() << "\n";
    std::abort();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int) {
  return graft::MutateHeader(data, size, max_size);
}
