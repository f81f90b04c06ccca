// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/binding/entry.h"
#include "runtime/data/batch_stream.h"
#include "runtime/data/example_table.h"
#include "runtime/host/expression.h"
#include "runtime/predict/predictor.h"
#include "tools/option_values.h"

namespace graft {
namespace {

// Turns of a phase in a step, as far as costs are told.
constexpr double kMostTurns = 1000;

// The loops over the steps of the stages: the innermost ones around a mark.
std::vector<size_t> StepLoops(const HostProgramSpec& program) {
  const std::vector<HostInstruction>& code = program.instructions;
  std::vector<size_t> loops;
  for (size_t mark = 0; mark < code.size(); ++mark) {
    if (code[mark].op != HostOp::mark) continue;
    for (size_t i = mark; i > 0; --i) {
      if (!IsLoop(code[i - 1].op) || BlockEnd(program, i - 1) < mark) continue;
      if (!absl::c_linear_search(loops, i - 1)) loops.push_back(i - 1);
      break;
    }
  }
  return loops;
}

// Adds the streams of which instructions from `begin` to `end` draw a batch.
void AddStreams(const HostProgramSpec& program, size_t begin, size_t end,
                std::vector<uint32_t>& streams) {
  for (; begin < end; ++begin) {
    const HostInstruction& instruction = program.instructions[begin];
    if (DrawsBatch(instruction.op) &&
        !absl::c_linear_search(streams, instruction.index))
      streams.push_back(instruction.index);
  }
}

uint64_t Elements(const SlotSpec& slot) {
  uint64_t count = 1;
  for (int64_t extent : slot.shape) count *= static_cast<uint64_t>(extent);
  return count;
}

// The value of each size in a batch of one sequence of `length` tokens; a size
// that neither segments nor a stream counts is at its capacity.
std::vector<double> SizesOfOneSequence(const ArtifactSpec& spec,
                                       double length) {
  std::vector<double> sizes;
  for (const SizeSpec& size : spec.sizes)
    sizes.push_back(static_cast<double>(size.bound));
  for (const StreamSpec& stream : spec.streams)
    if (stream.sequences >= 0) sizes[static_cast<size_t>(stream.sequences)] = 1;
  for (const EntrySpec& entry : spec.entries) {
    for (const ValueSpec& input : entry.inputs) {
      if (input.kind != ValueKind::segments) continue;
      sizes[static_cast<size_t>(input.tokens)] = length;
      sizes[static_cast<size_t>(input.sequences)] = 1;
    }
  }
  return sizes;
}

double Flops(const CommandSpec& command, const std::vector<double>& sizes) {
  double sum = 0;
  for (const CostTermSpec& term : command.flops) {
    auto value = static_cast<double>(term.coefficient);
    for (int32_t size : {term.first, term.squares ? term.first : term.second})
      if (size >= 0) value *= sizes[static_cast<size_t>(size)];
    sum += value;
  }
  return sum;
}

void CountFlops(const ArtifactSpec& spec, const TargetSpec& target,
                ProgramCost& cost) {
  const std::vector<double> sizes = SizesOfOneSequence(spec, cost.length);
  const auto flops_of = [&](size_t entry) {
    double flops = 0;
    for (const CommandSpec& command : target.programs[entry].commands)
      flops += Flops(command, sizes);
    return cost.length > 0 ? flops / cost.length : flops;
  };
  // The mean of several heads: each reads a text by itself.
  const std::vector<size_t> predictions = PredictionEntries(spec);
  for (const size_t entry : predictions)
    cost.forward_flops +=
        flops_of(entry) / static_cast<double>(predictions.size());
  for (const StageWork& stage : StagesOf(spec)) {
    double& flops = cost.training_flops.emplace_back(0);
    for (const size_t entry : stage.entries)
      flops += flops_of(entry) / static_cast<double>(stage.streams.size());
  }
}

void CountBytes(const ArtifactSpec& spec, const TargetSpec& target,
                ProgramCost& cost) {
  const std::vector<bool> trained = TrainedSlots(spec);
  for (size_t i = 0; i < spec.slots.size(); ++i) {
    const SlotSpec& slot = spec.slots[i];
    uint64_t& bytes = slot.state == "gradient" ? cost.gradient_bytes
                      : !slot.is_parameter()   ? cost.moment_bytes
                      : slot.trainable         ? cost.parameter_bytes
                                               : cost.mapped_bytes;
    bytes += SlotBytes(slot);
    if (!slot.is_parameter()) continue;
    cost.parameters += Elements(slot);
    if (trained[i]) cost.trainable += Elements(slot);
  }
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    cost.arena_bytes =
        std::max(cost.arena_bytes, target.programs[i].arena_bytes);
    uint64_t bytes = 0;
    for (const ValueSpec& value : spec.entries[i].inputs) {
      const int parts = value.kind == ValueKind::segments ? 3 : 1;
      for (int part = 0; part < parts; ++part)
        bytes += BoundBytes(value, part, spec.sizes);
    }
    for (const ValueSpec& value : spec.entries[i].outputs)
      bytes += BoundBytes(value, 0, spec.sizes);
    cost.input_bytes = std::max(cost.input_bytes, bytes);
  }
  std::vector<uint32_t> streams;
  for (const HostProgramSpec& program : spec.host_programs)
    AddStreams(program, 0, program.instructions.size(), streams);
  for (const uint32_t stream : streams) {
    const BatchCapacity capacity = StreamCapacity(spec, spec.streams[stream]);
    cost.input_bytes += BatchStream::kBatches *
                        Examples::Bytes(ColumnsOf(spec, stream),
                                        capacity.sequences, capacity.tokens);
  }
}

std::string Megabytes(uint64_t bytes) {
  return absl::StrFormat("%10.3f MB", static_cast<double>(bytes) / 1e6);
}

// What the loop over the steps of a stage does, where registers are as in the
// beginning.
StageWork WorkIn(const ArtifactSpec& spec, const HostProgramSpec& program,
                 size_t loop, const std::vector<double>& registers) {
  const std::vector<StreamFacts> streams(spec.streams.size());
  StageWork work;
  AddStreams(program, loop, BlockEnd(program, loop), work.streams);
  // Turns of a phase, in loops around the instruction.
  std::vector<std::pair<size_t, int64_t>> repeats;
  for (size_t i = loop + 1; i < BlockEnd(program, loop); ++i) {
    const HostInstruction& instruction = program.instructions[i];
    while (!repeats.empty() && repeats.back().first <= i) repeats.pop_back();
    if (instruction.op == HostOp::repeat) {
      const double times =
          EvaluateExpression(instruction.expression, registers, streams,
                             /*seed=*/0);
      const int64_t around = repeats.empty() ? 1 : repeats.back().second;
      const double turns =
          std::clamp(times * static_cast<double>(around), 0.0, kMostTurns);
      repeats.emplace_back(BlockEnd(program, i), static_cast<int64_t>(turns));
    }
    if (instruction.op == HostOp::call)
      work.entries.insert(work.entries.end(),
                          repeats.empty() ? 1 : repeats.back().second,
                          instruction.index);
  }
  return work;
}

}  // namespace

std::vector<StageWork> StagesOf(const ArtifactSpec& spec) {
  std::vector<double> registers;
  for (const RegisterSpec& number : spec.registers)
    registers.push_back(number.initial);
  std::vector<StageWork> stages;
  for (const HostProgramSpec& program : spec.host_programs)
    for (const size_t loop : StepLoops(program))
      stages.push_back(WorkIn(spec, program, loop, registers));
  return stages;
}

bool HasTexts(const ArtifactSpec& spec, uint32_t stream) {
  return absl::c_any_of(spec.entries, [&](const EntrySpec& entry) {
    return absl::c_any_of(entry.inputs, [&](const ValueSpec& input) {
      return input.source == SourceKind::stream &&
             input.source_index == stream && input.field == kIdsColumn;
    });
  });
}

Schema ColumnsOf(const ArtifactSpec& spec, uint32_t stream) {
  Schema schema = HasTexts(spec, stream) ? TextSchema() : Schema();
  for (const EntrySpec& entry : spec.entries) {
    for (const ValueSpec& input : entry.inputs) {
      if (input.source != SourceKind::stream || input.source_index != stream ||
          input.kind == ValueKind::segments || schema.Find(input.field))
        continue;
      std::vector<ColumnSpec> columns(schema.columns().begin(),
                                      schema.columns().end());
      columns.push_back(ColumnOf(spec, input));
      schema = Schema(std::move(columns));
    }
  }
  return schema;
}

std::vector<bool> TrainedSlots(const ArtifactSpec& spec) {
  std::vector<bool> trained(spec.slots.size());
  bool any = false;
  for (const SlotSpec& slot : spec.slots) {
    if (slot.state != "gradient" || slot.parameter < 0) continue;
    any = true;
    const auto parameter = static_cast<size_t>(slot.parameter);
    trained[parameter] = spec.slots[parameter].trainable;
  }
  // A trained model alone has no gradients.
  for (size_t i = 0; !any && i < spec.slots.size(); ++i)
    trained[i] = spec.slots[i].is_parameter() && spec.slots[i].trainable;
  return trained;
}

absl::StatusOr<ProgramCost> MeasureProgram(const Artifact& artifact,
                                           const std::string& level,
                                           double length) {
  const ArtifactSpec& spec = artifact.spec();
  const TargetSpec* target = nullptr;
  for (const TargetSpec& candidate : spec.targets)
    if (!target && (level.empty() || candidate.level == level))
      target = &candidate;
  if (!target) {
    std::vector<std::string> levels;
    for (const TargetSpec& other : spec.targets) levels.push_back(other.level);
    return absl::InvalidArgumentError(
        absl::StrCat("--level: expects a level of ", artifact.path(),
                     ", which has ", ListChoices(levels), ", got ",
                     Shorten(level), DidYouMean(level, levels)));
  }
  bool texts = false;
  for (uint32_t stream = 0; stream < spec.streams.size(); ++stream)
    texts |= HasTexts(spec, stream);
  if (!texts && length > 0)
    return absl::InvalidArgumentError(absl::StrCat(
        "--length: expects a program with texts, got ", artifact.path()));
  ProgramCost cost;
  if (texts)
    cost.length =
        length > 0 ? length : static_cast<double>(MaxLength(artifact));
  CountFlops(spec, *target, cost);
  CountBytes(spec, *target, cost);
  cost.choices = target->choices;
  return cost;
}

std::string CostText(const ProgramCost& cost) {
  const std::string work =
      cost.length > 0
          ? absl::StrFormat("token, in a text of %.6g tokens", cost.length)
          : "example";
  std::vector<std::string> training;
  for (const double flops : cost.training_flops)
    training.push_back(absl::StrFormat("%.6g", flops));
  const size_t stages = training.size();
  std::string text = absl::StrFormat(
      "parameters %d, %d of them trainable\n"
      "flops      per %s: %.6g forward, %s in training%s\n"
      "memory     of training, at the program's capacity:\n",
      cost.parameters, cost.trainable, work, cost.forward_flops,
      stages == 0 ? "0" : absl::StrJoin(training, " and "),
      stages > 1 ? absl::StrCat(", by stage") : "");
  const std::pair<const char*, uint64_t> parts[] = {
      {"parameters", cost.parameter_bytes},
      {"gradients", cost.gradient_bytes},
      {"moments", cost.moment_bytes},
      {"arena", cost.arena_bytes},
      {"inputs and outputs", cost.input_bytes},
      {"total", cost.total_bytes()},
      {"frozen, mapped", cost.mapped_bytes}};
  for (const auto& [name, bytes] : parts)
    absl::StrAppendFormat(&text, "  %-18s %s\n", name, Megabytes(bytes));
  if (cost.choices.empty()) return text;
  text +=
      "budget     of the arena (--memory-budget), and the estimated time of a "
      "step\n           relative to no budget:\n";
  for (const MemoryChoiceSpec& choice : cost.choices)
    absl::StrAppendFormat(&text, "  %-18s %s %6.2f\n", "",
                          Megabytes(choice.arena_bytes), choice.time);
  return text;
}

std::string CostJson(const ProgramCost& cost) {
  nlohmann::ordered_json json = {
      {"parameters", cost.parameters},
      {"trainable", cost.trainable},
  };
  if (cost.length > 0) json["length"] = cost.length;
  const char* unit = cost.length > 0 ? "token" : "example";
  const std::vector<double>& training = cost.training_flops;
  json[absl::StrCat("forward_flops_per_", unit)] = cost.forward_flops;
  json[absl::StrCat("training_flops_per_", unit)] =
      training.empty() ? 0 : *absl::c_max_element(training);
  if (training.size() > 1) json["stages"] = training;
  json["bytes"] = {
      {"parameters", cost.parameter_bytes}, {"gradients", cost.gradient_bytes},
      {"moments", cost.moment_bytes},       {"arena", cost.arena_bytes},
      {"inputs", cost.input_bytes},         {"total", cost.total_bytes()},
      {"mapped", cost.mapped_bytes}};
  for (const MemoryChoiceSpec& choice : cost.choices)
    json["choices"].push_back(
        {{"arena", choice.arena_bytes}, {"time", choice.time}});
  return json.dump();
}

}  // namespace graft
