// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The host program's part of a checkpoint.

#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/train/checkpoint.h"

namespace graft {
namespace {

using nlohmann::json;

absl::Status Error(absl::string_view field, absl::string_view expected,
                   const json& found) {
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": expects ", expected, ", got ", DescribeJson(found)));
}

// The member `name` of an object; null without one.
const json& Member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

absl::StatusOr<int64_t> ReadCount(const json& object, const char* name,
                                  int64_t least) {
  const json& value = Member(object, name);
  // Far more than any run counts; sums of such counts do not overflow.
  constexpr int64_t kMost = int64_t{1} << 53;
  if (value.is_number_integer()) {
    const bool large = value.is_number_unsigned() &&
                       value.get<uint64_t>() > static_cast<uint64_t>(kMost);
    if (!large && value.get<int64_t>() >= least &&
        value.get<int64_t>() <= kMost)
      return value.get<int64_t>();
  }
  return Error(name, absl::StrCat("an integer from ", least), value);
}

// Whether the program is inside of the block that instruction `begin` opens.
bool IsInside(const HostProgramSpec& program, size_t begin, size_t at) {
  return at > begin && at <= BlockEnd(program, begin);
}

// A batch or micro-batch of a stream is current exactly inside of its block.
absl::Status CheckPositions(const HostState& state, const ArtifactSpec& spec,
                            const HostProgramSpec& program) {
  for (size_t stream = 0; stream < spec.streams.size(); ++stream) {
    bool batch = false, micro_batch = false;
    for (size_t i = 0; i < program.instructions.size(); ++i) {
      const HostInstruction& loop = program.instructions[i];
      const bool draws = DrawsBatch(loop.op);
      if (loop.index != stream || !IsInside(program, i, state.at) ||
          (!draws && loop.op != HostOp::for_each_micro_batch))
        continue;
      (draws ? batch : micro_batch) = true;
    }
    const StreamPosition& position = state.streams[stream];
    if (batch && (position.batches == 0 || position.size == 0))
      return absl::InvalidArgumentError(absl::StrCat(
          "stream ", spec.streams[stream].name,
          ": expects a batch at instruction ", state.at, ", got none"));
    if (micro_batch != (position.micro_batch >= 0))
      return absl::InvalidArgumentError(
          absl::StrCat("stream ", spec.streams[stream].name, ": expects ",
                       micro_batch ? "a" : "no", " micro-batch at instruction ",
                       state.at, ", got ", micro_batch ? "none" : "one"));
  }
  return absl::OkStatus();
}

absl::Status ReadRegisters(const json& object, const ArtifactSpec& spec,
                           HostState& state) {
  const json& values = Member(object, "registers");
  for (size_t i = 0; i < spec.registers.size(); ++i) {
    const RegisterSpec& reg = spec.registers[i];
    if (reg.kind != RegisterKind::variable) continue;
    const json& value = Member(values, reg.name.c_str());
    if (!value.is_string() ||
        !absl::SimpleAtod(value.get_ref<const std::string&>(),
                          &state.registers[i]))
      return Error(absl::StrCat("registers.", reg.name), "a number as text",
                   value);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeHostState(const HostState& state, const ArtifactSpec& spec) {
  json object = {{"instruction", state.at}, {"marks", state.marks}};
  json& registers = object["registers"] = json::object();
  for (size_t i = 0; i < spec.registers.size(); ++i)
    // As text: JSON has no infinities.
    if (spec.registers[i].kind == RegisterKind::variable)
      registers[spec.registers[i].name] =
          absl::StrFormat("%.17g", state.registers[i]);
  json& streams = object["streams"] = json::object();
  for (size_t i = 0; i < spec.streams.size(); ++i)
    streams[spec.streams[i].name] = {
        {"batches", state.streams[i].batches},
        {"micro_batch", state.streams[i].micro_batch},
        {"size", state.streams[i].size}};
  json& caches = object["filled"] = json::array();
  for (size_t i = 0; i < spec.caches.size(); ++i)
    if (state.filled[i]) caches.push_back(spec.caches[i].name);
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<HostState> DecodeHostState(absl::string_view text,
                                          const ArtifactSpec& spec,
                                          const HostProgramSpec& program) {
  GRAFT_ASSIGN_OR_RETURN(const json object,
                         ParseJson(std::string(text), "state"));
  HostState state;
  for (const RegisterSpec& reg : spec.registers)
    state.registers.push_back(reg.initial);
  state.streams.resize(spec.streams.size());
  state.filled.resize(spec.caches.size());
  GRAFT_ASSIGN_OR_RETURN(const int64_t at, ReadCount(object, "instruction", 0));
  if (at > static_cast<int64_t>(program.instructions.size()))
    return absl::InvalidArgumentError(
        absl::StrCat("instruction: expects at most ",
                     program.instructions.size(), ", got ", at));
  state.at = static_cast<size_t>(at);
  GRAFT_ASSIGN_OR_RETURN(state.marks, ReadCount(object, "marks", 0));
  GRAFT_RETURN_IF_ERROR(ReadRegisters(object, spec, state));
  const json& streams = Member(object, "streams");
  for (size_t i = 0; i < spec.streams.size(); ++i) {
    const json& stream = Member(streams, spec.streams[i].name.c_str());
    GRAFT_ASSIGN_OR_RETURN(state.streams[i].batches,
                           ReadCount(stream, "batches", 0));
    GRAFT_ASSIGN_OR_RETURN(state.streams[i].micro_batch,
                           ReadCount(stream, "micro_batch", -1));
    GRAFT_ASSIGN_OR_RETURN(state.streams[i].size, ReadCount(stream, "size", 0));
  }
  const json& filled = Member(object, "filled");
  for (size_t i = 0; i < spec.caches.size(); ++i)
    state.filled[i] = !spec.caches[i].batch && filled.is_array() &&
                      absl::c_linear_search(filled, json(spec.caches[i].name));
  GRAFT_RETURN_IF_ERROR(CheckPositions(state, spec, program));
  return state;
}

}  // namespace graft
