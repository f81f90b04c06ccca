// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A byte that chooses, then any bytes as a checkpoint file, or as the state of
// a host program inside of a checkpoint, with a right or a wrong checksum. What
// is refused leaves tensors as they were; a state that is accepted is entered
// by the interpreter.

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/base/utf8.h"
#include "runtime/train/checkpoint.h"
#include "test/fuzz/check.h"
#include "test/fuzz/example_artifact.h"
#include "test/fuzz/host_job.h"
#include "test/fuzz/one_file.h"

namespace graft {
namespace {

constexpr int64_t kMostInstructions = 100;  // behind a state
constexpr float kUntouched = 42;

// How the bytes are read.
enum Kind : uint8_t { kFile, kState, kRightChecksum, kWrongChecksum, kKinds };

Instance& AnyInstance() {
  static Instance* const instance = [] {
    LoadOptions options;
    options.device = new NoCodeDevice();
    return Instance::Create(
               Artifact::FromBytes(Example(), "f", options).value(), {})
        .value()
        .release();
  }();
  return *instance;
}

const ArtifactSpec& Spec() { return AnyInstance().artifact().spec(); }
const HostProgramSpec& Program() { return Spec().host_programs.front(); }

// A parameter and a state that begins as zeros.
struct Tensors {
  std::vector<float> w = std::vector<float>(4, kUntouched);
  std::vector<float> moment = std::vector<float>(2, kUntouched);

  std::vector<StateTensor> views() {
    return {{"m.w", DType::kF32, {4}, Bytes(w)},
            {"m.w.moment", DType::kF32, {2}, Bytes(moment), true}};
  }
  static absl::Span<uint8_t> Bytes(std::vector<float>& values) {
    return {reinterpret_cast<uint8_t*>(values.data()),
            values.size() * sizeof(float)};
  }
};

std::string Hex(absl::string_view text) {
  return absl::StrFormat(
      "%016x",
      Checksum(absl::MakeConstSpan(
          reinterpret_cast<const uint8_t*>(text.data()), text.size())));
}

// A checkpoint of this state with values of 1 for m.w, and the checksum of the
// state as given.
std::string MakeFile(absl::string_view state, const std::string& checksum) {
  const std::vector<float> values(4, 1);
  const std::string data(reinterpret_cast<const char*>(values.data()),
                         values.size() * sizeof(float));
  const nlohmann::json header = {
      {"__metadata__",
       {{"format", "graft-checkpoint-3"},
        {"run", "[]"},
        {"logged", "9"},
        {"kept", "best"},
        {"seed", "7"},
        {"state", std::string(state)},
        {"checksum run", Hex("[]")},
        {"checksum logged", Hex("9")},
        {"checksum kept", Hex("best")},
        {"checksum seed", Hex("7")},
        {"checksum state", checksum},
        {"checksum m.w", Hex(data)}}},
      {"m.w",
       {{"dtype", "F32"}, {"shape", {4}}, {"data_offsets", {0, data.size()}}}}};
  const std::string text =
      header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const uint64_t size = text.size();
  std::string file(reinterpret_cast<const char*>(&size), sizeof(size));
  return absl::StrCat(file, text, data);
}

absl::StatusOr<RunState> Load(absl::string_view bytes) {
  OneFile files(bytes, /*step=*/1 << 20);
  Tensors tensors;
  auto state = LoadCheckpoint(files, "f", Spec(), Program(), tensors.views());
  if (state.ok()) return state;
  GRAFT_FUZZ_CHECK(absl::IsInvalidArgument(state.status()) ||
                   absl::IsDataLoss(state.status()) ||
                   absl::IsNotFound(state.status()));
  GRAFT_FUZZ_CHECK(absl::StrContains(state.status().message(), "f: "));
  GRAFT_FUZZ_CHECK(tensors.w == std::vector<float>(4, kUntouched));
  GRAFT_FUZZ_CHECK(tensors.moment == std::vector<float>(2, kUntouched));
  return state;
}

// The state again as text, and the program from there on.
void Enter(const HostState& state) {
  const std::string text = EncodeHostState(state, Spec());
  const auto again = DecodeHostState(text, Spec(), Program());
  GRAFT_FUZZ_CHECK(again.ok());
  GRAFT_FUZZ_CHECK(EncodeHostState(*again, Spec()) == text);
  for (const bool shuffle : {false, true})
    RunFor(AnyInstance(), Program(), kMostInstructions, shuffle, &state);
}

void Fuzz(Kind kind, absl::string_view bytes) {
  if (kind == kFile) {
    const auto state = Load(bytes);
    if (state.ok()) Enter(state->host);
    return;
  }
  const auto decoded = DecodeHostState(bytes, Spec(), Program());
  GRAFT_FUZZ_CHECK(decoded.ok() || absl::IsInvalidArgument(decoded.status()));
  if (kind == kState) {
    if (decoded.ok()) Enter(*decoded);
    return;
  }
  // JSON has no other text.
  if (FindInvalidUtf8(bytes) != absl::string_view::npos) return;
  const bool right = kind == kRightChecksum;
  const auto loaded =
      Load(MakeFile(bytes, right ? Hex(bytes) : Hex(absl::StrCat(bytes, "x"))));
  GRAFT_FUZZ_CHECK(right ? loaded.ok() == decoded.ok()
                         : absl::IsDataLoss(loaded.status()));
  if (loaded.ok())
    GRAFT_FUZZ_CHECK(EncodeHostState(loaded->host, Spec()) ==
                     EncodeHostState(*decoded, Spec()));
}

// The state after so many instructions.
std::string StateAfter(int64_t instructions) {
  const std::optional<HostState> state =
      RunFor(AnyInstance(), Program(), instructions, /*shuffle=*/false);
  return state ? EncodeHostState(*state, Spec()) : "{}";
}

// Replaces a number of the text, or a digit of one.
size_t MutateNumber(uint8_t* data, size_t size, size_t max_size,
                    unsigned int seed) {
  static const auto* const kNumbers =
      new std::vector<std::string>{"0",
                                   "-1",
                                   "1",
                                   "2",
                                   "7",
                                   "9007199254740992",
                                   "18446744073709551615",
                                   "1e999",
                                   "nan",
                                   "-0.0",
                                   "null"};
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::pair<size_t, size_t>> found;  // begin and size
  for (size_t i = 0; i < size; ++i) {
    if (!absl::ascii_isdigit(data[i])) continue;
    size_t end = i;
    while (end < size && absl::ascii_isdigit(data[end])) ++end;
    found.emplace_back(i, end - i);
    i = end;
  }
  if (found.empty()) return LLVMFuzzerMutate(data, size, max_size);
  const auto [begin, length] = found[seed / 16 % found.size()];
  const std::string changed = absl::StrCat(
      text.substr(0, begin), (*kNumbers)[seed / 1024 % kNumbers->size()],
      text.substr(begin + length));
  if (changed.size() > max_size) return size;
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}

}  // namespace
}  // namespace graft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  graft::Fuzz(
      static_cast<graft::Kind>(data[0] % graft::kKinds),
      absl::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}

// Half of the mutants change a number of a state. What is no state becomes one.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  if (size < 2 || (data[1] != '{' && seed % 4 == 0)) {
    const auto kind = static_cast<graft::Kind>(seed / 4 % graft::kKinds);
    const std::string state = graft::StateAfter(seed / 16 % 64);
    std::string input(1, static_cast<char>(kind));
    input += kind == graft::kFile ? graft::MakeFile(state, graft::Hex(state))
                                  : state;
    if (input.size() > max_size) return size;
    std::memcpy(data, input.data(), input.size());
    return input.size();
  }
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  return 1 + graft::MutateNumber(data + 1, size - 1, max_size - 1, seed);
}
