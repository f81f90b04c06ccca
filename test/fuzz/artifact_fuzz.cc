// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Any bytes are either refused as an artifact, or everything that the loaded
// program says can be followed: it is printed, and the values of its slots are
// read. Mutations change the header and repair its checksums, which would
// otherwise refuse nearly all of them; code is not loaded.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <vector>

#include "runtime/artifact/artifact.h"
#include "runtime/artifact/checksum.h"
#include "runtime/artifact/inspect.h"
#include "runtime/artifact/writer.h"
#include "runtime/schema/container.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace graft {
namespace {

// An artifact with something of everything.
ArtifactSpec ExampleSpec() {
  static constexpr uint8_t kCode[] = {0x7f, 'E', 'L', 'F'};
  static constexpr uint8_t kVocabulary[] = {'a', '\n', 'b', '\n'};
  ArtifactSpec spec;
  spec.sizes = {{"T", 16}, {"S", 4}};
  SlotSpec weight;
  weight.model = "model";
  weight.name = "weight";
  weight.shape = {4, 2};
  weight.trainable = true;
  SlotSpec gradient = weight;
  gradient.name = "weight.gradient";
  gradient.kind = SlotKind::gradient;
  gradient.parameter = 0;
  spec.slots = {weight, gradient};

  ValueSpec input;
  input.name = "x";
  input.dims = {{.size = 0}, {.extent = 2}};
  ValueSpec segments;
  segments.name = "segments";
  segments.kind = ValueKind::segments;
  segments.tokens = 0;
  segments.sequences = 1;
  ValueSpec output = input;
  output.name = "y";
  spec.entries = {{"copy", {input, segments}, {output}, 0}};

  ProgramSpec program;
  program.arena_bytes = program.live_bytes = 128;
  program.buffers = {
      {.place = Place::input, .index = 0, .bytes = 128},
      {.place = Place::arena, .bytes = 128},
      {.place = Place::output, .index = 0, .bytes = 128},
      {.place = Place::slot, .index = 0, .bytes = 32},
  };
  CommandSpec copy;
  copy.kind = CommandKind::copy;
  copy.buffers = {0, 1};
  copy.results = 1;
  copy.grid = {.size = 0, .block = 1, .count = 8};
  CommandSpec kernel;
  kernel.buffers = {1, 3, 2};
  kernel.results = 1;
  kernel.label = "product";
  CommandSpec fill = copy;
  fill.kind = CommandKind::fill;
  fill.buffers = {1};
  program.commands = {copy, kernel, fill};
  spec.targets = {{"avx2",
                   "x86_64-linux-gnu",
                   kCode,
                   {{"k", "graft_k"}},
                   {program},
                   {{64, 1}}}};
  spec.host_programs = {{"train",
                         {{HostOp::for_each_micro_batch, 0},
                          {HostOp::call, 0},
                          {HostOp::end, 0},
                          {HostOp::mark, 0}}}};
  spec.tokenizer.emplace().vocabulary = kVocabulary;
  spec.labels = {"no", "yes"};
  spec.config = "{}";
  spec.provenance = {{"made by", "the fuzzer"}};
  return spec;
}

std::vector<uint8_t> MakeExample() {
  char path[] = "/tmp/graft_artifact_fuzz_XXXXXX";
  const int file = mkstemp(path);
  const absl::Status written = WriteArtifact(
      FileSystem::Posix(), path, ExampleSpec(), [](size_t, WeightSink sink) {
        const std::vector<uint8_t> zeros(32);
        return sink(zeros);
      });
  if (file < 0 || !written.ok()) {
    std::cerr << "the example was refused: " << written << "\n";
    std::abort();
  }
  const auto mapped = FileSystem::Posix().Map(path).value();
  unlink(path);
  close(file);
  return {mapped->bytes().begin(), mapped->bytes().end()};
}

const std::vector<uint8_t>& Example() {
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

// Mutates the header in place, of equal size, so that segments stay where the
// header says they are.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int) {
  using graft::schema::Preamble;
  const std::vector<uint8_t>& example = graft::Example();
  Preamble preamble;
  if (size < sizeof(preamble) ||
      std::memcmp(data, graft::schema::kMagic, sizeof(preamble.magic)) != 0) {
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
      graft::Checksum(absl::MakeConstSpan(header, preamble.header_size));
  std::memcpy(data, &preamble, sizeof(preamble));
  preamble.preamble_checksum = graft::Checksum(
      absl::MakeConstSpan(data, sizeof(preamble) - sizeof(uint64_t)));
  std::memcpy(data, &preamble, sizeof(preamble));
  return size;
}
