// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/inspect.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/inspect_host.h"
#include "runtime/formats/labels.h"

namespace graft {
namespace {

using Json = nlohmann::ordered_json;

std::string Str(absl::string_view text) { return std::string(text); }

// "tensor [T, 384] f32" or "segments [T, S]", with the names of sizes.
std::string DescribeValue(const ArtifactSpec& spec, const ValueSpec& value) {
  if (value.kind == ValueKind::segments) {
    return absl::StrCat("segments [", spec.sizes[value.tokens].name, ", ",
                        spec.sizes[value.sequences].name, "]");
  }
  std::string text = absl::StrCat(DTypeName(value.dtype), " [");
  for (size_t i = 0; i < value.dims.size(); ++i) {
    if (i != 0) absl::StrAppend(&text, ", ");
    if (value.dims[i].size >= 0) {
      absl::StrAppend(&text, spec.sizes[value.dims[i].size].name);
    } else {
      absl::StrAppend(&text, value.dims[i].extent);
    }
  }
  return absl::StrCat(text, "]");
}

std::string DescribeValues(const ArtifactSpec& spec,
                           const std::vector<ValueSpec>& values) {
  std::string text;
  for (const ValueSpec& value : values) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", value.name, ": ",
                    DescribeValue(spec, value));
    if (value.limit != 0) absl::StrAppend(&text, " < ", value.limit);
    if (value.exception != 0) absl::StrAppend(&text, " or ", value.exception);
  }
  return absl::StrCat("(", text, ")");
}

std::string DescribeBuffer(const ArtifactSpec& spec, const EntrySpec& entry,
                           const BufferSpec& buffer) {
  static constexpr const char* kParts[] = {".offsets", ".ordinals", ".rows"};
  switch (buffer.place) {
    case Place::arena:
      return absl::StrCat("arena[", buffer.offset, " : ", buffer.bytes, "]");
    case Place::slot:
      return absl::StrCat("@", spec.slots[buffer.index].model, "::@",
                          spec.slots[buffer.index].name);
    case Place::input: {
      const ValueSpec& value = entry.inputs[buffer.index];
      return absl::StrCat(value.name, value.kind == ValueKind::segments
                                          ? kParts[buffer.part]
                                          : "");
    }
    case Place::output:
      return absl::StrCat("-> ", entry.outputs[buffer.index].name);
  }
  return "";
}

std::string DescribeGrid(const ArtifactSpec& spec, const GridSpec& grid) {
  if (grid.size < 0) return absl::StrCat(grid.count);
  std::string text = spec.sizes[grid.size].name;
  if (grid.block != 1) absl::StrAppend(&text, " / ", grid.block);
  if (grid.count != 1) absl::StrAppend(&text, " * ", grid.count);
  return text;
}

std::string CommandName(const TargetSpec& target, const CommandSpec& command) {
  if (command.kind == CommandKind::kernel) {
    return target.kernels[command.kernel].name;
  }
  return schema::EnumNameCommandKind(command.kind);
}

const TargetSpec* ShownTarget(const ArtifactSpec& spec,
                              absl::string_view level) {
  for (const TargetSpec& target : spec.targets) {
    if (level.empty() || target.level == level) return &target;
  }
  return nullptr;
}

// Number and bytes of slots that are alike.
struct SlotSum {
  size_t count = 0;
  uint64_t bytes = 0;
};

std::string SlotKind(const SlotSpec& slot) {
  return slot.is_parameter() ? "parameter" : slot.state;
}

// By kind, in the order of their first slots.
std::vector<std::pair<std::string, SlotSum>> SumSlots(const ArtifactSpec& spec,
                                                      SlotSum& trainable) {
  std::vector<std::pair<std::string, SlotSum>> sums;
  for (const SlotSpec& slot : spec.slots) {
    const std::string kind = SlotKind(slot);
    auto found = std::find_if(sums.begin(), sums.end(), [&](const auto& sum) {
      return sum.first == kind;
    });
    if (found == sums.end()) found = sums.insert(found, {kind, {}});
    ++found->second.count;
    found->second.bytes += SlotBytes(slot);
    if (!slot.is_parameter() || !slot.trainable) continue;
    ++trainable.count;
    trainable.bytes += SlotBytes(slot);
  }
  return sums;
}

void AppendSlots(const ArtifactSpec& spec, const InspectOptions& options,
                 std::string* out) {
  SlotSum trainable;
  for (const auto& [kind, sum] : SumSlots(spec, trainable)) {
    absl::StrAppendFormat(out, "slots      %s: %d, %d bytes", kind, sum.count,
                          sum.bytes);
    if (kind == "parameter") {
      absl::StrAppendFormat(out, "; trainable %d, %d bytes", trainable.count,
                            trainable.bytes);
    }
    absl::StrAppend(out, "\n");
  }
  if (!options.slots) return;
  for (const SlotSpec& slot : spec.slots) {
    ValueSpec value;
    value.dtype = slot.dtype;
    for (int64_t extent : slot.shape) value.dims.push_back({-1, extent});
    absl::StrAppend(
        out, "  @", slot.model, "::@", slot.name, " ", SlotKind(slot), " ",
        DescribeValue(spec, value), slot.trainable ? " trainable" : "",
        slot.group.empty() ? "" : absl::StrCat(" in @", slot.group), "\n");
  }
}

void AppendPrograms(const ArtifactSpec& spec, const TargetSpec& target,
                    bool commands, std::string* out) {
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    const EntrySpec& entry = spec.entries[i];
    const ProgramSpec& program = target.programs[i];
    absl::StrAppend(out, "entry      ", entry.name,
                    DescribeValues(spec, entry.inputs), " -> ",
                    DescribeValues(spec, entry.outputs), ": ",
                    program.commands.size(), " commands, ", program.prologue,
                    " of them once, arena ", program.arena_bytes, " bytes, ",
                    program.live_bytes, " in use at once\n");
    if (!commands) continue;
    for (size_t k = 0; k < program.commands.size(); ++k) {
      const CommandSpec& command = program.commands[k];
      absl::StrAppendFormat(out, "  %4d %s(", k, CommandName(target, command));
      for (size_t b = 0; b < command.buffers.size(); ++b) {
        absl::StrAppend(
            out, b == 0 ? "" : ", ",
            DescribeBuffer(spec, entry, program.buffers[command.buffers[b]]));
      }
      absl::StrAppend(out, ") grid ", DescribeGrid(spec, command.grid),
                      command.label.empty() ? "" : " // ", command.label, "\n");
    }
  }
}

// "stream train field ids", "cache teacher_logits", "register rate".
std::string DescribeSource(const ArtifactSpec& spec, const ValueSpec& value) {
  switch (value.source) {
    case SourceKind::caller:
      return "caller";
    case SourceKind::stream:
      return absl::StrCat("stream ", spec.streams[value.source_index].name,
                          " field ", value.field);
    case SourceKind::cache:
      return absl::StrCat("cache ", spec.caches[value.source_index].name);
    case SourceKind::scalar:
      return absl::StrCat("register ", spec.registers[value.source_index].name);
  }
  return "";
}

Json ValuesJson(const ArtifactSpec& spec,
                const std::vector<ValueSpec>& values) {
  Json result = Json::array();
  for (const ValueSpec& value : values) {
    Json item = {{"name", value.name},
                 {"kind", schema::EnumNameValueKind(value.kind)},
                 {"type", DescribeValue(spec, value)}};
    if (value.limit != 0) item["limit"] = value.limit;
    if (value.exception != 0) item["exception"] = value.exception;
    if (value.source != SourceKind::caller)
      item["source"] = DescribeSource(spec, value);
    result.push_back(std::move(item));
  }
  return result;
}

// "data       tsv: text "text", label "label", at most 128 tokens".
std::string DescribeData(const DataSettingsSpec& data) {
  std::string text = absl::StrCat("data       ", data.format, ":");
  const std::pair<const char*, const std::string&> columns[] = {
      {"text", data.text_column},
      {"pair", data.pair_column},
      {"label", data.label_column},
      {"weight", data.weight_column}};
  for (const auto& [what, column] : columns)
    if (!column.empty())
      absl::StrAppend(&text, " ", what, " \"", column, "\",");
  if (!data.feature_columns.empty())
    absl::StrAppend(&text, " features \"",
                    absl::StrJoin(data.feature_columns, "\" \""), "\",");
  if (data.max_length > 0)
    absl::StrAppend(&text, " at most ", data.max_length, " tokens");
  if (text.back() == ',') text.pop_back();
  return absl::StrCat(text, "\n");
}

void AppendHostJson(const ArtifactSpec& spec, Json& root) {
  Json& parameters = root["parameters"] = Json::object();
  for (const ParameterSpec& parameter : spec.parameters) {
    parameters[parameter.name] = parameter.value;
  }
  Json& streams = root["streams"] = Json::array();
  for (const StreamSpec& stream : spec.streams) streams.push_back(stream.name);
  Json& registers = root["registers"] = Json::array();
  for (const RegisterSpec& reg : spec.registers) {
    registers.push_back({{"name", reg.name},
                         {"kind", schema::EnumNameRegisterKind(reg.kind)},
                         {"initial", reg.initial},
                         {"meaning", reg.meaning}});
  }
  Json& programs = root["host_programs"] = Json::object();
  for (const HostProgramSpec& program : spec.host_programs) {
    Json& lines = programs[program.name] = Json::array();
    for (const HostInstruction& instruction : program.instructions) {
      lines.push_back(DescribeInstruction(spec, program, instruction));
    }
  }
}

Json EntryJson(const ArtifactSpec& spec, const TargetSpec* target,
               size_t index) {
  const EntrySpec& entry = spec.entries[index];
  Json result = {{"name", entry.name},
                 {"phase", entry.phase},
                 {"inputs", ValuesJson(spec, entry.inputs)},
                 {"outputs", ValuesJson(spec, entry.outputs)}};
  if (target == nullptr) return result;
  const ProgramSpec& program = target->programs[index];
  result["arena_bytes"] = program.arena_bytes;
  result["live_bytes"] = program.live_bytes;
  result["prologue"] = program.prologue;
  Json& commands = result["commands"] = Json::array();
  for (const CommandSpec& command : program.commands) {
    Json buffers = Json::array();
    for (uint32_t buffer : command.buffers) {
      buffers.push_back(DescribeBuffer(spec, entry, program.buffers[buffer]));
    }
    commands.push_back({{"command", CommandName(*target, command)},
                        {"buffers", std::move(buffers)},
                        {"grid", DescribeGrid(spec, command.grid)},
                        {"label", command.label}});
  }
  return result;
}

}  // namespace

std::string InspectText(const Artifact& artifact,
                        const InspectOptions& options) {
  const ArtifactSpec& spec = artifact.spec();
  std::string out =
      absl::StrFormat("artifact   %s, %d bytes, kernel abi %d\n",
                      artifact.path(), artifact.file_size(), spec.kernel_abi);
  for (const auto& [key, value] : spec.provenance) {
    absl::StrAppendFormat(&out, "%-10s %s\n", key, value);
  }
  for (const SizeSpec& size : spec.sizes) {
    absl::StrAppend(&out, "size       ", size.name, " up to ", size.bound,
                    "\n");
  }
  AppendSlots(spec, options, &out);
  for (const TargetSpec& target : spec.targets) {
    absl::StrAppend(&out, "code       ", target.level, " (", target.triple,
                    "): ", target.code.size(), " bytes, ",
                    target.kernels.size(), " kernels\n");
  }
  if (spec.tokenizer) {
    absl::StrAppend(&out, "tokenizer  ", spec.tokenizer->kind, ", ",
                    spec.tokenizer->data.size(), " bytes\n");
  }
  for (const HeadSpec& head : spec.heads) {
    const absl::string_view name = HeadName(head);
    absl::StrAppend(&out, "head       ", name, name.empty() ? "" : " ",
                    head.name, ": ", head.task);
    if (!head.labels.empty())
      absl::StrAppend(&out, ", ", head.labels.size(), " labels ",
                      DescribeLabels(head.labels));
    absl::StrAppend(&out, "\n");
  }
  if (spec.data) absl::StrAppend(&out, DescribeData(*spec.data));
  for (const ParameterSpec& parameter : spec.parameters) {
    absl::StrAppend(&out, "parameter  ", parameter.name, " = ", parameter.value,
                    parameter.meaning.empty() ? "" : ": ", parameter.meaning,
                    "\n");
  }
  if (const TargetSpec* target = ShownTarget(spec, options.level)) {
    AppendPrograms(spec, *target, options.commands, &out);
  }
  if (options.commands) absl::StrAppend(&out, DescribeHostTables(spec));
  for (const HostProgramSpec& program : spec.host_programs) {
    absl::StrAppend(&out, "host       ", program.name, ": ",
                    program.instructions.size(), " instructions\n");
    if (options.commands)
      absl::StrAppend(&out, DescribeHostProgram(spec, program));
  }
  return out;
}

std::string InspectJson(const Artifact& artifact,
                        const InspectOptions& options) {
  const ArtifactSpec& spec = artifact.spec();
  Json root = {{"path", artifact.path()},
               {"bytes", artifact.file_size()},
               {"kernel_abi", spec.kernel_abi}};
  Json& provenance = root["provenance"] = Json::object();
  for (const auto& [key, value] : spec.provenance) provenance[key] = value;
  Json& sizes = root["sizes"] = Json::object();
  for (const SizeSpec& size : spec.sizes) sizes[size.name] = size.bound;
  Json& slots = root["slots"] = Json::array();
  for (const SlotSpec& slot : spec.slots) {
    slots.push_back({{"model", slot.model},
                     {"name", slot.name},
                     {"kind", SlotKind(slot)},
                     {"group", slot.group},
                     {"dtype", Str(DTypeName(slot.dtype))},
                     {"shape", slot.shape},
                     {"trainable", slot.trainable}});
  }
  Json& targets = root["targets"] = Json::array();
  for (const TargetSpec& target : spec.targets) {
    targets.push_back({{"kind", target.kind},
                       {"format", target.format},
                       {"level", target.level},
                       {"triple", target.triple},
                       {"code_bytes", target.code.size()},
                       {"kernels", target.kernels.size()}});
  }
  Json& entries = root["entries"] = Json::array();
  const TargetSpec* shown = ShownTarget(spec, options.level);
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    entries.push_back(EntryJson(spec, shown, i));
  }
  AppendHostJson(spec, root);
  Json& heads = root["heads"] = Json::array();
  for (const HeadSpec& head : spec.heads) {
    heads.push_back({{"name", head.name},
                     {"task", head.task},
                     {"labels", head.labels},
                     {"entry", head.entry}});
  }
  if (spec.data) {
    root["data"] = {{"format", spec.data->format},
                    {"text_column", spec.data->text_column},
                    {"pair_column", spec.data->pair_column},
                    {"label_column", spec.data->label_column},
                    {"weight_column", spec.data->weight_column},
                    {"max_length", spec.data->max_length},
                    {"feature_columns", spec.data->feature_columns}};
  }
  root["config"] = spec.config;
  return root.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace graft
